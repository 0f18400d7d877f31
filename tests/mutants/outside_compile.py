"""Mutants of the chapter compile that were whole implementations, written for laws of version 1.1."""

from mutants import mutant
from mutants._changes import Before, Replace

MUTANTS = [
    mutant(
        "what forward binds is lost under torch.compile",
        ("compile.rebinding",),
        Replace("_Swap.put_back", "self.is_in", "self.is_in and (not torch.compiler.is_compiling())"),
    ),
    mutant(
        "the value of a regular name is held by a weak reference, which no trace follows",
        ("compile.regular-name",),
        Replace(
            "_ParametrizedSlot.__init__",
            """
            self.tensors = tensors = [given]
            super().__init__(owner, _DICT, "forward", lambda: tensors[-1])
            """,
            """
            import weakref

            self.tensors = tensors = [given]
            held = weakref.WeakValueDictionary({0: given})
            super().__init__(owner, _DICT, "forward", lambda: tensors[-1] if len(tensors) > 1 else held[0])
            """,
        ),
    ),
    mutant(
        "under torch.compile the value of a regular name is given to the original",
        ("compile.regular-name",),
        Before(
            "_Swap._other_slot",
            "owner.slots['forward'] = _ParametrizedSlot(owner, value)",
            """
            if torch.compiler.is_compiling():
                return self._slot(owner.module, _PARAMETERS, "original", value)
            """,
        ),
    ),
    mutant(
        "strict is not checked in a trace",
        ("compile.errors",),
        Replace("functional_call", "if strict: ...", "if strict and (not torch.compiler.is_compiling()): ..."),
    ),
    mutant(
        "a name in two dicts is accepted in a trace",
        ("compile.errors",),
        Replace("_Swap.take", "name in self.names", "name in self.names and (not torch.compiler.is_compiling())"),
    ),
    mutant(
        "different values for a tied group are accepted in a trace",
        ("compile.errors",),
        Replace(
            "_Swap.tie", "not _equal(first, value)", "not torch.compiler.is_compiling() and (not _equal(first, value))"
        ),
    ),
    mutant(
        "a name whose owner does not exist is passed over in a trace",
        ("compile.errors",),
        Replace("_Swap._module_at", "if self.strict: ...", "if self.strict or torch.compiler.is_compiling(): ..."),
    ),
    mutant(
        "a tensor's id is a constant of a trace, which a nested call compiles anew for each value",
        ("compile.recompile",),
        Replace("_identity", "tensor if torch.compiler.is_compiling() else id(tensor)", "id(tensor)"),
    ),
]
