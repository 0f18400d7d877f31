"""Mutants of chapter grad."""

from mutants import mutant
from mutants._changes import After, Before, Replace
from mutants._common import given_becomes

# Under torch.func.grad; not in a graph that is compiled, where these questions can't be asked.
TRACKED = "not torch.compiler.is_compiling() and torch._C._functorch.is_gradtrackingtensor(slot.given)"
OUTSIDE = "torch._C._functorch.get_unwrapped(slot.given)"

MUTANTS = [
    mutant(
        "the gradients of given tensors are cleared, lest those of two calls add up",
        ("grad.given",),
        After(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            if isinstance(slot.given, Tensor) and slot.given is not slot.old:
                if slot.given.is_leaf and slot.given.grad is not None:
                    slot.given.grad = None
            """,
        ),
    ),
    mutant(
        "given values of non-persistent buffers are detached",
        ("grad.given", "swap.visible", "tie.buffers", "tie.gradient"),
        given_becomes("slot.given.requires_grad and slot.key in owner.non_persistent", "slot.given.detach()"),
    ),
    mutant(
        "own parameters that are not given are frozen in the call",
        ("grad.own",),
        Replace(
            "functional_call",
            "return ...",
            """
            slots = [(owner.module, key) for owner in swap.owners.values() for key in owner.slots]
            others = [
                tensor
                for one, _, key, tensor in swap.registered.values()
                if swap.names and not torch.compiler.is_compiling()
                if torch._C._functorch.peek_interpreter_stack() is None
                if tensor is not None and tensor.is_leaf and tensor.requires_grad
                if not any(one is owner and key == given for owner, given in slots)
            ]
            for tensor in others:
                tensor.requires_grad_(False)
            try:
                return ...
            finally:
                for tensor in others:
                    tensor.requires_grad_(True)
            """,
        ),
    ),
    mutant(
        "own tensors that are passed back are detached, as if they stood for values",
        ("grad.own-given",),
        given_becomes("slot.given is slot.old and slot.given.requires_grad", "slot.given.detach()"),
    ),
    mutant(
        "under torch.func.grad an nn.Parameter is detached",
        ("grad.transform",),
        given_becomes(f"{TRACKED} and isinstance({OUTSIDE}, nn.Parameter)", "slot.given.detach()"),
    ),
    mutant(
        "under torch.func.grad own parameters stay in the graph, with nothing to give",
        ("grad.detached",),
        given_becomes(
            f"{TRACKED} and isinstance(slot.old, nn.Parameter) and slot.old.shape == slot.given.shape",
            "slot.given + 0 * slot.old",
        ),
    ),
    mutant(
        "under torch.func.grad a value is cut from the graph outside of it",
        ("grad.attached",),
        given_becomes(
            f"{TRACKED} and not torch._C._functorch.is_functorch_wrapped_tensor({OUTSIDE})",
            f"{OUTSIDE}.detach() + (slot.given - {OUTSIDE})",
        ),
    ),
    mutant(
        "a tensor that is given twice is detached at the second place",
        ("grad.twice",),
        Before("_Swap.put_in", "for owner in self.owners.values(): ...", "used = set()"),
        Before(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            if isinstance(slot.given, Tensor) and slot.given.requires_grad:
                given = slot.given
                if (id(given), slot.group) not in used and id(given) in used:
                    slot.given = given.detach()
                used |= {id(given), (id(given), slot.group)}
            """,
        ),
    ),
    mutant(
        "a hook detaches the gradients of given tensors, lest they keep a graph alive",
        ("grad.second-order",),
        Before(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            if isinstance(slot.given, Tensor) and slot.given.requires_grad:
                inner = torch.compiler.is_compiling()
                if not inner and not torch._C._functorch.is_functorch_wrapped_tensor(slot.given):
                    slot.given.register_hook(lambda grad: grad.detach())
            """,
        ),
    ),
    mutant(
        "own parameters are compared with the given values, in operations that autograd records",
        ("grad.saves-nothing",),
        Before(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            traced = torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack()
            if not traced and isinstance(slot.old, nn.Parameter) and slot.old.is_floating_point():
                slot.old.square()
            """,
        ),
    ),
]
