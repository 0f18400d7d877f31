"""Calls inside transforms."""

from __future__ import annotations

from collections.abc import Iterator

from fcspec.calls.addition import ALONE, Addition, afterwards, code

_TANGENTS = Addition(
    "equal values with different tangents for two names of one slot",
    "transforms.tangents",
    before=code("""
        from torch.autograd import forward_ad

        twins = nn.ModuleList(2 * [nn.Linear(2, 2)])
        twins.forward = twins[0].forward
        """),
    assertions=(
        afterwards(
            "transforms.tangents",
            """
            try:
                with forward_ad.dual_level():
                    one, other = (forward_ad.make_dual(torch.ones(2), number * torch.ones(2)) for number in (1, 2))
                    functional_call(twins, {"0.bias": one, "1.bias": other}, torch.ones(2))
            except Exception:
                pass
            else:
                raise AssertionError("no error")
            """,
        ),
    ),
    defaults=ALONE,
)


def _in_transforms() -> Iterator[Addition]:
    for name, call in (
        ("grad", "torch.func.grad(in_transform)(torch.tensor(3.0))"),
        ("vmap", "torch.func.vmap(in_transform)(torch.ones(2))"),
    ):
        yield Addition(
            f"forward binds a tensor of {name}",
            "transforms.rebinding",
            before=code("""
                class Total(nn.Module):
                    def __init__(self):
                        super().__init__()
                        self.register_buffer("total", torch.tensor(0.0))

                    def forward(self, x):
                        self.total = self.total + x
                        return 2 * self.total


                def in_transform(x):
                    values = {"total": torch.tensor(1.0)}
                    before = values["total"]
                    result = functional_call(Total(), values, x)
                    changed.append(values["total"] is not before)
                    return result


                changed = []
                """),
            assertions=(afterwards("transforms.rebinding", f"{call}\nassert changed == [True]"),),
            defaults=ALONE,
        )


ADDITIONS = (_TANGENTS, *_in_transforms())
