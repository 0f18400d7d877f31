"""What `fcspec COMMAND --help` ends with: the command as people use it, and what its exit code means."""

from __future__ import annotations

_EXITS = (
    "Exit codes: 0 every MUST holds, 1 not so, 2 interrupted, 3 incomplete, 4 no such target, clause, option or file, "
    "5 nothing was judged."
)

EXAMPLES = {
    "": (
        "fcspec check mylib:functional_call",
        "fcspec init mine && cd mine && fcspec next functional_call.py:functional_call",
        "fcspec explain restore.exception",
    ),
    "check": (
        "fcspec check mylib:functional_call",
        "fcspec check path/to/file.py:functional_call --strict --profile all",
        "fcspec check mylib:functional_call --clause 'tie.*' --clause restore.exception -x",
        "fcspec check mylib:functional_call --case 'test_examples.py::test_example[tie.one-name]'",
        "fcspec check mylib:functional_call --isolation none --clause tie.one-name",
        "fcspec check mylib:functional_call --deviations deviations.toml --junit fcspec.xml",
        "fcspec check mylib:functional_call --json new.json --baseline old.json --only-changes",
        "fcspec check mylib:functional_call --shard 2/4 --json 2.json",
        "fcspec check torch --deviations builtin",
    ),
    "clauses": ("fcspec clauses", "fcspec clauses 'restore.*' 'tie.*'"),
    "compare": (
        "fcspec compare torch reference mylib:functional_call",
        "fcspec compare yesterday.json today.json --html page.html",
    ),
    "deviations": (
        "fcspec deviations mylib:functional_call -o deviations.toml",
        "fcspec deviations mylib:functional_call --update deviations.toml",
    ),
    "diff": ("fcspec diff yesterday.json today.json",),
    "doctor": ("fcspec doctor",),
    "explain": (
        "fcspec explain tie.one-name",
        "fcspec explain tie.one-name --target mylib:functional_call --script > shows_it.py",
    ),
    "explore": (
        "fcspec explore mylib:functional_call --seconds 600",
        "fcspec explore mylib:functional_call --topic 'shared*' --maxfail 1 --seed 1",
        "fcspec explore mylib:functional_call --database .fcspec",
    ),
    "init": ("fcspec init mine",),
    "merge": ("fcspec merge 1.json 2.json 3.json 4.json --junit fcspec.xml",),
    "next": (
        "fcspec next functional_call.py:functional_call",
        "fcspec next functional_call.py:functional_call --clause 'tie.*' --watch",
    ),
    "show": ("fcspec show report.json", "fcspec show report.json --html page.html --badge badge.svg"),
    "targets": ("fcspec targets",),
}
"""By command; the first are those of `fcspec` itself."""


def epilog(command: str) -> str:
    """In lines that click does not join."""
    title = "Example:" if len(EXAMPLES[command]) == 1 else "Examples:"
    lines = "\n".join(f"  {line}" for line in EXAMPLES[command])
    exits = f"\n\n{_EXITS}" if command in ("check", "next", "merge") else ""
    return f"\b\n{title}\n{lines}{exits}"
