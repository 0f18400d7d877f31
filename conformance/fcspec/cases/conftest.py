"""Fixtures that build specimens, named anew for every case."""

import pytest

from fcspec.specimens import Names, Site


@pytest.fixture
def names(request: pytest.FixtureRequest) -> Names:
    """Names for the classes and attributes of this case."""
    return Names(f"{request.node.name} {request.config.getoption('--fcspec-seed')}")


@pytest.fixture
def site(request: pytest.FixtureRequest, names: Names) -> Site:
    """`@pytest.mark.parametrize("site", specimens.SITES, indirect=True)`: one slot of a module."""
    built: Site = request.param(names)
    return built
