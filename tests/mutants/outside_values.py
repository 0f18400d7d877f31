"""Mutants of the chapter tie that were whole implementations, written for laws of version 1.1."""

from mutants import mutant
from mutants._changes import Replace, TopLevel

MUTANTS = [
    mutant(
        "values for a tied group are compared by allclose",
        (
            "tie.conflict",
            "tie.shared-submodule",
        ),
        Replace(
            "_equal",
            "torch.equal(a, b)",
            """
            (a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device) and (
                torch.equal(a, b) or torch.allclose(a, b)
            )
            """,
        ),
    ),
    mutant(
        "values for a tied group are compared by allclose with small tolerances",
        (
            "tie.conflict",
            "tie.shared-submodule",
        ),
        Replace(
            "_equal",
            "torch.equal(a, b)",
            """
            (a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device) and torch.allclose(
                a, b, rtol=3e-07, atol=3e-07
            )
            """,
        ),
    ),
    mutant(
        "values for a tied group are compared by sums over their rows, in any order",
        (
            "tie.conflict",
            "tie.shared-submodule",
        ),
        Replace(
            "_equal",
            "torch.equal(a, b)",
            """
            (a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device) and (
                torch.equal(a, b)
                if a.dim() < 2
                else torch.equal(a.sum(0), b.sum(0)) and torch.equal(a.square().sum(0), b.square().sum(0))
            )
            """,
        ),
    ),
    mutant(
        "values for a tied group are compared as float32",
        (
            "tie.conflict",
            "tie.shared-submodule",
        ),
        Replace(
            "_equal",
            "torch.equal(a, b)",
            """
            (a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device) and torch.equal(a.float(), b.float())
            """,
        ),
    ),
    mutant(
        "values for a tied group are compared as float64, which int64 exceeds",
        (
            "tie.conflict",
            "tie.shared-submodule",
        ),
        Replace(
            "_equal",
            "torch.equal(a, b)",
            """
            (a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device) and torch.equal(a.double(), b.double())
            """,
        ),
    ),
    mutant(
        "values for a tied group are compared by their real parts",
        ("tie.conflict",),
        Replace(
            "_equal",
            "torch.equal(a, b)",
            "(a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device) and torch.equal(a.real, b.real)",
        ),
    ),
    mutant(
        "values for a tied group are compared by their first thousand elements",
        ("tie.conflict",),
        Replace(
            "_equal",
            "torch.equal(a, b)",
            """
            (a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device) and torch.equal(
                a.flatten()[:1000], b.flatten()[:1000]
            )
            """,
        ),
    ),
    mutant(
        "values for a tied group are compared by what is printed of them",
        ("tie.conflict",),
        Replace(
            "_equal",
            "torch.equal(a, b)",
            """
            (a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device) and str(a.detach()) == str(b.detach())
            """,
        ),
    ),
    mutant(
        "tensors of one address, shape and strides are tied, so all empty ones and all on meta",
        ("tie.untied",),
        TopLevel("""
            def _memory(tensor):
                if torch.compiler.is_compiling():
                    return tensor
                try:
                    return (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor.is_conj())
                except Exception:
                    return id(tensor)
            """),
        Replace("_identity", "tensor if torch.compiler.is_compiling() else id(tensor)", "_memory(tensor)"),
    ),
    mutant(
        "tensors of one address and shape are tied, whatever their strides",
        ("tie.untied",),
        TopLevel("""
            def _memory(tensor):
                if torch.compiler.is_compiling():
                    return tensor
                try:
                    if not tensor.data_ptr():
                        return id(tensor)
                    return (tensor.data_ptr(), tensor.shape, tensor.device)
                except Exception:
                    return id(tensor)
            """),
        Replace("_identity", "tensor if torch.compiler.is_compiling() else id(tensor)", "_memory(tensor)"),
    ),
    mutant(
        "of different values for one regular name by two paths the last wins",
        ("tie.shared-regular-name",),
        Replace("_Swap.tie", "not _equal(first, value)", "slot.home != _DICT and (not _equal(first, value))"),
    ),
    mutant(
        "values over the same memory are equal, also where only one is a conjugate",
        ("tie.conflict",),
        Replace("_same_memory", "(a.is_conj(), a.is_neg()) != (b.is_conj(), b.is_neg())", "False"),
    ),
    mutant(
        "values over the same memory are equal, also where one reads it as another dtype",
        ("tie.conflict",),
        Replace(
            "_same_memory", "(a.layout, a.dtype, a.device, a.is_nested)", "(a.layout, b.dtype, a.device, a.is_nested)"
        ),
    ),
    mutant(
        "values over one storage are equal where their shapes agree",
        (
            "tie.conflict",
            "tie.shared-submodule",
        ),
        Replace("_same_memory", "(a.is_conj(), a.is_neg()) != (b.is_conj(), b.is_neg())", "False"),
        Replace(
            "_same_memory",
            "(a.shape, a.stride(), a.storage_offset()) == (b.shape, b.stride(), b.storage_offset())",
            "a.shape == b.shape",
        ),
    ),
    mutant(
        "values that begin at one address are equal, whatever their strides",
        (
            "tie.conflict",
            "tie.shared-submodule",
        ),
        Replace("_same_memory", "(a.is_conj(), a.is_neg()) != (b.is_conj(), b.is_neg())", "False"),
        Replace(
            "_same_memory",
            "(a.shape, a.stride(), a.storage_offset()) == (b.shape, b.stride(), b.storage_offset())",
            "(a.shape, a.storage_offset()) == (b.shape, b.storage_offset())",
        ),
    ),
]
