"""The target is imported, and called once in a child, before anything is judged."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fcspec.errors import UsageError, in_words
from fcspec.target import implementation
from fcspec.target.address import Address
from fcspec.workers.child import CHANNEL_CLOSED, Child, Outcome
from fcspec.workers.output import Output, use_output
from fcspec.workers.processes import AVAILABLE

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
    overridden = {name: change for name, change in attributes.put_back().items() if _overrides(name, change)}
    wrapped = [name for name, change in overridden.items() if _wraps(name, change)]
    undone += wrapped
    changed += [name for name in overridden if name not in wrapped]
    changed += [_named(part) for part in still if part not in _HARMLESS]
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise UsageError(
            f"importing {address} changes {', '.join(changed[:3])}{more}; nothing can be judged after that: "
            "leave it as it is, or change it in the call and put it back there"
        )
    notes = (f"put back after the import: {named(undone)}",) if undone else ()
    own = _tensor_classes_of_others() if implementation.is_held(address) else classes_below(object) - known
    return Loaded(function, trusted, frozenset(own), notes)


def _tensor_classes_of_others() -> set[type]:
    """What a target may have brought along that was not imported here: tensors that may compare as they like."""
    import torch

    from fcspec.target.integrity import classes_below, is_of_torch

    known = classes_below(torch.Tensor)
    return {one for one in known if not is_of_torch(one) and one.__module__.partition(".")[0] != "fcspec"}


_HARMLESS = ("defaults.interop threads",)
"""What can be set only once."""


def _wraps(name: str, change: tuple[Any, Any]) -> bool:
    """Whether it is a function of torch itself that another one wraps now, as lightning does with torch.compile."""
    owner, _, _ = name.rpartition(".")
    return owner == "torch" and getattr(change[1], "__wrapped__", None) is change[0]


def named(parts: Iterable[str]) -> str:
    """Parts of process_state and attributes of torch, as messages name them."""
    return ", ".join(map(_named, parts))


def _named(part: str) -> str:
    """A part of process_state or an attribute of torch, as messages name it."""
    group, _, name = part.partition(".")
    if group == "torch":
        return part
    return {"defaults": f"default {name}", "modes": f"mode of {name}"}.get(group, name)


@dataclass(frozen=True)
class FirstCall:
    """What a first call of a Linear shows.

    Attributes:
        forks: it works in a fork of the process that has imported the target, or works nowhere.
        imports: it imports modules that were not there, and starts no thread.
        draft: how it fails, in words; None: it works, or the cases are to judge how it ends.
    """

    forks: bool = True
    imports: bool = False
    draft: str | None = None


def try_in_child(address: Address, seconds: float, denied: Iterable[int] = ()) -> FirstCall:
    """Import the target and call it, in a child. UsageError where it can't be judged.

    A target that hangs, exits or crashes when it is called can: by the cases.

    Args:
        seconds: the clock of one test; an import may take twice as long.
        denied: descriptors of this process that the child must not have.
    """
    if not AVAILABLE:
        return FirstCall()
    import torch  # noqa: F401  # not on the target's clock

    child = Child(_trying(address, seconds), denied)
    answer = child.next_answer(2 * seconds)
    late = answer is None and not child.wait(0.5)
    loaded = answer is not None
    if loaded and answer is not None and answer.value == {}:
        answer = child.next_answer(_longest(seconds) + CALL_LIMIT)
    if answer is not None and answer.value == {"forks": False}:
        answer = child.next_answer_while_busy(CALL_LIMIT, _longest(seconds))
    outcome = child.end()
    if answer is not None and answer.escaped is not None:
        raise UsageError(f"{address} cannot be tried: {answer.escaped[0]}")
    if answer is not None and "refused" in answer.value:
        raise UsageError(answer.value["refused"])
    if not loaded:
        raise UsageError(import_failure(address, seconds, outcome, late=late))
    return FirstCall(**answer.value) if answer is not None else FirstCall()


def _longest(seconds: float) -> float:
    """Seconds that a first call may take while it uses a processor: it may import much."""
    return max(CALL_LIMIT, seconds)


def _trying(address: Address, seconds: float) -> Callable[[Output], Iterator[dict[str, Any]]]:
    def work(output: Output) -> Iterator[dict[str, Any]]:
        use_output(output)
        try:
            loaded = load(address)
            yield {}
            imports = _call_in_fork(loaded, _longest(seconds))
            if imports is not None:
                yield {"forks": True, "imports": imports}
                return
            yield {"forks": False}
            draft = call(loaded)
            yield {"forks": draft is not None, "imports": False, "draft": draft}
        except UsageError as error:
            yield {"refused": str(error)}

    return work


def _call_in_fork(loaded: Loaded, longest: float) -> bool | None:
    """Call the target once in a fork. Whether it imports and starts no thread; None where it does not work."""

    def work(output: Output) -> Iterator[bool | None]:
        use_output(output)
        modules = len(sys.modules)
        if call(loaded) is not None:
            yield None
        else:
            yield len(sys.modules) > modules and len(os.listdir("/proc/self/task")) == 1

    child = Child(work)
    answer = child.next_answer_while_busy(CALL_LIMIT, longest)
    child.end()
    return answer.value if answer is not None else None


def call(loaded: Loaded) -> str | None:
    """Call the target once, here. How it fails, in words; UsageError where it can't take the arguments."""
    from fcspec.target.integrity import CallSurroundings

    surroundings = CallSurroundings()
    return implementation.try_out(loaded.function, lambda: (surroundings.restore(), loaded.trusted.restore_all()))


def warm(loaded: Loaded) -> Loaded:
    """Call the target once, here, so that forks inherit what it imports."""
    from fcspec.state import process_state, restoring
    from fcspec.target.integrity import classes_below

    state, known = process_state.snapshot("defaults", "modes"), classes_below(object)
    call(loaded)
    undone, _ = restoring.put_back(state)
    notes = (f"put back after the first call: {named(undone)}",) if undone else ()
    return replace(loaded, own_classes=loaded.own_classes | (classes_below(object) - known), notes=notes)


def import_failure(address: Address, seconds: float, outcome: Outcome, *, late: bool) -> str:
    """What to say where a process that imports the target ends, or is ended, before it is done."""
    if late:
        return f"{address} takes more than {2 * seconds:g} s to import; a larger timeout gives it more"
    if os.waitstatus_to_exitcode(outcome.status) == CHANNEL_CLOSED:
        return (
            f"importing {address} closes descriptors that it did not open; "
            "let it do that only where it starts as a program of its own"
        )
    how = f"killed by {outcome.signal}" if outcome.signal else f"status {os.waitstatus_to_exitcode(outcome.status)}"
    return f"importing {address} ends the process ({how})"


def _overrides(name: str, change: tuple[Any, Any]) -> bool:
    """Whether a change of an attribute of torch alters what was there; a new name beside the old ones does not."""
    import torch

    from fcspec.state.attributes import ABSENT

    key = name.rpartition(".")[2]
    return change[0] is not ABSENT or hasattr(torch.nn.Module, key) or hasattr(torch._C.TensorBase, key)
