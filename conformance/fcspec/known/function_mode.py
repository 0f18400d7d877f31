"""By hand: a TorchFunctionMode puts values into the place of own tensors.

Tried: torch==2.13.0
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from fcspec.known._common import Dicts, keywords, one_dict, positional


class _Replacing(TorchFunctionMode):
    """
    Args:
        given: values by the id of the tensors in whose place they are used.
    """

    def __init__(self, given: dict[int, Tensor]) -> None:
        super().__init__()
        self._given = given

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = tree_map(lambda one: self._given.get(id(one), one), (args, kwargs or {}))
        return func(*args, **kwargs)


def functional_call(
    module: nn.Module,
    parameter_and_buffer_dicts: Dicts,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    own = {name: tensor for named in (module.named_parameters, module.named_buffers) for name, tensor in named()}
    given = {id(own[name]): value for name, value in one_dict(parameter_and_buffer_dicts).items() if name in own}
    with _Replacing(given):
        return module(*positional(args), **keywords(kwargs))
