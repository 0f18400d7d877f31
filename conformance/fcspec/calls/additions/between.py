"""Sequences of calls: what the module is changed into between them, and calls of other modules."""

from __future__ import annotations

from collections.abc import Iterator

from fcspec.calls.addition import ALONE, Addition, afterwards, code, in_forward
from fcspec.calls.assertion import Assertion

_CALL = "functional_call(model, {{{}}}, torch.tensor(3.0))"

_CLAUSE = "call.module-as-it-is"

_STAGES = {
    "a layer is replaced": (
        "model.layer = nn.Linear(1, 1)",
        '"layer.weight": torch.ones(1, 1)',
        "model.layer = nn.Linear(1, 1)",
        "model.layer.weight",
        "layer.weight",
    ),
    "a parameter is replaced": (
        "model.first = nn.Parameter(torch.ones(1))",
        '"first": torch.zeros(1)',
        "model.first = nn.Parameter(torch.ones(1))",
        "model.first",
        "first",
    ),
    "a parameter becomes a buffer": (
        "model.first = nn.Parameter(torch.ones(1))",
        '"first": torch.zeros(1)',
        'del model.first\nmodel.register_buffer("first", torch.ones(1))',
        "model.first",
        "first",
    ),
    "a layer is added": (
        "",
        "",
        "model.layer = nn.Linear(1, 1)",
        "model.layer.weight",
        "layer.weight",
    ),
    "a layer is removed and another one added": (
        "model.left_out = nn.Linear(1, 1)",
        '"left_out.weight": torch.ones(1, 1)',
        "del model.left_out\nmodel.layer = nn.Linear(1, 1)",
        "model.layer.weight",
        "layer.weight",
    ),
    "a deep layer is replaced": (
        "model.outer = nn.Sequential(nn.Sequential(nn.Linear(1, 1)))",
        '"outer.0.0.weight": torch.ones(1, 1)',
        "model.outer[0][0] = nn.Linear(1, 1)",
        "model.outer[0][0].weight",
        "outer.0.0.weight",
    ),
    "two layers change places": (
        "model.one_layer, model.layer = nn.Linear(1, 1), nn.Linear(1, 1)",
        '"layer.weight": torch.ones(1, 1)',
        "model.one_layer, model.layer = model.layer, model.one_layer",
        "model.layer.weight",
        "layer.weight",
    ),
}


def _replaced() -> Iterator[Addition]:
    for what, (first, given, change, held, name) in _STAGES.items():
        yield Addition(
            f"between two calls {what}",
            _CLAUSE,
            model="one = torch.zeros(1, 1)",
            before=code(
                f"""
{first}
{_CALL.format(given)}
{change}
own = {held}
"""
            ),
            entries=((name, "one"),),
            assertions=(in_forward(_CLAUSE, f"{held} is one"), Assertion(_CLAUSE, f"assert {held} is own")),
            defaults=ALONE,
            complete=False,
        )


_TIES = {
    "untied": (
        "model.second = model.first",
        "model.second = nn.Parameter(torch.ones(1))",
        "model.second is not one",
    ),
    "tied": (
        "model.second = nn.Parameter(torch.ones(1))",
        "model.second = model.first",
        "model.second is one",
    ),
}


def _ties() -> Iterator[Addition]:
    for what, (first, change, holds) in _TIES.items():
        for name in ("first", "second"):
            yield Addition(
                f"between two calls slots are {what}, {name} is given",
                _CLAUSE,
                model="one = torch.zeros(1)",
                before=code(
                    f"""
model.first = nn.Parameter(torch.ones(1))
{first}
{_CALL.format('"first": torch.zeros(1)')}
{change}
"""
                ),
                entries=((name, "one"),),
                assertions=(
                    in_forward(_CLAUSE, holds if name == "first" else holds.replace("second", "first")),
                    Assertion(_CLAUSE, "assert model.first is not one and model.second is not one"),
                ),
                defaults=(*ALONE, "tie_weights", "strict"),
            )


_PARAMETRIZED = Addition(
    "between two calls a tensor is parametrized, and no longer",
    _CLAUSE,
    before=code("""
        class Negative(nn.Module):
            def forward(self, original):
                return -original


        layer = nn.Linear(1, 1)
        """),
    assertions=(
        afterwards(
            _CLAUSE,
            """
            one, x = torch.full((1, 1), 2.0), torch.ones(1, 1)
            functional_call(layer, {"weight": one, "bias": torch.zeros(1)}, x)
            parametrize.register_parametrization(layer, "weight", Negative())
            given = {"parametrizations.weight.original": one, "bias": torch.zeros(1)}
            parametrized = functional_call(layer, given, x)
            parametrize.remove_parametrizations(layer, "weight")
            plain = functional_call(layer, {"weight": one, "bias": torch.zeros(1)}, x)
            assert [parametrized.item(), plain.item()] == [-2.0, 2.0]
            """,
        ),
    ),
)

_STRICT = Addition(
    "between two strict calls a slot is added",
    _CLAUSE,
    before="layer = nn.Linear(1, 1)",
    assertions=(
        afterwards(
            _CLAUSE,
            """
            given, x = {"weight": torch.ones(1, 1), "bias": torch.ones(1)}, torch.ones(1, 1)
            functional_call(layer, given, x, strict=True)
            layer.register_buffer("added", torch.ones(1))
            try:
                functional_call(layer, given, x, strict=True)
            except Exception:
                pass
            else:
                raise AssertionError("no error")
            """,
        ),
    ),
)

_OTHERS_BETWEEN = {
    "of a copy of the module": "functional_call(copy.deepcopy(model), {}, torch.tensor(3.0))",
    "that is refused": 'functional_call(model, {"nowhere.first": torch.ones(1)}, torch.tensor(3.0))',
    "without an argument": 'functional_call(model, {"first": torch.ones(1)})',
}


def _others_between() -> Iterator[Addition]:
    for what, call in _OTHERS_BETWEEN.items():
        yield Addition(
            f"a call before it {what}",
            _CLAUSE,
            model="one = torch.ones(1)\nmodel.first = nn.Parameter(torch.zeros(1))",
            before=f"try:\n    {call}\nexcept Exception:\n    pass",
            entries=(("first", "one"),),
            assertions=(in_forward(_CLAUSE, "module.first is one"),),
            defaults=("act", "prior", "circular", "raises"),
        )


ADDITIONS = (
    *_replaced(),
    *_ties(),
    _PARAMETRIZED,
    _STRICT,
    *_others_between(),
)
