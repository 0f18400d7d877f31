"""Fixtures: the implementation under test, and specimens that are named anew for every case."""

from collections.abc import Callable
from typing import Any

import pytest

from fcspec.cases.support import compiling
from fcspec.cases.support.comparing import WIDTH, shown
from fcspec.plugin.items import UNDER_TEST
from fcspec.specimens.base import Names
from fcspec.state.module_state import Part, Slot
from fcspec.target.address import FORMS
from fcspec.target.boundary import Boundary


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    if not config.pluginmanager.has_plugin("fcspec-collection"):
        raise pytest.UsageError(f"which implementation? --fcspec-target takes {FORMS}")


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """The message of an assertion that fails: which slot of two snapshots differs, and how; which object was expected."""
    if op == "==" and isinstance(left, Part) and isinstance(right, Part):
        return left.differences(right)
    if op == "==" and isinstance(left, Slot) and isinstance(right, Slot):
        return [left.difference(right)]
    if op == "is":
        return [f"{shown(left)}, expected the very object {shown(right)}"]
    if op == "in" and isinstance(left, str) and isinstance(right, str):
        return [f"the text {shown(right)}, expected {left!r} in it"]
    if op == "==" and max(len(shown(left)), len(shown(right))) < WIDTH:
        return [f"{shown(left)}, expected {shown(right)}"]
    return None  # pytest shows where two that are longer differ


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Function) -> None:
    """Give a case what most cases ask for; a fixture of pytest's for each of these would take longer than many cases.

    The fixtures `names`, `site` and `group` are for other fixtures that ask for the same.
    """
    parameters: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    now = item.config.stash[UNDER_TEST]
    given: dict[str, Any] = {"functional_call": now.boundary, "request": item._request, **parameters}
    given["names"] = names = Names(f"{item.name} {now.options.seed}")
    for name in _BUILT & parameters.keys():
        given[name] = parameters[name](names)
    item.funcargs.update({name: given[name] for name in item.fixturenames if name in given})


_BUILT = frozenset(("site", "group"))
"""Fixtures whose parameter is a Builder. A case has one of them."""


@pytest.fixture(scope="session")
def functional_call(request: pytest.FixtureRequest) -> Boundary:
    """The implementation under test. Session-scoped, because hypothesis refuses function-scoped fixtures under @given."""
    return request.config.stash[UNDER_TEST].boundary


@pytest.fixture
def observe(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """`observe("unpacked")`: what a MAY clause reports, in one short phrase."""

    def record(phrase: str) -> None:
        request.node.user_properties.append(("observed", phrase))

    return record


@pytest.fixture
def names(request: pytest.FixtureRequest) -> Names:
    """Names for the classes and attributes of this case."""
    found: Names = request.node.funcargs["names"]
    return found


@pytest.fixture
def site(request: pytest.FixtureRequest, names: Names) -> Any:
    """`@with_site(SITES)`: one slot of a module."""
    return request.node.funcargs["site"]


@pytest.fixture
def group(request: pytest.FixtureRequest, names: Names) -> Any:
    """`@with_group(PAIRS)`: several names of one tensor."""
    return request.node.funcargs["group"]


@pytest.fixture
def compiler() -> None:
    """For cases that compile: they end as unsupported where this torch can't, and nothing compiled before is remembered."""
    compiling.require_compile()
