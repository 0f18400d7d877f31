"""Calls that functional_call itself refuses."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest
from torch import nn


@contextmanager
def refused(module: nn.Module) -> Iterator[pytest.ExceptionInfo[Exception]]:
    """`pytest.raises(Exception)`, but the error must come before the module is called."""
    called = []
    handle = module.register_forward_pre_hook(lambda *_: called.append("forward"))
    try:
        with pytest.raises(Exception) as caught:
            yield caught
    finally:
        handle.remove()
    assert not called, f"the error came after the module was called: {caught.value!r}"


def unnamed(names: Iterable[str], error: pytest.ExceptionInfo[Exception]) -> str:
    """Which of these names the text of an error lacks, as a sentence; empty where it lacks none."""
    left_out = [name for name in names if name not in str(error.value)]
    return f"the error does not name {', '.join(left_out)}: {error.value}" if left_out else ""
