"""Calls that functional_call itself refuses."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from torch import nn


@contextmanager
def refused(module: nn.Module) -> Iterator[pytest.ExceptionInfo[Exception]]:
    """`pytest.raises(Exception)`, for an error that is raised before the module is called."""
    called = []
    handle = module.register_forward_pre_hook(lambda *_: called.append("forward"))
    try:
        with pytest.raises(Exception) as caught:
            yield caught
    finally:
        handle.remove()
    assert not called, f"the error came after the module was called: {caught.value!r}"
