"""clone_module and update_module: a clone, to which differences are added.

It knows neither ties nor strict. Its file is loaded without the package, which needs gym, torchvision and more.

Tried: learn2learn==0.2.0
Install: --no-deps --config-settings=--build-option=build_ext learn2learn==0.2.0
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from torch import nn

from fcspec.known._common import Dicts, keywords, one_dict, positional


def _load_utils() -> Any:
    package = importlib.util.find_spec("learn2learn")
    assert package is not None
    assert package.origin is not None
    file = Path(package.origin).with_name("utils") / "__init__.py"
    spec = importlib.util.spec_from_file_location("learn2learn_utils", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_utils = _load_utils()


def functional_call(
    module: nn.Module,
    parameter_and_buffer_dicts: Dicts,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    values = one_dict(parameter_and_buffer_dicts)
    clone = _utils.clone_module(module)
    for name, own in (*clone.named_parameters(), *clone.named_buffers()):
        if name in values:
            own.update = values[name] - own
    return _utils.update_module(clone)(*positional(args), **keywords(kwargs))
