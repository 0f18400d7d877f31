"""The generated parts of SPEC.md: `python tests/appendices.py` writes them.

Contents, changes by version, the index of clauses, and the targets of links. tests/test_spec.py says when they are out of date.
"""

import re
from collections import Counter

import collected
import mutants
from fcspec.report import deviations
from fcspec.spec import LEVELS, Clause, Spec, link_texts, load_spec
from markdown_it import MarkdownIt

COMMAND = "python tests/appendices.py"
TARGET = "torch.func:functional_call"
REPOSITORIES = {
    "accelerate": "huggingface/accelerate",
    "functorch": "pytorch/functorch",
    "learn2learn": "learnables/learn2learn",
    "pytorch": "pytorch/pytorch",
    "pytorch_geometric": "pyg-team/pytorch_geometric",
    "safetensors": "huggingface/safetensors",
    "sglang": "sgl-project/sglang",
    "transformers": "huggingface/transformers",
}
PART = re.compile(r"(<!-- generated: (\w+) -->\n)(.*?)(<!-- end of generated -->)", re.DOTALL)


class UnknownTargetError(Exception):
    """A link of SPEC.md leads nowhere."""


def regenerated(text: str, spec: Spec) -> str:
    """The text of SPEC.md with its generated parts as they should be."""
    written = PART.sub("", text)
    make = {
        "contents": lambda: contents(written, spec),
        "changes": lambda: changes(spec),
        "index": lambda: index(spec),
        "links": lambda: links(written, spec),
    }
    return PART.sub(lambda part: f"{part[1]}{make[part[2]]()}{part[4]}", text)


def contents(text: str, spec: Spec) -> str:
    counts = Counter((clause.chapter, clause.level) for clause in spec.clauses)
    lines = []
    for title in re.findall(r"^## (.+)$", text, re.MULTILINE):
        levels = [f"{counts[title, level]} {level}" for level in LEVELS if counts[title, level]]
        lines.append(f"* [{title}](#{anchor(title)})" + (f": {', '.join(levels)}" if levels else "") + "\n")
    return "".join(lines)


def changes(spec: Spec) -> str:
    versions = sorted({clause.since for clause in spec.clauses}, key=lambda version: [*map(int, version.split("."))])
    lines = []
    for version in reversed(versions):
        since = [clause for clause in spec.clauses if clause.since == version]
        which = f": {', '.join(map(linked, since))}" if version != versions[0] else ""
        lines.append(f"* Version {version} brought {len(since)} clauses{which}.\n")
    return "".join(lines)


def index(spec: Spec) -> str:
    cases = Counter(slug for item in collected.items() for slug in item.clauses)
    caught = Counter(slug for those in mutants.by_chapter().values() for one in those for slug in one.clauses)
    broken = {entry.clause: _releases(entry.when) for entry in deviations.load("builtin", TARGET, spec)}
    rows = ["| clause | level | profile | cases | mutants | torch breaks it |\n", "|---|---|---|--:|--:|---|\n"]
    for clause in spec.clauses:
        slug, level = clause.slug, clause.level
        cells = [linked(clause), level, clause.profile, cases[slug], caught[slug] or "", broken.get(slug, "")]
        rows.append(f"| {' | '.join(map(str, cells))} |\n")
    return "".join(rows)


def _releases(when: str | None) -> str:
    """The requirement of a declared deviation, in words."""
    return "always" if when is None else when.removeprefix("torch").replace(">=", "from ").replace("<", " below ")


def links(text: str, spec: Spec) -> str:
    """Where each link leads that has no address beside it. UnknownTargetError where one leads nowhere."""
    terms = {re.sub("-", " ", name): f"#term-{name}" for name in re.findall(r'<a id="term-([a-z-]+)">', text)}
    clauses = {clause.slug: f"#{anchor_of(clause)}" for clause in spec.clauses}
    tokens = MarkdownIt("commonmark").parse(text)
    used = {label for token in tokens if token.type == "inline" for label in link_texts(token.content)}
    targets = {label: {**terms, **clauses}.get(label) or _issue(label) for label in used}
    return "".join(f"[{label}]: {targets[label]}\n" for label in sorted(targets))


def _issue(label: str) -> str:
    repository, _, number = label.partition("#")
    if repository not in REPOSITORIES or not number.isdecimal():
        raise UnknownTargetError(f"SPEC.md: [{label}] is no clause, no term, and no issue of a known repository")
    return f"https://github.com/{REPOSITORIES[repository]}/issues/{number}"


def linked(clause: Clause) -> str:
    return f"[{clause.slug}](#{anchor_of(clause)})"


def anchor_of(clause: Clause) -> str:
    profile = "" if clause.profile == "core" else f" · {clause.profile}"
    return anchor(f"{clause.slug} · {clause.level}{profile}")


def anchor(heading: str) -> str:
    """What GitHub calls a heading in an address."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


if __name__ == "__main__":
    path = load_spec().path
    path.write_text(regenerated(path.read_text(encoding="utf-8"), load_spec()), encoding="utf-8")
