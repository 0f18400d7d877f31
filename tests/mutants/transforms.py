"""Mutants of chapter transforms: each does under one stack of transforms what it does nowhere else."""

from mutants import Mutant

_BODY = "        return module(*args, **(kwargs or {}))\n"
_TAKE = "            for name, value in one.items():\n"
_STACK = "[level.key().name for level in torch._C._functorch.get_interpreter_stack() or ()]"


def _under(stack, *lines):
    """For each given tensor, these lines under these transforms, from the outermost to the innermost."""
    text = f"{_TAKE}                if isinstance(value, Tensor) and {_STACK} == {stack!r}:\n"
    return ((_TAKE, text + "".join(f"                    {line}\n" for line in lines)),)


_DETACHED = "value = value.detach()"

MUTANTS = [
    Mutant(
        "under vmap values are detached",
        ("transforms.vmap-ensemble",),
        _under(["Vmap"], _DETACHED),
    ),
    Mutant(
        "under vmap of grad values are detached",
        ("transforms.vmap-per-sample",),
        _under(["Vmap", "Grad"], _DETACHED),
    ),
    Mutant(
        "under vmap values are cloned",
        ("transforms.vmap-inplace",),
        _under(["Vmap"], "value = value.clone()"),
    ),
    Mutant(
        "under vjp arguments are detached",
        ("transforms.vjp",),
        (
            (
                _BODY,
                f"        if {_STACK} == ['Grad']:\n"
                "            args = tuple(one.detach() if isinstance(one, Tensor) else one for one in args)\n" + _BODY,
            ),
        ),
    ),
    Mutant("under jvp values are detached", ("transforms.jvp",), _under(["Jvp"], _DETACHED)),
    Mutant(
        "gradients of values are looked at",
        ("transforms.jacrev",),
        _under(
            ["Grad"],
            "if value.requires_grad:",
            "    value = value * 1",
            "    value.register_hook(lambda gradient: gradient if gradient.isfinite().all() else gradient)",
        ),
    ),
    Mutant("under jacfwd values are detached", ("transforms.jacfwd",), _under(["Vmap", "Jvp"], _DETACHED)),
    Mutant("under hessian values are detached", ("transforms.hessian",), _under(["Vmap", "Jvp", "Grad"], _DETACHED)),
    Mutant(
        "outside of functorch values lose their tangents",
        ("transforms.linearize",),
        (
            (
                _TAKE,
                f"{_TAKE}                if torch.autograd.forward_ad._current_level >= 0 and not {_STACK}:\n"
                "                    value = torch.autograd.forward_ad.unpack_dual(value).primal\n",
            ),
        ),
    ),
    Mutant(
        "under functionalize values are cloned",
        ("transforms.functionalize",),
        _under(["Functionalize"], "value = value.clone()"),
    ),
    Mutant("under grad of grad values are detached", ("transforms.nested",), _under(["Grad", "Grad"], _DETACHED)),
    Mutant(
        "under vmap of jacfwd of jacrev values are detached",
        ("transforms.nested",),
        _under(["Vmap", "Vmap", "Jvp", "Grad"], _DETACHED),
    ),
    Mutant(
        "under transforms the module is left as it is",
        ("transforms.clean",),
        (("        swap.put_back()\n", f"        if {_STACK} != ['Vmap']:\n            swap.put_back()\n"),),
    ),
]
