"""What a report shows, as a file of declared deviations: an entry for each reason, new ones by their cause."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from packaging.version import Version

from fcspec.report.cause import causes
from fcspec.report.declarations import FORMAT, Entry, is_glob, owners
from fcspec.report.deviations import torch_version
from fcspec.report.model import ClauseResult, Report
from fcspec.report.verdict import Verdict
from fcspec.report.words import clean, cut, squeezed
from fcspec.spec import Spec

_MOST_OF_A_CAUSE = 100


def deviating(report: Report) -> dict[str, ClauseResult]:
    """By clause; no MAY, and nothing that the suite itself failed to judge."""
    return {
        one.clause: one
        for one in report.clauses
        if one.level != "MAY" and one.is_wrong and one.verdict is not Verdict.ERROR
    }


def wrong_cases(result: ClauseResult) -> tuple[str, ...]:
    """The ids of the cases that do not pass."""
    return tuple(case.id for case in result.cases if case.verdict.is_wrong)


def write(report: Report, spec: Spec, known: Sequence[Entry] = ()) -> str:
    """The file that declares what a report shows.

    Args:
        known: entries of an older file. Their reasons, issues and dates are kept, and all of those for other releases. Every
            other reason is left empty, for a person to write.
    """
    here = [entry for entry in known if entry.matches(torch_version(report))]
    found = deviating(report)
    groups: dict[object, list[str]] = {}
    examples: dict[object, Entry] = {}
    for slug, entry in dict(owners(here, spec)).items():
        if slug in found:
            like = replace(entry, verdict=_verdict(found[slug]))
            groups.setdefault(like.said, []).append(slug)
            examples[like.said] = like
    texts = [entry_text(entry_of(examples[said], slugs, found, spec)) for said, slugs in groups.items()]
    texts += new_entries(report, spec, known)
    texts += [entry_text(entry) for entry in known if entry not in here]
    head = f"format = {FORMAT}\ntarget = {string(str(report.target['address']))}\n"
    return "\n".join((head, *texts))


def new_entries(report: Report, spec: Spec, known: Sequence[Entry]) -> list[str]:
    """The entries, as text, of what deviates and is not declared; those of one cause are one, and a comment says it.

    What is declared for other releases of torch gets an entry for this one.
    """
    release = torch_version(report)
    here = {slug for slug, entry in owners(known, spec) if entry.matches(release)}
    elsewhere = {slug for slug, _ in owners(known, spec)}
    found = {slug: one for slug, one in deviating(report).items() if slug not in here}
    texts = []
    for cause in causes(found.values(), spec, str(report.target["address"])):
        slugs = [one.clause for one in cause.results]
        comment = cut(squeezed(clean(cause.words)), _MOST_OF_A_CAUSE)
        like = Entry((), _verdict(cause.results[0]), "")
        for one, part in (
            (like, [slug for slug in slugs if slug not in elsewhere]),
            (replace(like, when=_when(release)), [slug for slug in slugs if slug in elsewhere]),
        ):
            texts += [entry_text(entry_of(one, part, found, spec), comment)] if part else []
    return texts


def _when(release: str) -> str:
    version = Version(release)
    return f"torch=={version.major}.{version.minor}.*"


def entry_of(like: Entry, slugs: Iterable[str], found: Mapping[str, ClauseResult], spec: Spec) -> Entry:
    """The entry that declares of these clauses what was found, and for the rest says what another one says."""
    ordered = sorted(slugs, key=spec.position)
    in_part = [slug for slug in ordered if len(wrong_cases(found[slug])) < len(found[slug].cases)]
    return replace(like, clauses=tuple(ordered), cases={slug: wrong_cases(found[slug]) for slug in in_part})


def _verdict(result: ClauseResult) -> Verdict:
    assert result.verdict is not None  # it deviates
    return result.verdict


def entry_text(entry: Entry, comment: str | None = None) -> str:
    """
    Args:
        comment: stands above the reason.
    """
    alone = len(entry.clauses) == 1 and not is_glob(entry.clauses[0])
    lines = ["[[deviation]]"]
    lines += [f"clause = {string(entry.clauses[0])}"] if alone else array("clauses", entry.clauses)
    lines.append(f"verdict = {string(entry.verdict)}")
    if alone and entry.cases:
        lines += array("cases", entry.cases[entry.clauses[0]])
    if comment:
        lines.append(f"# {comment}")
    lines.append(f"reason = {string(entry.reason)}")
    lines += [f"{key} = {string(value)}" for key in ("issue", "when") if (value := getattr(entry, key))]
    lines += [f"{key} = {value}" for key in ("until", "review") if (value := getattr(entry, key))]
    for slug, ids in () if alone else entry.cases.items():
        lines += array(f"cases.{string(slug)}", ids)
    return "\n".join(lines) + "\n"


def array(key: str, values: Iterable[str]) -> list[str]:
    return [f"{key} = [", *(f"    {string(value)}," for value in values), "]"]


def string(text: str) -> str:
    """A basic string of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
