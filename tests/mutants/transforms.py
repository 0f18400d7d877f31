"""Mutants of chapter transforms: each does under one stack of transforms what it does nowhere else."""

from mutants import mutant
from mutants._changes import Before, Change, Replace

_STACK = "[level.key().name for level in torch._C._functorch.get_interpreter_stack() or ()]"
_DETACHED = "value = value.detach()"


def _each_value(where: str, *lines: str) -> Change:
    """For each given value where this holds, these lines."""
    code = "".join(f"\n    {line}" for line in lines)
    return Before("_Swap.take", "if not isinstance(name, str): ...", f"if {where}:{code}")


def _under(stack: list[str], *lines: str) -> Change:
    """For each given tensor, these lines under these transforms, from the outermost to the innermost."""
    return _each_value(f"isinstance(value, Tensor) and {_STACK} == {stack!r}", *lines)


MUTANTS = [
    mutant(
        "under vmap values are detached",
        ("transforms.vmap-ensemble",),
        _under(["Vmap"], _DETACHED),
    ),
    mutant(
        "under vmap of grad values are detached",
        ("transforms.vmap-per-sample",),
        _under(["Vmap", "Grad"], _DETACHED),
    ),
    mutant(
        "under vmap values are cloned",
        ("transforms.vmap-inplace",),
        _under(["Vmap"], "value = value.clone()"),
    ),
    mutant(
        "under vjp arguments are detached",
        ("transforms.vjp",),
        Before(
            "functional_call",
            "return ...",
            f"""
            if {_STACK} == ["Grad"]:
                args = tuple(one.detach() if isinstance(one, Tensor) else one for one in args)
            """,
        ),
    ),
    mutant(
        "under jvp values are detached",
        ("transforms.jvp",),
        _under(["Jvp"], _DETACHED),
    ),
    mutant(
        "gradients of values are looked at",
        ("transforms.jacrev",),
        _under(
            ["Grad"],
            "if value.requires_grad:",
            "    value = value * 1",
            "    value.register_hook(lambda gradient: gradient if gradient.isfinite().all() else gradient)",
        ),
    ),
    mutant(
        "under jacfwd values are detached",
        ("transforms.jacfwd",),
        _under(["Vmap", "Jvp"], _DETACHED),
    ),
    mutant(
        "under hessian values are detached",
        ("transforms.hessian",),
        _under(["Vmap", "Jvp", "Grad"], _DETACHED),
    ),
    mutant(
        "outside of functorch values lose their tangents",
        ("transforms.linearize",),
        _each_value(
            f"torch.autograd.forward_ad._current_level >= 0 and not {_STACK}",
            "value = torch.autograd.forward_ad.unpack_dual(value).primal",
        ),
    ),
    mutant(
        "under functionalize values are cloned",
        ("transforms.functionalize",),
        _under(["Functionalize"], "value = value.clone()"),
    ),
    mutant(
        "under grad of grad values are detached",
        ("transforms.nested",),
        _under(["Grad", "Grad"], _DETACHED),
    ),
    mutant(
        "under vmap of jacfwd of jacrev values are detached",
        ("transforms.nested",),
        _under(["Vmap", "Vmap", "Jvp", "Grad"], _DETACHED),
    ),
    mutant(
        "under transforms the module is left as it is",
        ("transforms.clean",),
        Replace("functional_call", "swap.put_back()", f"if {_STACK} != ['Vmap']:\n    swap.put_back()"),
    ),
]
