"""An import that raises SystemExit."""

import sys

sys.exit(0)
