"""Tied names with values that are nearly equal, equal but not by torch.equal, or not tied at all; values of any other sort."""

from __future__ import annotations

from collections.abc import Iterator

from fcspec.calls.addition import Addition, code, in_forward

_DIFFERENT = {
    "by one ulp": ("torch.ones(3)", "torch.ones(3).nextafter(torch.tensor(2.0))"),
    "by one ulp of float64": ("torch.ones(3).double()", "torch.ones(3).double().nextafter(torch.tensor(2.0).double())"),
    "by one ulp of half": ("torch.ones(3).half()", "torch.ones(3).half() + 2**-10"),
    "by little beside zero": ("torch.zeros(3)", "torch.full((3,), 1e-12)"),
    "in the order of elements": ("torch.arange(3.0)", "torch.arange(3.0).flip(0)"),
    "in the order of rows": ("torch.arange(6.0).view(3, 2)", "torch.arange(6.0).view(3, 2).flip(0)"),
    "in the order of columns": ("torch.arange(6.0).view(3, 2)", "torch.arange(6.0).view(3, 2).flip(1)"),
    "in the last of many elements": ("torch.zeros(3000)", "torch.arange(3000.0) // 2999"),
    "in one of many elements": ("torch.zeros(3000)", "(torch.arange(3000) == 1500).float()"),
    "in sign": ("torch.ones(3)", "-torch.ones(3)"),
    "beyond 2**24": ("torch.tensor([2**24])", "torch.tensor([2**24 + 1])"),
    "beyond 2**53": ("torch.tensor([2**53])", "torch.tensor([2**53 + 1])"),
    "in a bool": ("torch.tensor([True, False])", "torch.tensor([True, True])"),
    "in the imaginary part": ("torch.tensor([1 + 1j])", "torch.tensor([1 + 2j])"),
    "in the real part": ("torch.tensor([1 + 1j])", "torch.tensor([2 + 1j])"),
    "as conjugates of one memory": ("torch.tensor([1 + 1j])", "one.conj()"),
    "as strides of one memory": ("torch.arange(4.0).view(2, 2)", "one.t()"),
    "as parts of one memory": ("torch.arange(4.0)[:2]", "one._base[2:]"),
    "as steps over one memory": ("torch.arange(4.0)[:2]", "one._base[::2]"),
}

_SAME_MEMORY = {
    "of NaN": "torch.tensor([float('nan')])",
    "of float8": "torch.ones(2).to(torch.float8_e4m3fn)",
    "on meta": "torch.empty(2, device='meta')",
    "of complex NaN": "torch.tensor([complex('nan')])",
}

_UNTIED = {
    "empty tensors": ("torch.empty(0)", "torch.empty(0)"),
    "empty tensors of one shape": ("torch.empty(0, 3)", "torch.empty(0, 3)"),
    "tensors on meta": ("torch.empty(2, device='meta')", "torch.empty(2, device='meta')"),
    "equal tensors": ("torch.ones(2)", "torch.ones(2)"),
    "views of one memory": ("torch.ones(2)", "first_own.view(2)"),
    "strides of one memory": ("torch.ones(2, 2)", "first_own.t()"),
    "parts of one memory": ("torch.ones(4)", "first_own[:2]"),
}

_OTHERS = {
    "of another shape": ("torch.ones(3)", "torch.ones(2)"),
    "without dimensions": ("torch.ones(3)", "torch.tensor(1.0)"),
    "of half": ("torch.ones(3)", "torch.ones(3).half()"),
    "of bfloat16": ("torch.ones(3)", "torch.ones(3).bfloat16()"),
    "of float64": ("torch.ones(3)", "torch.ones(3).double()"),
    "of int64": ("torch.ones(3)", "torch.ones(3).long()"),
    "of complex": ("torch.ones(3)", "torch.tensor([1j, 2j, 3j])"),
    "that is expanded": ("torch.ones(3)", "torch.tensor(1.0).expand(3)"),
    "that is not contiguous": ("torch.ones(2, 2)", "torch.arange(4.0).view(2, 2).t()"),
    "on meta": ("torch.ones(3)", "torch.empty(3, device='meta')"),
    "that is sparse": ("torch.ones(3)", "torch.ones(3).to_sparse()"),
    "of NaN": ("torch.ones(3)", "torch.full((3,), float('nan'))"),
    "that requires grad": ("torch.ones(3)", "torch.ones(3, requires_grad=True)"),
    "that is a result": ("torch.ones(3)", "2 * torch.ones(3, requires_grad=True)"),
    "of a frozen Parameter": ("torch.ones(3)", "nn.Parameter(torch.ones(3), requires_grad=False)"),
}

