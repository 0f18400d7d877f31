"""SPEC.md -> Clause objects. SPEC.md is the only home of the law's text; nothing here repeats it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from fcspec.errors import BrokenInstallation, UsageError, did_you_mean

if TYPE_CHECKING:
    from markdown_it.token import Token

LEVELS = ("MUST", "SHOULD", "MAY")
CORE = "core"
FIRST_VERSION = "1.0"

_SLUG = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*")
# A link by its text alone, as in [call.once], [as before] and [pytorch#1]; its target stands at the end of SPEC.md.
_LINK = re.compile(r"\[([a-z][\w .#-]*)\](?![\[(])")
_CODE = re.compile(r"(`[^`]*`)")


class _Label(StrEnum):
    """How a paragraph of a clause begins that is no part of its law."""

    SOURCE = "Source:"
    DEVIATIONS = "Known deviations:"
    OBSERVED = "Observed:"


@dataclass(frozen=True)
class Example:
    """A block of Python in SPEC.md, and the line its first statement stands on."""

    code: str
    line: int


@dataclass(frozen=True)
class Clause:
    """One law.

    Attributes:
        slug: `chapter.law`, never changed or reused.
        level: MUST, SHOULD or MAY.
        profile: `core`, or the profile that the heading names behind the level.
        law: the law in words, as Markdown without links.
        source: the documentation's words, a public issue, or "ours" with the reason.
        since: the version of the specification that brought it.
        deviations: how torch breaks a MUST or SHOULD, or None.
        observed: what torch does where a MAY leaves it open, or None.
        examples: code that runs; together one test.
        line: the heading's line in SPEC.md.
    """

    slug: str
    level: str
    profile: str
    law: str
    source: str
    since: str
    deviations: str | None
    observed: str | None
    examples: tuple[Example, ...]
    line: int

    @property
    def chapter(self) -> str:
        return self.slug.partition(".")[0]


@dataclass(frozen=True)
class Spec:
    """SPEC.md, read."""

    path: Path
    version: str
    definitions: tuple[Example, ...]
    clauses: tuple[Clause, ...]

    def __getitem__(self, slug: str) -> Clause:
        """The clause of that slug; UsageError with a did-you-mean when there is none."""
        try:
            return self._by_slug[slug]
        except KeyError:
            raise UsageError(f"SPEC.md has no clause {slug!r}{did_you_mean(slug, self._by_slug)}") from None

    @functools.cached_property
    def _by_slug(self) -> dict[str, Clause]:
        return {clause.slug: clause for clause in self.clauses}

    @property
    def profiles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(clause.profile for clause in self.clauses))

    def position(self, slug: str) -> int:
        return [*self._by_slug].index(slug)

    def select(self, profiles: Iterable[str] = (), globs: Iterable[str] = ()) -> tuple[Clause, ...]:
        """The clauses of these profiles (none given: core; "all": every one) that match one of these globs (none: all).

        A glob given without a profile looks through every profile. UsageError for a profile or glob that selects nothing.
        """
        profiles, globs = tuple(profiles), tuple(globs)
        for profile in profiles:
            if profile not in (*self.profiles, "all"):
                known = ", ".join((*self.profiles, "all"))
                raise UsageError(f"no profile {profile!r}{did_you_mean(profile, self.profiles)} (there are: {known})")
        if not profiles:
            profiles = ("all",) if globs else (CORE,)
        chosen = [clause for clause in self.clauses if "all" in profiles or clause.profile in profiles]
        for glob in globs:
            if not any(fnmatchcase(clause.slug, glob) for clause in chosen):
                known_slugs = [clause.slug for clause in chosen]
                raise UsageError(f"no clause matches {glob!r}{did_you_mean(glob, known_slugs)}")
        return tuple(c for c in chosen if not globs or any(fnmatchcase(c.slug, glob) for glob in globs))


def repository() -> Path | None:
    """The top of the repository that this package stands in; None where it is installed."""
    here = Path(__file__).resolve()
    top = here.parents[2]
    return top if here.parents[1].name == "conformance" and (top / "SPEC.md").is_file() else None


def spec_path() -> Path:
    """The repository's SPEC.md where there is one, else the package's own copy."""
    top = repository()
    return (top if top is not None else Path(__file__).resolve().parent) / "SPEC.md"


@functools.cache
def load_spec() -> Spec:
    path = spec_path()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BrokenInstallation(f"{path} cannot be read ({error.strerror or error})") from None
    return parse(text, path)


def parse(text: str, path: Path) -> Spec:
    """Read a specification. ValueError, with file and line, where it breaks its own format."""
    from markdown_it import MarkdownIt  # when a session has started its process

    tokens = MarkdownIt("commonmark").disable("inline").parse(text)  # what is emphasised within a line, nobody asks
    version = re.search(r"^Version (\d+\.\d+)", text, re.MULTILINE)
    if version is None:
        raise ValueError(f"{path}: a line 'Version X.Y' is missing")
    definitions: list[Example] = []
    clauses: list[Clause] = []
    for heading, body in _sections(tokens):
        title = heading[1].content
        if heading[0].tag == "h2" and title == "Definitions":
            definitions += _examples(body)
        elif heading[0].tag == "h3" and " · " in title:
            clauses.append(_clause(title, _line(heading[0]), body, path))
    slugs = [clause.slug for clause in clauses]
    twice = {slug for slug in slugs if slugs.count(slug) > 1}
    if twice:
        raise ValueError(f"{path}: {', '.join(sorted(twice))}: a slug stands for one clause")
    return Spec(path, version[1], tuple(definitions), tuple(clauses))


def _sections(tokens: Sequence[Token]) -> Iterable[tuple[Sequence[Token], Sequence[Token]]]:
    starts = [i for i, token in enumerate(tokens) if token.type == "heading_open"]
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        yield tokens[start : start + 3], tokens[start + 3 : end]


def _clause(title: str, line: int, body: Sequence[Token], path: Path) -> Clause:
    slug, level, *profile = title.split(" · ")
    where = f"{path.name}:{line}"
    if not _SLUG.fullmatch(slug) or level not in LEVELS or len(profile) > 1:
        raise ValueError(f"{where}: expected 'chapter.law · MUST|SHOULD|MAY[ · profile]', found {title!r}")
    paragraphs = [_without_links(token.content) for token in body if token.type == "inline"]
    said = {label: _labelled(paragraphs, label) for label in _Label}
    law = "\n\n".join(p for p in paragraphs if not p.startswith(tuple(_Label)))
    source = said[_Label.SOURCE]
    if not law or source is None:
        raise ValueError(f"{where}: {slug} needs a law and a line 'Source: ...'")
    unfit = _Label.DEVIATIONS if level == "MAY" else _Label.OBSERVED
    if said[unfit] is not None:
        raise ValueError(f"{where}: {slug} is a {level}: a MAY has no 'Known deviations:', others have no 'Observed:'")
    since = re.search(r"Since\s(\d+\.\d+)\.$", source)
    return Clause(
        slug=slug,
        level=level,
        profile=profile[0] if profile else CORE,
        law=law,
        source=source.removesuffix(since[0]).strip() if since else source,
        since=since[1] if since else FIRST_VERSION,
        deviations=said[_Label.DEVIATIONS],
        observed=said[_Label.OBSERVED],
        examples=_examples(body),
        line=line,
    )


def _labelled(paragraphs: Sequence[str], label: str) -> str | None:
    return next((p.removeprefix(label).strip() for p in paragraphs if p.startswith(label)), None)


def link_texts(text: str) -> list[str]:
    """The text of every link that has no address beside it; what stands in code is none."""
    return [label for part in _CODE.split(text) if not part.startswith("`") for label in _LINK.findall(part)]


def _without_links(text: str) -> str:
    """Text in which a link is its words; code stays as it is."""
    return "".join(part if part.startswith("`") else _LINK.sub(r"\1", part) for part in _CODE.split(text))


def _examples(body: Sequence[Token]) -> tuple[Example, ...]:
    fences = [token for token in body if token.type == "fence" and token.info.strip() == "python"]
    return tuple(Example(token.content, _line(token) + 1) for token in fences)


def _line(token: Token) -> int:
    assert token.map is not None
    return token.map[0] + 1
