"""What calls of `fcspec explore` can have beside their features, each as source code.

values      tied names, and values of other dtypes, shapes and classes
modules     modules and names that are odd but legal, what forward binds
stores      what is registered, and weights that recurrent modules list
calling     how the call is made, and what forward returns
costs       what the call costs
transforms  calls inside transforms
between     what happens between two calls
cached      calls inside parametrize.cached()
leaving     what the call must leave as it was
"""

from __future__ import annotations

from fcspec.calls.addition import Addition
from fcspec.calls.additions import between, cached, calling, costs, leaving, modules, stores, transforms, values

ADDITIONS: tuple[Addition, ...] = (
    *leaving.ADDITIONS,
    *values.ADDITIONS,
    *modules.ADDITIONS,
    *stores.ADDITIONS,
    *calling.ADDITIONS,
    *costs.ADDITIONS,
    *between.ADDITIONS,
    *cached.ADDITIONS,
    *transforms.ADDITIONS,
)
