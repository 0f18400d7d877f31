"""The target is imported, and called once in a child, before anything is judged."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fcspec.errors import UsageError, in_words
from fcspec.target import implementation
from fcspec.target.address import Address
from fcspec.workers.child import AVAILABLE, Child, Outcome, Output, use_output

if TYPE_CHECKING:
    from fcspec.target.integrity import TrustedCode

CALL_LIMIT = 2.0
"""Seconds for a first call of a Linear. One that takes longer is for the cases to judge."""


@dataclass(frozen=True)
class Loaded:
    """An implementation in this process.

    Attributes:
        trusted: the code that judges, as it was before the import.
        own_classes: the classes that the import brought along.
        notes: what the import changed and was put back, in words.
    """

    function: Callable[..., Any]
    trusted: TrustedCode
    own_classes: frozenset[type]
    notes: tuple[str, ...] = ()


def load(address: Address, plugins: Any = None) -> Loaded:
    """Import the target here. UsageError where that fails, or leaves torch or the test framework changed.

    Args:
        plugins: pytest's, in a process in which it runs.
    """
    from fcspec.state import process_state, restoring
    from fcspec.state.attributes import Attributes, of_torch
    from fcspec.target.integrity import TrustedCode, classes_below

    trusted = TrustedCode(plugins)
    attributes = Attributes(of_torch())
    state = process_state.snapshot("defaults", "modes")
    child_ends = signal.getsignal(signal.SIGCHLD) if AVAILABLE else None
    known = classes_below(object)
    try:
        function = implementation.load(address)
    except UsageError:
        raise
    except BaseException as error:
        raise UsageError(f"{address} does not import: {in_words(error)}") from None
    changed = trusted.restore_all()
    undone, still = restoring.put_back(state)
    if AVAILABLE and signal.getsignal(signal.SIGCHLD) is not child_ends:
        signal.signal(signal.SIGCHLD, child_ends)  # ignored, it would hide how children end
        undone.append("processes.handler of SIGCHLD")
    changed += [name for name, change in attributes.put_back().items() if _overrides(name, change)]
    changed += [_named(part) for part in still if part not in _HARMLESS]
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise UsageError(
            f"importing {address} changes {', '.join(changed[:3])}{more}; nothing can be judged after that: "
            "leave it as it is, or change it in the call and put it back there"
        )
    notes = (f"put back after the import: {', '.join(map(_named, undone))}",) if undone else ()
    return Loaded(function, trusted, frozenset(classes_below(object) - known), notes)


_HARMLESS = ("defaults.interop threads",)
"""What can be set only once."""


def _named(part: str) -> str:
    """A part of process_state, as messages name it."""
    group, _, name = part.partition(".")
    return {"defaults": f"default {name}", "modes": f"mode of {name}"}.get(group, name)


def try_call(loaded: Loaded) -> None:
    """Call the target once, in a child. UsageError where it cannot be judged.

    A target that hangs, exits or crashes when it is called can: by the cases.
    """

    def work(output: Output) -> list[str | None]:
        from fcspec.target.integrity import CallSurroundings

        use_output(output)
        surroundings = CallSurroundings()
        try:
            implementation.try_out(loaded.function, lambda: (surroundings.restore(), loaded.trusted.restore_all()))
        except UsageError as error:
            return [str(error)]
        return [None]

    child = Child(work)
    child.wait(CALL_LIMIT)
    child.end()
    for answer in child.answers():
        if isinstance(answer.value, str):
            raise UsageError(answer.value)


def try_in_child(address: Address, seconds: float, denied: Iterable[int] = ()) -> None:
    """Import the target and call it once, in children. UsageError where it can't be judged.

    Args:
        seconds: the clock of one test; an import may take twice as long.
        denied: descriptors of this process that the child must not have.
    """
    if not AVAILABLE:
        return
    import torch  # noqa: F401  # once for both, and not on the target's clock

    def work(output: Output) -> Iterator[dict[str, str]]:
        use_output(output)
        try:
            loaded = load(address)
            yield {}
            try_call(loaded)
        except UsageError as error:
            yield {"refused": str(error)}

    child = Child(work, denied)
    in_time = child.wait(2 * seconds + CALL_LIMIT)
    outcome, answers = child.end(), child.answers()
    for answer in answers:
        if answer.escaped is not None:
            raise UsageError(f"{address} cannot be tried: {answer.escaped[0]}")
        if "refused" in answer.value:
            raise UsageError(answer.value["refused"])
    if not answers:
        raise UsageError(import_failure(address, seconds, outcome, late=not in_time))


def import_failure(address: Address, seconds: float, outcome: Outcome, *, late: bool) -> str:
    """What to say where a process that imports the target ends, or is ended, before it is done."""
    if late:
        return f"{address} takes more than {2 * seconds:g} s to import; a larger timeout gives it more"
    how = f"killed by {outcome.signal}" if outcome.signal else f"status {os.waitstatus_to_exitcode(outcome.status)}"
    return f"importing {address} ends the process ({how})"


def _overrides(name: str, change: tuple[Any, Any]) -> bool:
    """Whether a change of an attribute of torch alters what was there; a new name beside the old ones does not."""
    import torch

    from fcspec.state.attributes import ABSENT

    key = name.rpartition(".")[2]
    return change[0] is not ABSENT or hasattr(torch.nn.Module, key) or hasattr(torch._C.TensorBase, key)
