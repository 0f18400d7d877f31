"""restore: after the call the module is as before, however it ended."""

import pytest

from fcspec import specimens
from fcspec.plugin import clause
from fcspec.snapshot import snapshot

everywhere = pytest.mark.parametrize("site", specimens.SITES, indirect=True, ids=lambda site: site.__name__)


@clause("restore.objects")
@everywhere
def test_own_objects_come_back(functional_call, site):
    before = snapshot(site.module)
    seen = []
    site.inside(lambda owner: seen.append(site.now()))
    value = site.value()

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value
    assert snapshot(site.module).slots == before.slots