_SUBCLASSES = {
    "Parameter": "class Marked(nn.Parameter):\n    pass",
    "Tensor": "class Marked(torch.Tensor):\n    pass",
}

_HOLDS = "module.first is one"


def _different() -> Iterator[Addition]:
    for how, (one, other) in _DIFFERENT.items():
        yield Addition(
            f"values of tied buffers that differ {how}",
            "tie.off-different",
            model=code(f"""
                one = {one}
                other = {other}
                model.register_buffer("first", torch.zeros_like(one))
                model.register_buffer("second", model.first)
                """),
            entries=(("first", "one"), ("second", "other")),
            refused_by="tie.conflict",
            assertions=(in_forward("tie.off-different", f"{_HOLDS} and module.second is other"),),
        )


def _of_regular_name() -> Addition:
    """A submodule with two names."""
    return Addition(
        "different values for one regular name by two paths",
        "tie.shared-regular-name",
        model=code("""
            class Negative(nn.Module):
                def forward(self, original):
                    return -original


            model.twin = nn.Module()
            model.twin.first = nn.Parameter(torch.tensor(1.0))
            parametrize.register_parametrization(model.twin, "first", Negative())
            model.twin_too = model.twin
            """),
        entries=(("twin.first", "torch.tensor(2.0)"), ("twin_too.first", "torch.tensor(3.0)")),
        refused_by="tie.shared-regular-name",
        defaults=("tie_weights", "strict", "circular"),
    )


def _same_memory() -> Iterator[Addition]:
    for what, one in _SAME_MEMORY.items():
        yield Addition(
            f"one memory {what} for tied buffers",
            "dicts.state-dict",
            model=code(f"""
                one = {one}
                model.register_buffer("first", one)
                model.register_buffer("second", one)
                """),
            entries=(("first", "one.detach()"), ("second", "one.detach()")),
        )


def _untied() -> Iterator[Addition]:
    for what, (first, second) in _UNTIED.items():
        yield Addition(
            f"{what} that are not tied",
            "tie.untied",
            model=code(f"""
                first_own = {first}
                second_own = {second}
                one = torch.zeros_like(first_own)
                model.register_buffer("first", first_own)
                model.register_buffer("second", second_own)
                """),
            entries=(("first", "one"),),
            assertions=(in_forward("tie.untied", f"{_HOLDS} and module.second is second_own"),),
            complete=False,
        )


def _two_of_untied() -> Iterator[Addition]:
    for what, (first, second) in _UNTIED.items():
        yield Addition(
            f"different values for {what} that are not tied",
            "tie.untied",
            model=code(f"""
                first_own = {first}
                second_own = {second}
                one, other = torch.ones(1), torch.zeros(1)
                model.register_buffer("first", first_own)
                model.register_buffer("second", second_own)
                """),
            entries=(("first", "one"), ("second", "other")),
            assertions=(in_forward("tie.untied", f"{_HOLDS} and module.second is other"),),
        )


def _others() -> Iterator[Addition]:
    for what, (own, value) in _OTHERS.items():
        yield Addition(
            f"a value {what}",
            "swap.other-shape",
            model=code(f"""
                one = {value}
                model.first = nn.Parameter({own})
                """),
            entries=(("first", "one"),),
            assertions=(in_forward("swap.other-shape", _HOLDS),),
        )
    for what, definition in _SUBCLASSES.items():
        yield Addition(
            f"a value of a subclass of {what}",
            "swap.subclass",
            model=f"{definition}\n\n\none = Marked(torch.ones(3))\nmodel.first = nn.Parameter(torch.ones(3))",
            entries=(("first", "one"),),
            assertions=(in_forward("swap.subclass", _HOLDS),),
        )


ADDITIONS = (
    *_different(),
    _of_regular_name(),
    *_same_memory(),
    *_untied(),
    *_two_of_untied(),
    *_others(),
)
