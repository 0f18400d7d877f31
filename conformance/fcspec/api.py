"""From Python: `fcspec.check(callable_or_address)`."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from fcspec import live, runner
from fcspec.errors import UsageError
from fcspec.known import ADDRESSES
from fcspec.options import Options, flags
from fcspec.report import deviations as declared_deviations
from fcspec.report import html, model, terminal
from fcspec.report.declarations import Deviation
from fcspec.report.verdict import Verdict
from fcspec.spec import load_spec
from fcspec.target.address import Address
from fcspec.workers.processes import AVAILABLE

Target = str | Callable[..., Any]

_SILENCE_OF_A_FORK = 30.0

_SELECTING = ("profiles", "clauses", "cases")


@dataclass(frozen=True, repr=False)
class Report(model.Report):
    """What `fcspec.check` found out: `verdict`, `clauses`, `broken`, `exit_code`; print it for the screen of the command."""

    def to_json(self) -> str:
        """The document that report.schema.json describes."""
        return model.as_json(self.as_dict())

    def __repr__(self) -> str:
        return f"<fcspec.Report of {self.target['address']}: {self.verdict}, {model.counts(self)}>"

    def __str__(self) -> str:
        return terminal.screen(self, load_spec()).plain

    def _repr_html_(self) -> str:
        return html.page(self, load_spec())


def check(
    target: Target,
    profiles: Iterable[str] | str | None = None,
    clauses: Iterable[str] | str | None = None,
    *,
    strict: bool = False,
    deviations: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    timeout: float = 10.0,
    **more: Any,
) -> Report:
    """Judge an implementation of functional_call. UsageError where the call is wrong.

    Args:
        target: an address as the command takes it, or the implementation itself. One that no import finds (a closure, a bound
            method, a function of a notebook) is judged in a fork of this process.
        profiles: of SPEC.md, or "all"; None: core, or every profile where clauses are given.
        clauses: only those that match, as in "restore.*"; None: all.
        strict: every SHOULD counts like a MUST.
        deviations: a file of declared deviations, or "builtin".
        workers: tests at a time; None: the number of CPUs.
        timeout: seconds for one test.
        more: exclude, seed, patience, brief, exitfirst; as the options of the command.
    """
    chosen = {"profiles": profiles, "clauses": clauses, "strict": strict, "workers": workers, "timeout": timeout}
    return request_for(target, chosen | more, path_in_words(deviations)).judge()


def path_in_words(deviations: object) -> str | None:
    """UsageError where it is no path."""
    if deviations is None or isinstance(deviations, str):
        return deviations
    if not isinstance(deviations, os.PathLike):
        raise UsageError(f"deviations: expected a path or 'builtin', found {deviations!r:.100}")
    return str(deviations)


@dataclass(frozen=True)
class Request:
    """What to judge, checked.

    Attributes:
        function: the implementation where no import finds it; None: it has an address.
        declared: its declared deviations; None: there is no file of them.
        folder: where relative paths of the target start; None: in the current one.
    """

    options: Options
    function: Callable[..., Any] | None = None
    declared: tuple[Deviation, ...] | None = None
    folder: str | None = None

    def judge(self, slugs: Sequence[str] | None = None) -> Report:
        """UsageError where the target can't be judged; KeyboardInterrupt where somebody interrupts.

        Args:
            slugs: only these of the clauses; None: all.
        """
        options = self.options if slugs is None else replace(self.options, profiles=("all",), clauses=tuple(slugs))
        more: dict[str, Any] = {"path": [os.path.abspath(folder) for folder in sys.path if isinstance(folder, str)]}
        threads = _other_threads() if self.function is not None else ()
        if self.function is not None:
            more = {"start": live.starting(self.function, self.options.address), "silence": _SILENCE_OF_A_FORK}
        with runner.Session(options.profiles, options.clauses, **more) as session:
            report = session.judge(options, folder=self.folder)
        if report.run.interrupted:
            raise KeyboardInterrupt
        if self.function is not None:
            report = _doubting_the_fork(report, threads)
        if self.declared is not None:
            report = declared_deviations.apply(report, self.declared)
        return Report(**{field.name: getattr(report, field.name) for field in fields(model.Report)})


def request_for(target: Target, chosen: dict[str, Any], declared: str | None, folder: str | None = None) -> Request:
    """Check what is asked for. UsageError where it is wrong.

    Args:
        chosen: fields of Options.
        declared: a file of declared deviations, or "builtin".
    """
    if sys.flags.optimize:
        raise UsageError("python -O removes assert statements, and with them every test; run without it")
    address, function = _locate(target)
    options, spec = Options(address, **_checked(chosen)), load_spec()
    spec.select(options.profiles, options.clauses)
    entries = None if declared is None else declared_deviations.load(declared, str(address), spec)
    return Request(options, function, entries, folder)


def _locate(target: Target) -> tuple[Address, Callable[..., Any] | None]:
    """The address of an implementation; the implementation itself, where no import would find it there."""
    if isinstance(target, str):
        return Address.parse(target), None
    if not callable(target):
        raise UsageError(f"expected an implementation of functional_call or its address, found {target!r:.100}")
    for address in map(Address.parse, ADDRESSES.values()):
        if _found_at(address.place, address.attribute) is target:
            return address, None
    plain = getattr(target, "func", target)
    place, name = getattr(plain, "__module__", None), getattr(plain, "__qualname__", type(plain).__qualname__)
    if plain is not target:
        name = f"{type(target).__qualname__}({name})"
    address = Address(place or type(plain).__module__, name)
    if _found_at(address.place, name) is target and _is_imported_anew(address.place):
        return address, None
    if not AVAILABLE:
        raise UsageError(f"{address} is no function of a module, and nothing forks here; put it into a module")
    return address, target


def _found_at(place: str, name: str) -> Any:
    found: Any = sys.modules.get(place)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _is_imported_anew(place: str) -> bool:
    """Whether another process finds the module that this one has under that name."""
    top = place.partition(".")[0]
    file = getattr(sys.modules.get(top), "__file__", None)
    if top == "__main__" or file is None:
        return False
    for finder in sys.meta_path:
        spec = finder.find_spec(top, None) if hasattr(finder, "find_spec") else None
        if spec is not None:
            return bool(spec.origin == file)
    return False


def _checked(chosen: dict[str, Any]) -> dict[str, Any]:
    """Fields of Options, of the right type and not below their minimum."""
    known = {flag.field: flag for flag in flags()}
    values = {name: value for name, value in chosen.items() if value is not None}
    for name, value in values.items():
        flag = known.get(name)
        if flag is None or name in ("isolation", "device"):
            names = ", ".join(field for field in known if field not in ("isolation", "device"))
            raise UsageError(f"no option {name!r}; there are target, deviations, {names}")
        if flag.several:
            if name in _SELECTING and not value:
                raise UsageError(f"{name}: found none, so there is nothing to judge; leave it out to judge all")
            values[name] = (value,) if isinstance(value, str) else _strings(name, value)
        elif isinstance(flag.default, bool):
            if not isinstance(value, bool):
                raise UsageError(f"{name}: expected True or False, found {value!r:.100}")
        else:
            kinds = (int, float) if isinstance(flag.default, float) else (int,)
            low = flag.minimum if flag.minimum is not None else float("-inf")
            if isinstance(value, bool) or not isinstance(value, kinds) or not value >= low:
                least = "" if flag.minimum is None else f" from {flag.minimum:g} on"
                raise UsageError(
                    f"{name}: expected a {'number' if float in kinds else 'whole number'}{least}, found {value!r:.100}"
                )
    return values


def _strings(name: str, value: Any) -> tuple[str, ...]:
    try:
        found = tuple(value)
    except TypeError:
        found = (None,)
    if not all(isinstance(one, str) for one in found):
        raise UsageError(f"{name}: expected strings, found {value!r:.100}")
    return found


def _other_threads() -> tuple[str, ...]:
    """Of this process: those that Python knows, by name, and how many more there are."""
    known = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    more = len(os.listdir("/proc/self/task")) - 1 - len(known)
    return (*known, *([f"{more} that Python has not started"] if more > 0 else []))


def _doubting_the_fork(report: model.Report, threads: Sequence[str]) -> model.Report:
    """A lock that another thread held when this process forked is never released in the fork: no verdict may come of that.

    Args:
        threads: those that ran then.
    """
    timeouts = any(case.verdict is Verdict.TIMEOUT for result in report.clauses for case in result.cases)
    if not threads or not (timeouts or report.run.problem):
        return report
    problem = (
        f"{report.run.problem or 'a test found no end'}; it ran in a fork of a process with threads "
        f"({', '.join(threads[:3])}), which may be why: "
        "put the implementation into a module, and judge its address, package.module:function"
    )
    return replace(report, run=replace(report.run, problem=problem))
