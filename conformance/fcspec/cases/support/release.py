"""The release of torch that runs, for cases of what is new in one."""

import torch

RELEASE = tuple(map(int, torch.__version__.split(".")[:2]))
