"""Calls inside parametrize.cached(), whose cache they must neither use nor fill."""

from __future__ import annotations

from fcspec.calls.addition import Addition, afterwards, code

_CACHED = Addition(
    "inside cached() a call in a call",
    "parametrize.cached",
    before=code("""
        class Negative(nn.Module):
            def forward(self, original):
                return -original


        class Nested(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner, self.second = nn.Linear(1, 1), nn.Parameter(torch.ones(1))
                self.inner.weight = nn.Parameter(torch.ones(1, 1))
                parametrize.register_parametrization(self.inner, "weight", Negative())

            def forward(self, x):
                if x.item() > 1:
                    functional_call(self, {inner_name: torch.ones(1, 1)}, torch.ones(1, 1))
                return self.inner.weight * x


        nested = Nested()
        original = "inner.parametrizations.weight.original"
        """),
    assertions=tuple(
        afterwards(
            "parametrize.cached",
            f"""
            inner_name = {inner}
            with parametrize.cached():
                nested(torch.ones(1, 1))
                given = functional_call(nested, {{{outer}: torch.full((1, 1), 5.0)}}, torch.full((1, 1), 2.0))
                plain = nested(torch.ones(1, 1))
            assert [given.item(), plain.item()] == [{result}, -1.0]
            """,
        )
        for outer, inner, result in (
            ("original", "original", -10.0),
            ('"second"', "original", -2.0),
            ("original", '"second"', -10.0),
        )
    ),
)

_TIED_TO_ORIGINAL = Addition(
    "inside cached() a value for what is tied to an original",
    "parametrize.cached",
    before=code("""
        class Negative(nn.Module):
            def forward(self, original):
                return -original


        layer = nn.Linear(1, 1)
        layer.bias = None
        layer.mate = layer.weight = nn.Parameter(torch.ones(1, 1))
        parametrize.register_parametrization(layer, "weight", Negative())
        layer.mate = layer.parametrizations.weight.original
        """),
    assertions=(
        afterwards(
            "parametrize.cached",
            """
            with parametrize.cached():
                layer(torch.ones(1, 1))
                given = functional_call(layer, {"mate": torch.full((1, 1), 5.0)}, torch.ones(1, 1))
                plain = layer(torch.ones(1, 1))
            assert [given.item(), plain.item()] == [-5.0, -1.0]
            """,
        ),
    ),
)

_OWN_OF_PARAMETRIZATION = Addition(
    "inside cached() a value for what a parametrization owns",
    "parametrize.cached",
    before=code("""
        class Scaled(nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = nn.Parameter(torch.tensor(2.0))

            def forward(self, original):
                return self.scale * original


        layer = nn.Linear(1, 1, bias=False)
        layer.weight = nn.Parameter(torch.ones(1, 1))
        parametrize.register_parametrization(layer, "weight", Scaled())
        """),
    assertions=(
        afterwards(
            "parametrize.cached",
            """
            with parametrize.cached():
                layer(torch.ones(1, 1))
                scale = {"parametrizations.weight.0.scale": torch.tensor(5.0)}
                given = functional_call(layer, scale, torch.ones(1, 1))
                plain = layer(torch.ones(1, 1))
            assert [given.item(), plain.item()] == [5.0, 2.0]
            """,
        ),
    ),
)

ADDITIONS = (_CACHED, _TIED_TO_ORIGINAL, _OWN_OF_PARAMETRIZATION)
