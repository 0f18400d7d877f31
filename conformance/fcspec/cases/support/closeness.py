"""torch.testing.assert_close, when first used, imports torch.distributed and changes filters of warnings: here, in no case."""

import torch

torch.testing.assert_close(torch.ones(1), torch.ones(1))
