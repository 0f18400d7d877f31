"""Modules and names that are odd but legal; what forward binds; weights that recurrent modules list a second time."""

from __future__ import annotations

from collections.abc import Iterator

from fcspec.calls.addition import ALONE, Addition, afterwards, code, in_forward
from fcspec.calls.assertion import Assertion

_LAST_DICT = "(dicts[-1] if isinstance(dicts, tuple) else dicts)"

_NAMES = ("a b", "1x", "class", "é", "-", "a/b", "$")

_REBINDINGS = {
    "of another dtype": "module.first.double()",
    "of another shape": "torch.ones(7)",
    "that is another given one": "module.second",
    "that is its own one": "first_own",
    "that is a view of it": "module.first.view(-1)",
}


def _any_name() -> Iterator[Addition]:
    for name in _NAMES:
        yield Addition(
            f"the name {name}",
            "swap.any-name",
            model=code(f"""
                one = torch.ones(2)
                odd = nn.Module()
                odd.register_parameter("{name}", nn.Parameter(torch.zeros(2)))
                model.add_module("{name}", odd)
                """),
            entries=((f"{name}.{name}", "one"),),
            assertions=(in_forward("swap.any-name", f'getattr(odd, "{name}") is one'),),
        )


def _rebindings() -> Iterator[Addition]:
    for what, new in _REBINDINGS.items():
        yield Addition(
            f"forward binds a tensor {what}",
            "inplace.rebinding",
            model=code("""
                one, two = torch.ones(2), torch.zeros(2)
                first_own = torch.full((2,), 2.0)
                model.register_buffer("first", first_own)
                model.register_buffer("second", torch.full((2,), 3.0))
                """),
            before=code(f"""
                bound = []


                def bind(module, args):
                    bound.append({new})
                    module.first = bound[-1]


                model.register_forward_pre_hook(bind)
                """),
            entries=(("first", "one"), ("second", "two")),
            assertions=(
                Assertion("inplace.rebinding", f'assert not bound or {_LAST_DICT}["first"] is bound[-1]'),
                Assertion("restore.rebound", "assert model.first is first_own"),
                Assertion("dicts.unchanged", f'assert {_LAST_DICT}["second"] is two'),
            ),
            defaults=("raises", "in_cached", "prior"),
        )


_SCRIPTED = Addition(
    "a scripted child",
    "swap.scripted-child",
    model=code("""
        class Scripted(nn.Module):
            def forward(self, x: torch.Tensor):
                return x


        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.scripted = torch.jit.script(nn.Identity())
        """),
    defaults=("prior", "calls_inside"),
)

_HIDDEN = Addition(
    "a child that an attribute hides",
    "swap.custom-access",
    model=code("""
        one = torch.ones(2)
        hidden = nn.Module()
        hidden.first = nn.Parameter(torch.zeros(2))
        model.hidden = hidden
        vars(model)["hidden"] = None
        """),
    entries=(("hidden.first", "one"),),
    assertions=(in_forward("swap.custom-access", "hidden.first is one"),),
    defaults=("prior",),
)

_LOCKED = Addition(
    "a child that refuses attributes",
    "swap.custom-access",
    model=code("""
        class Locked(nn.Module):
            pass


        one = torch.ones(2)
        model.locked = Locked()
        model.locked.first = nn.Parameter(torch.zeros(2))
        Locked.__setattr__ = Locked.__delattr__ = None
        """),
    entries=(("locked.first", "one"),),
    assertions=(in_forward("swap.custom-access", "model.locked.first is one"),),
    defaults=("prior",),
)

_TWINS = Addition(
    "two modules over one store",
    "restore.shared-store",
    model=code("""
        one = torch.ones(2)
        model.twin = nn.Module()
        model.twin.register_buffer("first", torch.zeros(2))
        model.twin_too = copy.copy(model.twin)
        own = model.twin.first
        """),
    entries=(("twin.first", "one"), ("twin_too.first", "one")),
    assertions=(
        in_forward("restore.shared-store", "model.twin.first is one and model.twin_too.first is one"),
        Assertion("restore.shared-store", "assert model.twin.first is own and model.twin_too.first is own"),
        Assertion(
            "dicts.unchanged", f'assert all({_LAST_DICT}[f"{{its}}.first"] is one for its in ("twin", "twin_too"))'
        ),
    ),
    defaults=("prior",),
)

_PROPERTY = Addition(
    "the name of a property",
    "restore.computed-name",
    before=code("""
        class Scaled(nn.Module):
            def __init__(self):
                super().__init__()
                self.first = nn.Parameter(torch.ones(2))
                self.second = nn.Parameter(torch.ones(2))

            @property
            def double(self):
                return 2 * self.first

            @double.setter
            def double(self, value):
                self.first = nn.Parameter(value / 2)

            def forward(self, x):
                return x * self.second


        model.scaled = Scaled()
        first, second = model.scaled.first, model.scaled.second
        """),
    assertions=(
        afterwards(
            "restore.computed-name",
            """
            try:
                functional_call(model, {"scaled.double": torch.zeros(2)}, torch.tensor(3.0))
            except Exception:
                pass
            assert model.scaled.first is first
            """,
        ),
        afterwards(
            "strict.says-which",
            """
            try:
                functional_call(model.scaled, {"first": first, "double": first}, torch.ones(2), strict=True)
            except Exception as raised:
                message = str(raised)
            assert "second" in message and "double" in message
            """,
        ),
    ),
    defaults=("strict", "act", "raises", "in_cached", "calls_inside", "prior", "circular"),
)

_PLAIN = Addition(
    "a plain attribute that forward deletes",
    "restore.plain-attribute",
    model=code("""
        plain = torch.zeros(2)
        model.plain = plain
        """),
    assertions=(
        afterwards(
            "restore.plain-attribute",
            """
            handle = model.register_forward_pre_hook(lambda module, args: delattr(module, "plain"))
            try:
                functional_call(model, {"plain": torch.ones(2)}, torch.tensor(3.0))
            except Exception:
                pass
            handle.remove()
            assert model.plain is plain
            """,
        ),
    ),
    defaults=ALONE,
)

_KEPT_ELSEWHERE = Addition(
    "forward reaches its own tensors another way",
    "swap.own-tensors",
    model=code("""
        model.first = nn.Parameter(torch.tensor(1.0))
        own_tensors = [model.first, *model.parameters()]
        """),
    before=code("""
        seen_own = []


        def see(module, args):
            seen_own.append([own.requires_grad for own in own_tensors])


        model.register_forward_pre_hook(see)
        """),
    entries=(("first", "torch.tensor(2.0)"),),
    assertions=(Assertion("swap.own-tensors", "assert all(all(flags) for flags in seen_own)"),),
    defaults=("prior", "in_cached"),
)

ADDITIONS = (
    *_any_name(),
    *_rebindings(),
    _SCRIPTED,
    _HIDDEN,
    _LOCKED,
    _TWINS,
    _PROPERTY,
    _PLAIN,
    _KEPT_ELSEWHERE,
)
