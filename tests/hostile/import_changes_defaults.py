"""An import that changes what everybody's tensors are made of."""

import torch
from fcspec_reference import functional_call  # noqa: F401

torch.set_default_dtype(torch.float64)
