"""An import that takes half a minute."""

import time

time.sleep(30)

from torch.func import functional_call  # noqa: E402, F401
