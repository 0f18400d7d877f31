"""Mutants of chapter tie: which values of a tied group are equal, which are refused, and what the error says."""

from mutants import mutant
from mutants._changes import After, Before, Replace

# Only what is given for a second name of a group is compared.
AGAIN = (
    Before("_Swap.tie", "first = values.setdefault(slot.group, value)", "again = slot.group in values"),
    Replace("_Swap.tie", "not _equal(first, value)", "again and not _equal(first, value)"),
)

MUTANTS = [
    mutant(
        "one tensor given twice is compared with itself by value, which NaN is not",
        ("compile.tied", "tie.same-object"),
        *AGAIN,
        Replace(
            "_equal",
            """
            if a is b or _same_memory(a, b):
                return True
            """,
            "",
        ),
    ),
    mutant(
        "one sparse tensor given twice is taken for two that can't be compared",
        ("tie.same-object",),
        *AGAIN,
        Replace("_equal", "a is b or _same_memory(a, b)", "a is b and not (a is not None and a.is_sparse)"),
    ),
    mutant(
        "equal values are put in as one object, the first of them",
        ("tie.equal-values",),
        After(
            "_Swap.tie",
            "for _, slot, value in self.names.values(): ...",
            """
            for _, slot, _ in self.names.values():
                if slot is not None and slot.home != _DICT:
                    slot.given = values[slot.group]
            """,
        ),
    ),
    mutant(
        "a Parameter and a tensor of equal values count as different",
        ("tie.equal-values",),
        Replace("_equal", "torch.equal(a, b)", "type(a) is type(b) and torch.equal(a, b)"),
    ),
    mutant(
        "only one object counts as the same value",
        ("dicts.state-dict", "tie.equal-values", "tie.shared-submodule"),
        Replace("_equal", "a is b or _same_memory(a, b)", "a is b"),
        Replace("_equal", "torch.equal(a, b)", "False"),
    ),
    mutant(
        "values that are nearly equal count as equal",
        ("tie.conflict",),
        Replace("_equal", "torch.equal(a, b)", "torch.allclose(a, b, atol=0.001)"),
    ),
    mutant(
        "values are compared only with what is given for the first name of their group",
        ("tie.conflict-in-part",),
        Replace(
            "_Swap.tie",
            "not _equal(first, value)",
            """
            not _equal(first, value) and any(
                name in self.names
                for name in [n for n, (*_, t) in self.registered.items() if id(t) == slot.group][:1]
            )
            """,
        ),
    ),
    mutant(
        "different values are an error only where all names of the group are given",
        ("tie.conflict-in-part", "tie.conflict-says-which"),
        Replace(
            "_Swap.tie",
            "not _equal(first, value)",
            """
            not _equal(first, value) and all(
                name in self.names for name, (*_, t) in self.registered.items() if id(t) == slot.group
            )
            """,
        ),
    ),
    mutant(
        "the error about different values says only that there are some",
        ("tie.conflict-says-which",),
        Replace(
            "_Swap.tie",
            'f"functional_call got multiple values for keys {names}, which are tied: give one, or equal ones"',
            'f"functional_call got multiple values for keys that are tied: give one, or equal ones"',
        ),
    ),
    mutant(
        "the error about different values names the last given of them",
        ("tie.conflict-says-which",),
        Replace(
            "_Swap.tie",
            'f"functional_call got multiple values for keys {names}, which are tied: give one, or equal ones"',
            'f"functional_call got multiple values for keys like {names[-1]}, which are tied: give one, or equal ones"',
        ),
    ),
]
