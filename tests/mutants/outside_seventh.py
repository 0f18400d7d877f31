"""Mutants of a seventh round: kinds of tensors, results, names, refusals, and of what forward binds."""

from mutants import mutant
from mutants._changes import After, Before, Change, Replace, TopLevel
from mutants._common import TRY, value_becomes

RESULT = """
try:
    swap.put_in()
    return ...
finally:
    ...
"""


def _result_is(code: str) -> Change:
    """What becomes of `result`, which forward has returned."""
    new = f"""
    try:
        swap.put_in()
        result = ...
        {code}
        return result
    finally:
        ...
    """
    return Replace("functional_call", RESULT, new)


def _own_asked(question: str) -> Change:
    """Each own tensor is asked for something when the module is walked."""
    code = f"for own in (*module._parameters.values(), *module._buffers.values()):\n    own is None or {question}"
    return Before("_Swap.walk", "for key, parameter in module._parameters.items(): ...", code)


def _given_asked(question: str) -> Change:
    """Each given tensor is asked for something."""
    return After("_Swap.take", "place = self.registered.get(name)", f"isinstance(value, Tensor) and {question}")


MUTANTS = [
    mutant(
        "a conjugate or negative value is computed before it is put in",
        ("swap.identity", "swap.other-shape", "tie.equal-values", "tie.one-name"),
        value_becomes("type(value) is Tensor and value.is_conj()", "value.resolve_conj()"),
        value_becomes("type(value) is Tensor and value.is_neg()", "value.resolve_neg()"),
    ),
    mutant(
        "a quantized or opaque value is made dense",
        ("swap.identity", "swap.other-shape", "tie.one-name"),
        value_becomes("type(value) is Tensor and value.is_quantized", "value.dequantize()"),
        value_becomes("type(value) is Tensor and value.is_mkldnn", "value.to_dense()"),
    ),
    mutant(
        "given values are asked for their versions, which inference tensors do not have",
        ("swap.identity", "swap.other-shape", "swap.parameter", "tie.one-name", "state.warnings"),
        _given_asked("type(value) is Tensor and not torch.is_inference_mode_enabled() and value._version"),
    ),
    mutant(
        "own tensors are asked for their size, which one that is not initialised refuses",
        ("swap.partial", "call.no-values"),
        _own_asked("isinstance(own, nn.parameter.UninitializedTensorMixin) and own.shape"),
    ),
    mutant(
        "own and given tensors are asked for their gradient, and one that is no leaf warns",
        ("state.warnings",),
        _own_asked("type(own) is Tensor and own.grad"),
        _given_asked("type(value) is Tensor and value.grad"),
    ),
    mutant(
        "a given tensor is asked for its device",
        ("swap.subclass",),
        _given_asked("value.device"),
    ),
    mutant(
        "a value for a plain attribute reaches the slots that hold its tensor",
        ("swap.partial",),
        Replace(
            "_Slot.__init__",
            "self.old is None or self.old is _Absent or home == _DICT",
            "self.old is None or self.old is _Absent",
        ),
    ),
    mutant(
        "a result that can be waited for is waited for",
        ("call.result",),
        _result_is("result = result.wait() if isinstance(result, torch.futures.Future) else result"),
    ),
    mutant(
        "a result is compared with NotImplemented",
        ("call.result",),
        _result_is("isinstance(result, (Tensor, tuple, list, dict)) or result == NotImplemented"),
    ),
    mutant(
        "arguments go to the device of the first value",
        ("args.tuple",),
        Before(
            "functional_call",
            TRY,
            """
            device = next((value.device for _, _, value in swap.names.values() if type(value) is Tensor), None)
            if device is not None and not torch.compiler.is_compiling():
                args = tuple(one.to(device) if type(one) is Tensor else one for one in args)
            """,
        ),
    ),
    mutant(
        "a dict as a value is a module: its names go on with a dot",
        ("dicts.bad-value",),
        Before(
            "_Swap.take",
            "for one in ...: ...",
            """
            if type(dicts) is dict and any(type(value) is dict for value in dicts.values()):
                flat = {}
                for name, value in dicts.items():
                    inner = value if type(value) is dict else {None: value}
                    flat.update({name if key is None else f"{name}.{key}": one for key, one in inner.items()})
                dicts = flat
            """,
        ),
    ),
    mutant(
        "whatever has __torch_function__ is a tensor",
        ("dicts.bad-value",),
        Replace(
            "_Swap.take",
            "isinstance(value, Tensor)",
            "(isinstance(value, Tensor) or hasattr(type(value), '__torch_function__'))",
        ),
    ),
    mutant(
        "a value for a regular name is not looked at",
        ("dicts.bad-value",),
        Replace(
            "_Swap.take",
            "isinstance(value, Tensor)",
            "(isinstance(value, Tensor) or name in self.module._modules.get('parametrizations', ()))",
        ),
    ),
    mutant(
        "None for a name of nothing is passed over",
        ("dicts.bad-name", "dicts.not-a-tensor", "strict.unexpected"),
        After(
            "_Swap.take",
            "place = self.registered.get(name)",
            """
            if value is None and place is None and isinstance(name, str):
                try:
                    owner = self.module.get_submodule(name.rpartition(".")[0])
                    found = getattr(owner, name.rpartition(".")[2], owner)
                except AttributeError:
                    continue
                if self.strict or found is not owner and found is not None and not isinstance(found, Tensor):
                    continue
            """,
        ),
    ),
    mutant(
        "long names are cut in the error about different values",
        ("tie.conflict-says-which",),
        Replace(
            "_Swap.tie",
            "sorted(name for name, (_, its, _) in self.names.items() if its.group == slot.group)",
            "[one[:60] for one in sorted(name for name, (_, its, _) in self.names.items() if its.group == slot.group)]",
        ),
    ),
    mutant(
        "the error about a name in two dicts takes it for a format",
        ("dicts.distinct-says-which",),
        Before(
            "_Swap.take",
            "if name in self.names: ...",
            """
            if name in self.names and "{" in name:
                raise ValueError((name + " appeared in multiple dictionaries").format())
            """,
        ),
    ),
    mutant(
        "the error of strict escapes what is not ASCII",
        ("strict.says-which",),
        Replace("_Swap.check_strict", "map(repr, sorted(names))", "map(ascii, sorted(names))"),
    ),
    mutant(
        "what forward bound is detached before the dict gets it",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back",
            "source[name] = slot.now",
            "source[name] = slot.now if type(slot.now) is not Tensor or slot.now.grad_fn is None else slot.now.detach()",
        ),
    ),
    mutant(
        "what forward bound is not written where None was given",
        ("inplace.rebinding",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force",
            "slot.now is not slot.in_force and slot.in_force is not None",
        ),
    ),
    mutant(
        "what forward bound is written only where no exception is handled",
        ("inplace.rebinding",),
        TopLevel("import sys"),
        Replace("_Swap.put_back", "self.is_in", "self.is_in and sys.exc_info()[0] is None"),
    ),
    mutant(
        "of a tuple each dict is asked for each name that forward bound",
        ("dicts.subclass",),
        After(
            "_Swap.put_back",
            "source[name] = slot.now",
            "[one[name] for one, *_ in self.names.values() if hasattr(one, 'default_factory')]",
        ),
    ),
]
