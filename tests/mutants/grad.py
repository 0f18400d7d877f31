"""Mutants of chapter grad."""

from mutants import Mutant

BODY = "        return module(*args, **(kwargs or {}))\n"
PUT_IN = "                owner.stores[slot.home][slot.key] = slot.given\n"
# Under torch.func.grad; not in a graph that is compiled, where these questions can't be asked.
TRACKED = "not torch.compiler.is_compiling() and torch._C._functorch.is_gradtrackingtensor(slot.given)"
OUTSIDE = "torch._C._functorch.get_unwrapped(slot.given)"


def _putting(condition, instead):
    """A given tensor of which the condition is true is put in as something else."""
    return (
        PUT_IN,
        f"                if isinstance(slot.given, Tensor) and {condition}:\n"
        f"                    slot.given = {instead}\n{PUT_IN}",
    )


MUTANTS = [
    Mutant(
        "the gradients of given tensors are cleared, lest those of two calls add up",
        ("grad.given",),
        (
            (
                PUT_IN,
                f"{PUT_IN}                if isinstance(slot.given, Tensor) and slot.given is not slot.old:\n"
                "                    if slot.given.is_leaf and slot.given.grad is not None:\n"
                "                        slot.given.grad = None\n",
            ),
        ),
    ),
    Mutant(
        "given values of non-persistent buffers are detached",
        ("grad.given", "swap.visible", "tie.buffers", "tie.gradient"),
        (_putting("slot.given.requires_grad and slot.key in owner.non_persistent", "slot.given.detach()"),),
    ),
    Mutant(
        "own parameters that are not given are frozen in the call",
        ("grad.own",),
        (
            (
                BODY,
                "        slots = [(owner.module, key) for owner in swap.owners.values() for key in owner.slots]\n"
                "        others = [\n"
                "            tensor\n"
                "            for one, _, key, tensor in swap.registered.values()\n"
                "            if swap.names and not torch.compiler.is_compiling()\n"
                "            if torch._C._functorch.peek_interpreter_stack() is None  # requires_grad_ is refused there\n"
                "            if tensor is not None and tensor.is_leaf and tensor.requires_grad\n"
                "            if not any(one is owner and key == given for owner, given in slots)\n"
                "        ]\n"
                "        for tensor in others:\n"
                "            tensor.requires_grad_(False)\n"
                "        try:\n"
                f"    {BODY}"
                "        finally:\n"
                "            for tensor in others:\n"
                "                tensor.requires_grad_(True)\n",
            ),
        ),
    ),
    Mutant(
        "own tensors that are passed back are detached, as if they stood for values",
        ("grad.own-given",),
        (_putting("slot.given is slot.old and slot.given.requires_grad", "slot.given.detach()"),),
    ),
    Mutant(
        "under torch.func.grad an nn.Parameter is detached",
        ("grad.transform",),
        (_putting(f"{TRACKED} and isinstance({OUTSIDE}, nn.Parameter)", "slot.given.detach()"),),
    ),
    Mutant(
        "under torch.func.grad own parameters stay in the graph, with nothing to give",
        ("grad.detached",),
        (
            _putting(
                f"{TRACKED} and isinstance(slot.old, nn.Parameter) and slot.old.shape == slot.given.shape",
                "slot.given + 0 * slot.old",
            ),
        ),
    ),
    Mutant(
        "under torch.func.grad a value is cut from the graph outside of it",
        ("grad.attached",),
        (
            _putting(
                f"{TRACKED} and not torch._C._functorch.is_functorch_wrapped_tensor({OUTSIDE})",
                f"{OUTSIDE}.detach() + (slot.given - {OUTSIDE})",
            ),
        ),
    ),
    Mutant(
        "a tensor that is given twice is detached at the second place",
        ("grad.twice",),
        (
            (
                "        for owner in self.owners.values():\n            for slot in owner.slots.values():\n",
                "        used = set()\n"
                "        for owner in self.owners.values():\n            for slot in owner.slots.values():\n"
                "                if isinstance(slot.given, Tensor) and slot.given.requires_grad:\n"
                "                    given = slot.given\n"
                "                    if (id(given), slot.group) not in used and id(given) in used:\n"
                "                        slot.given = given.detach()\n"
                "                    used |= {id(given), (id(given), slot.group)}\n",
            ),
        ),
    ),
    Mutant(
        "a hook detaches the gradients of given tensors, lest they keep a graph alive",
        ("grad.second-order",),
        (
            (
                PUT_IN,
                "                if isinstance(slot.given, Tensor) and slot.given.requires_grad:\n"
                "                    inner = torch.compiler.is_compiling()\n"
                "                    if not inner and not torch._C._functorch.is_functorch_wrapped_tensor(slot.given):\n"
                f"                        slot.given.register_hook(lambda grad: grad.detach())\n{PUT_IN}",
            ),
        ),
    ),
    Mutant(
        "own parameters are compared with the given values, in operations that autograd records",
        ("grad.saves-nothing",),
        (
            (
                PUT_IN,
                "                traced = torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack()\n"
                "                if not traced and isinstance(slot.old, nn.Parameter) and slot.old.is_floating_point():\n"
                f"                    slot.old.square()\n{PUT_IN}",
            ),
        ),
    ),
]
