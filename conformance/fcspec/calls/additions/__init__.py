"""What calls of `fcspec explore` can have beside their features, each as source code.

base      what an addition is
values    tied names, and values of other dtypes, shapes and classes
modules   modules and names that are odd but legal
calling   how the call is made, and what forward returns
between   what happens between two calls
leaving   what the call must leave as it was
"""

from __future__ import annotations

from fcspec.calls.additions import between, calling, leaving, modules, values
from fcspec.calls.additions.base import Addition

ADDITIONS: tuple[Addition, ...] = (
    *leaving.ADDITIONS,
    *values.ADDITIONS,
    *modules.ADDITIONS,
    *calling.ADDITIONS,
    *between.ADDITIONS,
)
