"""Fixtures that build specimens, named anew for every case."""

from typing import Any

import pytest

from fcspec.cases.support import compiling
from fcspec.specimens.base import Names
from fcspec.state.module_state import Part


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """The message of `assert after == before` on two snapshots: which slot differs, and how."""
    if op == "==" and isinstance(left, Part) and isinstance(right, Part):
        return left.differences(right)
    return None


@pytest.fixture
def names(request: pytest.FixtureRequest) -> Names:
    """Names for the classes and attributes of this case."""
    return Names(f"{request.node.name} {request.config.getoption('--fcspec-seed')}")


@pytest.fixture
def site(request: pytest.FixtureRequest, names: Names) -> Any:
    """`@with_site(SITES)`: one slot of a module."""
    return request.param(names)


@pytest.fixture
def group(request: pytest.FixtureRequest, names: Names) -> Any:
    """`@with_group(PAIRS)`: several names of one tensor."""
    return request.param(names)


@pytest.fixture
def compiler() -> None:
    """For cases that compile: they end as unsupported where this torch can't, and nothing compiled before is remembered."""
    compiling.require_compile()
