"""An import that ends the process."""

import os

os._exit(0)
