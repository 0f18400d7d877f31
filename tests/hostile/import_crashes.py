"""An import that kills the process."""

import ctypes

ctypes.string_at(0)
