"""The target is imported and tried in a child first, where it can do no harm; then imported in the suite's own process."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fcspec.errors import UsageError, in_words
from fcspec.workers.child import AVAILABLE, Process

CALL_LIMIT = 2.0
"""Seconds for a first call of a Linear. One that takes longer is for the cases to judge."""


@dataclass(frozen=True)
class Loaded:
    """An implementation in this process.

    Attributes:
        judging: the code that judges, as it was before the import.
        own_classes: the classes that the import brought along.
    """

    function: Callable[..., Any]
    judging: Any
    own_classes: frozenset[type]


def load(address: str, plugins: Any = None) -> Loaded:
    """Import the target here. UsageError where that fails, or leaves torch or the test framework changed.

    Args:
        plugins: pytest's, in a process in which it runs.
    """
    from fcspec.state import process_state
    from fcspec.state.attributes import Attributes, of_torch
    from fcspec.target import address as target
    from fcspec.target import integrity

    judging = integrity.Judging(plugins)
    attributes = Attributes(of_torch())
    state = process_state.snapshot("defaults", "modes")
    known = integrity.classes()
    try:
        function = target.load(address)
    except UsageError:
        raise
    except BaseException as error:
        raise UsageError(f"{address} does not import: {in_words(error)}") from None
    changed = [*judging.look_everywhere(), *(n for n, change in attributes.put_back().items() if _overrides(n, change))]
    changed += [
        part.partition(".")[2] for part in process_state.difference(state, process_state.snapshot("defaults", "modes"))
    ]
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise UsageError(
            f"importing {address} changes {', '.join(changed[:3])}{more}; nothing can be judged after that"
        )
    return Loaded(function, judging, frozenset(integrity.classes() - known))


def try_in_child(address: str, seconds: float, denied: Iterable[int] = ()) -> None:
    """Import the target and call it once, in a child. UsageError where it can't be judged.

    A target that hangs, exits or crashes when it is called can: by the cases.

    Args:
        seconds: the clock of one test; an import may take twice as long.
        denied: descriptors of this process that the child must not have.
    """
    if not AVAILABLE:
        return
    import torch  # noqa: F401  # once for both, and not on the target's clock

    with mmap.mmap(-1, 1) as imported:  # shared with the child: whether it came that far
        child = Process(_work(address, imported), denied)
        ended = _wait(child, imported, seconds)
        outcome, answers = child.end(), child.answers()
        import_ended = imported[0] == 1
    for answer in answers:
        if isinstance(answer.value, dict) and "usage" in answer.value:
            raise UsageError(str(answer.value["usage"]))
    if import_ended:
        return
    for answer in answers:
        if answer.escaped is not None:
            raise UsageError(f"{address} cannot be tried: {answer.escaped[0]}")
    if not ended:
        raise UsageError(f"{address} takes more than {2 * seconds:g} s to import; a larger timeout gives it more")
    how = f"killed by {outcome.signal}" if outcome.signal else f"status {os.waitstatus_to_exitcode(outcome.status)}"
    raise UsageError(f"importing {address} ends the process ({how})")


def _work(address: str, imported: mmap.mmap) -> Callable[[tuple[Any, Any]], list[dict[str, str]]]:
    def work(output: tuple[Any, Any]) -> list[dict[str, str]]:
        from fcspec.target import address as target
        from fcspec.target import integrity

        for file, descriptor in zip(output, (1, 2), strict=True):
            os.dup2(file.fileno(), descriptor)
        try:
            loaded = load(address)
            target.describe(address, loaded.function)
            surroundings = integrity.Surroundings()
            imported[0] = 1
            target.try_out(loaded.function, tidy=lambda: (loaded.judging.look_everywhere(), surroundings.restore()))
        except UsageError as error:
            return [{"usage": str(error)}]
        return [{}]

    return work


def _wait(child: Process, imported: mmap.mmap, seconds: float) -> bool:
    """Until it ended, or a clock ran out."""
    for _ in range(max(1, round(2 * seconds / 0.05))):
        if child.wait(0.05):
            return True
        if imported[0]:
            return child.wait(min(seconds, CALL_LIMIT))
    return False


def _overrides(name: str, change: tuple[Any, Any]) -> bool:
    """Whether a change of an attribute of torch alters what was there; a new name beside the old ones does not."""
    import torch

    from fcspec.state.attributes import ABSENT

    key = name.rpartition(".")[2]
    return change[0] is not ABSENT or hasattr(torch.nn.Module, key) or hasattr(torch._C.TensorBase, key)
