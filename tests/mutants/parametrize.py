"""Mutants of chapter parametrize."""

from mutants import mutant
from mutants._changes import After, Before, Change, First, Replace, TopLevel
from mutants._common import indented

HELD = 'getattr(module._modules["parametrizations"], key)'


def _refusing(where: str, why: str) -> Change:
    """The regular name is refused where this holds of the `held` parametrizations."""
    return Before(
        "_Swap._other_slot",
        f"owner = self._owner({HELD})",
        f"""
        held: Any = {HELD}
        if {where}:
            raise RuntimeError(f'{{name!r}}: {why}')
        """,
    )


def _original_becomes(where: str, code: str) -> Change:
    """This runs first for each given original of a parametrized tensor where this holds."""
    return First("_Swap._slot", _if_original(where, code))


def _beside_original(where: str, code: str) -> Change:
    """This runs for each given original where this holds, when its `owner` is known."""
    return After("_Swap._slot", "slot = owner.slots.get(key)", _if_original(where, code))


def _if_original(where: str, code: str) -> str:
    return f"if isinstance(module, parametrize.ParametrizationList) and {where}:\n{indented(code)}"


MUTANTS = [
    mutant(
        "with tie_weights=False the regular name of a parametrized tensor is refused",
        ("parametrize.regular-name",),
        Replace(
            "_Swap._other_slot",
            "_is_computed_by_torch(module, key)",
            "self.tied and _is_computed_by_torch(module, key)",
        ),
        After("functional_call", "swap.walk()", "swap.tied = tie_weights"),
    ),
    mutant(
        "for the regular name forward sees another view of the given tensor at every reading",
        ("parametrize.buffer", "parametrize.regular-name", "parametrize.regular-parameter"),
        Replace("_ParametrizedSlot.__init__", "tensors[-1]", "tensors[-1].view_as(tensors[-1])"),
    ),
    mutant(
        "what another operation gave and the regular name takes is cut from its history",
        ("parametrize.regular-name-gradient",),
        Replace(
            "_ParametrizedSlot.__init__", "tensors[-1]", "tensors[-1] if tensors[-1].is_leaf else tensors[-1].detach()"
        ),
    ),
    mutant(
        "a given tensor that requires grad, and is no Parameter, is detached for the regular name",
        ("parametrize.builtin", "parametrize.regular-name-gradient"),
        Replace(
            "_ParametrizedSlot.__init__",
            "tensors[-1]",
            """
            (
                tensors[-1].detach()
                if type(tensors[-1]) is Tensor and tensors[-1].requires_grad
                else tensors[-1]
            )
            """,
        ),
    ),
    mutant(
        "a parametrization without right_inverse can't be disabled",
        ("parametrize.no-right-inverse",),
        _refusing('not all(hasattr(one, "right_inverse") for one in held)', "needs a right_inverse"),
    ),
    mutant(
        "the value for a regular name is sent through right_inverse where there are several originals",
        ("parametrize.not-run",),
        Before(
            "_Swap._other_slot",
            'owner = self._owner(getattr(module._modules["parametrizations"], key))',
            """
            held: Any = getattr(module._modules["parametrizations"], key)
            if not held.is_tensor and value is not None:
                held[0].right_inverse(value.detach())
            """,
        ),
    ),
    mutant(
        "a disabled parametrization runs all the same, in train mode, for what it updates",
        ("parametrize.buffer", "parametrize.builtin", "parametrize.not-run"),
        Replace(
            "_ParametrizedSlot.__init__",
            'super().__init__(owner, _DICT, "forward", lambda: tensors[-1])',
            """
            held: Any = owner.module
            super().__init__(
                owner,
                _DICT,
                "forward",
                lambda: (held.training and type(held).forward(held), tensors[-1])[1],
            )
            """,
        ),
    ),
    mutant(
        "an nn.Parameter for a regular name is registered beside the parametrization, which can't be",
        ("parametrize.regular-parameter",),
        _refusing("isinstance(value, nn.Parameter)", "is parametrized already"),
    ),
    mutant(
        "an nn.Parameter for a regular name is unwrapped",
        ("parametrize.regular-parameter",),
        Replace("_ParametrizedSlot.__init__", "[given]", "[given.data if isinstance(given, nn.Parameter) else given]"),
    ),
    mutant(
        "the value for an original is detached",
        ("parametrize.original",),
        _original_becomes('key == "original" and value is not None and value.requires_grad', "value = value.detach()"),
    ),
    mutant(
        "the parametrization is not applied to a given value that requires grad",
        ("parametrize.original",),
        _beside_original(
            'key == "original" and value is not None and value.requires_grad',
            'owner.slots["forward"] = _Slot(owner, _DICT, "forward", lambda: value)',
        ),
    ),
    mutant(
        "the values for several originals are detached",
        ("parametrize.several-originals",),
        _original_becomes('key != "original" and value is not None and value.requires_grad', "value = value.detach()"),
    ),
    mutant(
        "values for several originals go in the order in which they are given, whatever their names",
        ("parametrize.several-originals",),
        _original_becomes(
            'key == "original0" and "original1" in self._owner(module).slots',
            """
            early = self._owner(module).slots["original1"]
            value, early.given = early.given, value
            """,
        ),
    ),
    mutant(
        "of several originals only the first one can be given",
        ("parametrize.builtin-originals", "parametrize.several-originals"),
        _original_becomes('key == "original1"', "value = module._parameters[key]"),
    ),
    mutant(
        "of chained parametrizations only the first is applied to a given original",
        ("parametrize.chained",),
        _beside_original(
            'key == "original" and len(module) > 1',
            """
            first: Any = module[0]
            owner.slots["forward"] = _Slot(owner, _DICT, "forward", lambda: first(value))
            """,
        ),
    ),
    mutant(
        "chained parametrizations are applied to a given original in reverse order",
        ("parametrize.chained",),
        _beside_original(
            'key == "original" and len(module) > 1',
            """
            order: Any = [*module][::-1]
            both = lambda: order[1](order[0](value))
            owner.slots["forward"] = _Slot(owner, _DICT, "forward", both)
            """,
        ),
    ),
    mutant(
        "the regular name disables all parametrizations of the module",
        ("parametrize.others-stay",),
        Before(
            "_Swap._other_slot",
            'owner = self._owner(getattr(module._modules["parametrizations"], key))',
            """
            for other in module._modules["parametrizations"].values():
                if other is not getattr(module._modules["parametrizations"], key):
                    it = self._owner(other)
                    it.slots["forward"] = _ParametrizedSlot(it, getattr(other, "original", None))
            """,
        ),
    ),
    mutant(
        "when forward raises, the regular name stays disabled",
        ("parametrize.still-active",),
        TopLevel("import sys"),
        First(
            "_ParametrizedSlot.look",
            """
            if sys.exc_info()[0] is not None:
                self.old = self.given
            """,
        ),
    ),
    mutant(
        "the regular name of a parametrized buffer is refused",
        ("parametrize.buffer",),
        _refusing("held._buffers", "is no parameter"),
    ),
    mutant(
        "the original of a parametrized buffer gets the value and the square of it is lost",
        ("parametrize.buffer",),
        _beside_original("home == _BUFFERS", 'owner.slots["forward"] = _Slot(owner, _DICT, "forward", lambda: value)'),
    ),
    mutant(
        "a value for a regular name must have the shape of the first original",
        ("parametrize.builtin",),
        _refusing(
            "value is not None and value.shape != next(iter({**held._parameters, **held._buffers}.values())).shape",
            "has another shape",
        ),
    ),
    mutant(
        "parametrizations that are registered as unsafe can't be disabled",
        ("parametrize.builtin",),
        _refusing("held.unsafe", "is computed by an unsafe parametrization"),
    ),
    mutant(
        "a value for an original must have the shape of the last original",
        ("parametrize.builtin-originals",),
        _beside_original(
            "value is not None",
            """
            if value.shape != [*module._parameters.values(), *module._buffers.values()][-1].shape:
                raise RuntimeError(f"{key}: another shape")
            """,
        ),
    ),
    mutant(
        "within parametrize.cached() the cache of own values is used and filled",
        ("parametrize.cached",),
        Replace("_Swap.put_in", "parametrize._cache_enabled", "False"),
    ),
    mutant(
        "within parametrize.cached() own values are hidden, and given ones stay in the cache",
        ("parametrize.cached",),
        Replace(
            "_Swap.put_back",
            "parametrize._cache = self.cache",
            "parametrize._cache = {**parametrize._cache, **self.cache}",
        ),
    ),
]
