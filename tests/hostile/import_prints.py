"""An import that prints by the megabyte, and else does no harm."""

import sys

from fcspec_reference import functional_call  # noqa: F401

print("\x1b[31mall is well\x1b[0m\n" * 200_000)
print("x" * (1 << 20), file=sys.stderr)
