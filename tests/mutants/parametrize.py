"""Mutants of chapter parametrize."""

from mutants import Mutant

FOUND = '            owner = self._owner(getattr(module._modules["parametrizations"], key))\n'
HELD = 'getattr(module._modules["parametrizations"], key)'
INIT = '        super().__init__(owner, _DICT, "forward", lambda: tensors[-1])\n'
SLOT = "        owner = self._owner(module)\n        slot = owner.slots.get(key)\n"
IS_LIST = "isinstance(module, parametrize.ParametrizationList)"


def _refusing(condition, why):
    """The regular name is refused where the condition is true of the `held` parametrizations."""
    return (
        FOUND,
        f"            held: Any = {HELD}\n            if {condition}:\n"
        f"                raise RuntimeError(f'{{name!r}}: {why}')\n{FOUND}",
    )


MUTANTS = [
    Mutant(
        "with tie_weights=False the regular name of a parametrized tensor is refused",
        ("parametrize.regular-name",),
        (
            (
                'if "parametrizations" in module._modules and parametrize',
                'if self.tied and "parametrizations" in module._modules and parametrize',
            ),
            (
                "    swap.take(parameter_and_buffer_dicts)\n",
                "    swap.tied = tie_weights  # type: ignore[attr-defined]\n    swap.take(parameter_and_buffer_dicts)\n",
            ),
        ),
    ),
    Mutant(
        "for the regular name forward sees another view of the given tensor at every reading",
        ("parametrize.buffer", "parametrize.regular-name", "parametrize.regular-parameter"),
        (("lambda: tensors[-1])", "lambda: tensors[-1].view_as(tensors[-1]))"),),
    ),
    Mutant(
        "what another operation gave and the regular name takes is cut from its history",
        ("parametrize.regular-name-gradient",),
        (("lambda: tensors[-1])", "lambda: tensors[-1] if tensors[-1].is_leaf else tensors[-1].detach())"),),
    ),
    Mutant(
        "a given tensor that requires grad, and is no Parameter, is detached for the regular name",
        ("parametrize.builtin", "parametrize.regular-name-gradient"),
        (
            (
                "lambda: tensors[-1])",
                "lambda: tensors[-1].detach() if type(tensors[-1]) is Tensor and tensors[-1].requires_grad else tensors[-1])",
            ),
        ),
    ),
    Mutant(
        "a parametrization without right_inverse can't be disabled",
        ("parametrize.no-right-inverse",),
        (_refusing('not all(hasattr(one, "right_inverse") for one in held)', "needs a right_inverse"),),
    ),
    Mutant(
        "the value for a regular name is sent through right_inverse where there are several originals",
        ("parametrize.not-run",),
        (
            (
                FOUND,
                f"            held: Any = {HELD}\n"
                "            if not held.is_tensor and value is not None:\n"
                "                held[0].right_inverse(value.detach())\n"
                f"{FOUND}",
            ),
        ),
    ),
    Mutant(
        "a disabled parametrization runs all the same, in train mode, for what it updates",
        ("parametrize.buffer", "parametrize.builtin", "parametrize.not-run"),
        (
            (
                INIT,
                "        held: Any = owner.module\n"
                + INIT.replace("tensors[-1]", "(held.training and type(held).forward(held), tensors[-1])[1]"),
            ),
        ),
    ),
    Mutant(
        "an nn.Parameter for a regular name is registered beside the parametrization, which can't be",
        ("parametrize.regular-parameter",),
        (_refusing("isinstance(value, nn.Parameter)", "is parametrized already"),),
    ),
    Mutant(
        "an nn.Parameter for a regular name is unwrapped",
        ("parametrize.regular-parameter",),
        (
            (
                "        self.tensors = tensors = [given]\n",
                "        self.tensors = tensors = [given.data if isinstance(given, nn.Parameter) else given]\n",
            ),
        ),
    ),
    Mutant(
        "the value for an original is detached",
        ("parametrize.original",),
        (
            (
                SLOT,
                f"        if {IS_LIST} and key == 'original' and value is not None and value.requires_grad:\n"
                f"            value = value.detach()\n{SLOT}",
            ),
        ),
    ),
    Mutant(
        "the parametrization is not applied to a given value that requires grad",
        ("parametrize.original",),
        (
            (
                SLOT,
                f"{SLOT}        if {IS_LIST} and key == 'original' and value is not None and value.requires_grad:\n"
                "            owner.slots['forward'] = _Slot(owner, _DICT, 'forward', lambda: value)\n",
            ),
        ),
    ),
    Mutant(
        "the values for several originals are detached",
        ("parametrize.several-originals",),
        (
            (
                SLOT,
                f"        if {IS_LIST} and key != 'original' and value is not None and value.requires_grad:\n"
                f"            value = value.detach()\n{SLOT}",
            ),
        ),
    ),
    Mutant(
        "values for several originals go in the order in which they are given, whatever their names",
        ("parametrize.several-originals",),
        (
            (
                SLOT,
                f"        if {IS_LIST} and key == 'original0' and 'original1' in self._owner(module).slots:\n"
                "            early = self._owner(module).slots['original1']\n"
                f"            value, early.given = early.given, value\n{SLOT}",
            ),
        ),
    ),
    Mutant(
        "of several originals only the first one can be given",
        ("parametrize.builtin-originals", "parametrize.several-originals"),
        (
            (
                SLOT,
                f"        if {IS_LIST} and key == 'original1':\n            value = module._parameters[key]\n{SLOT}",
            ),
        ),
    ),
    Mutant(
        "of chained parametrizations only the first is applied to a given original",
        ("parametrize.chained",),
        (
            (
                SLOT,
                f"{SLOT}        if {IS_LIST} and key == 'original' and len(module) > 1:\n"
                "            first: Any = module[0]\n"
                "            owner.slots['forward'] = _Slot(owner, _DICT, 'forward', lambda: first(value))\n",
            ),
        ),
    ),
    Mutant(
        "chained parametrizations are applied to a given original in reverse order",
        ("parametrize.chained",),
        (
            (
                SLOT,
                f"{SLOT}        if {IS_LIST} and key == 'original' and len(module) > 1:\n"
                "            order: Any = [*module][::-1]\n"
                "            both = lambda: order[1](order[0](value))\n"
                "            owner.slots['forward'] = _Slot(owner, _DICT, 'forward', both)\n",
            ),
        ),
    ),
    Mutant(
        "the regular name disables all parametrizations of the module",
        ("parametrize.others-stay",),
        (
            (
                FOUND,
                "            for other in module._modules['parametrizations'].values():\n"
                f"                if other is not {HELD}:\n"
                "                    it = self._owner(other)\n"
                "                    it.slots['forward'] = _ParametrizedSlot(it, getattr(other, 'original', None))\n"
                f"{FOUND}",
            ),
        ),
    ),
    Mutant(
        "when forward raises, the regular name stays disabled",
        ("parametrize.still-active",),
        (
            ("import torch\nfrom torch import Tensor", "import sys\n\nimport torch\nfrom torch import Tensor"),
            (
                "        super().put_back(owner)\n        if len(self.tensors)",
                "        if sys.exc_info()[0] is None:\n"
                "            super().put_back(owner)\n"
                "        if len(self.tensors)",
            ),
        ),
    ),
    Mutant(
        "the regular name of a parametrized buffer is refused",
        ("parametrize.buffer",),
        (_refusing("held._buffers", "is no parameter"),),
    ),
    Mutant(
        "the original of a parametrized buffer gets the value and the square of it is lost",
        ("parametrize.buffer",),
        (
            (
                SLOT,
                f"{SLOT}        if {IS_LIST} and home == _BUFFERS:\n"
                "            owner.slots['forward'] = _Slot(owner, _DICT, 'forward', lambda: value)\n",
            ),
        ),
    ),
    Mutant(
        "a value for a regular name must have the shape of the first original",
        ("parametrize.builtin",),
        (
            _refusing(
                "value is not None and value.shape != next(iter({**held._parameters, **held._buffers}.values())).shape",
                "has another shape",
            ),
        ),
    ),
    Mutant(
        "parametrizations that are registered as unsafe can't be disabled",
        ("parametrize.builtin",),
        (_refusing("held.unsafe", "is computed by an unsafe parametrization"),),
    ),
    Mutant(
        "a value for an original must have the shape of the last original",
        ("parametrize.builtin-originals",),
        (
            (
                SLOT,
                f"{SLOT}        if {IS_LIST} and value is not None:\n"
                "            if value.shape != [*module._parameters.values(), *module._buffers.values()][-1].shape:\n"
                "                raise RuntimeError(f'{key}: another shape')\n",
            ),
        ),
    ),
    Mutant(
        "within parametrize.cached() the cache of own values is used and filled",
        ("parametrize.cached",),
        (("if parametrize._cache_enabled:", "if False:"),),
    ),
    Mutant(
        "within parametrize.cached() own values are hidden, and given ones stay in the cache",
        ("parametrize.cached",),
        (
            (
                "        if self.cache is not None:\n            parametrize._cache = self.cache\n",
                "        if self.cache is not None:\n            parametrize._cache = {**parametrize._cache, **self.cache}\n",
            ),
        ),
    ),
]
