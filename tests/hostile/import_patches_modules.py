"""An import that patches the class of all modules."""

import torch
from fcspec_reference import functional_call  # noqa: F401

torch.nn.Module.named_parameters = lambda self, *args, **kwargs: iter(())
