"""Tests of what a call does, whether its forward returns or raises: `@returns_or_raises` runs them both ways."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

returns_or_raises = pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])


def raises_if(fails: bool, error: type[BaseException] = ZeroDivisionError) -> AbstractContextManager[Any]:
    """`with raises_if(fails):` the block raises such an error where `fails`, and none where not."""
    return pytest.raises(error) if fails else contextlib.nullcontext()


def raising(error: type[BaseException] | BaseException) -> Callable[..., Any]:
    """A hook, or a forward, that raises such an error."""

    def leave(*_: Any) -> Any:
        raise error

    return leave
