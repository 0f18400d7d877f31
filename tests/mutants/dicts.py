"""Mutants of chapter dicts."""

from mutants import mutant
from mutants._changes import After, Before, Replace
from mutants._common import when_raised

MUTANTS = [
    mutant(
        "of one large dict the first 64 names are read",
        ("dicts.one",),
        Replace("_Swap.take", "one.items()", "[*one.items()][:64]"),
    ),
    mutant(
        "of many dicts the first three are read",
        ("dicts.tuple",),
        Replace(
            "_Swap.take",
            "dicts if isinstance(dicts, (tuple, list)) else (dicts,)",
            "dicts[:3] if isinstance(dicts, (tuple, list)) else (dicts,)",
        ),
    ),
    mutant(
        "a name in two dicts is accepted where both have the same tensor",
        ("dicts.distinct",),
        Replace("_Swap.take", "name in self.names", "name in self.names and self.names[name][2] is not value"),
    ),
    mutant(
        "the last of two dicts wins",
        ("dicts.distinct", "dicts.distinct-says-which"),
        Replace("_Swap.take", "name in self.names", "False"),
    ),
    mutant(
        "the error about a name in two dicts does not name it",
        ("dicts.distinct-says-which",),
        Replace(
            "_Swap.take",
            "if name in self.names: raise ValueError(...)",
            'if name in self.names: raise ValueError(f"a name appeared in multiple dictionaries; which one counts is ambiguous")',
        ),
    ),
    mutant(
        "values are looked up by subscript, which fills a defaultdict",
        ("dicts.subclass",),
        Before(
            "_Swap.take",
            "for name, value in one.items(): ...",
            """
            for name in self.registered:
                try:
                    one[name]
                except KeyError:
                    pass
            """,
        ),
    ),
    mutant(
        "own buffers given back are refused, lest forward change the module",
        ("dicts.idioms",),
        After(
            "_Swap.take",
            "place = self.registered.get(name)",
            """
            if place and place[1] == _BUFFERS and value is place[3]:
                raise ValueError(f"{name!r} is given the buffer of the module itself")
            """,
        ),
    ),
    mutant(
        "a counter that shares memory with the module's own is refused, lest forward count there",
        ("dicts.state-dict",),
        After(
            "_Swap.take",
            "place = self.registered.get(name)",
            """
            own = place[3] if place and place[1] == _BUFFERS else None
            both = isinstance(own, Tensor) and isinstance(value, Tensor) and own is not value
            both = both and not torch.compiler.is_compiling()
            if both and own.dtype is torch.int64 and torch._C._is_alias_of(value, own):
                raise ValueError(f"{name!r} shares memory with the module")
            """,
        ),
    ),
    mutant(
        "the dict is emptied when forward raises",
        ("dicts.unchanged",),
        when_raised(
            """
            for source, _, _ in swap.names.values():
                source.clear()
            """,
            "Exception",
        ),
    ),
    mutant(
        "None is taken for no values",
        ("dicts.rejected",),
        Replace(
            "_Swap.take",
            "dicts if isinstance(dicts, (tuple, list)) else (dicts,)",
            "() if dicts is None else dicts if isinstance(dicts, (tuple, list)) else (dicts,)",
        ),
    ),
    mutant(
        "what is empty is taken for no values, a string too",
        ("dicts.rejected",),
        Replace(
            "_Swap.take",
            "dicts if isinstance(dicts, (tuple, list)) else (dicts,)",
            """
            (
                ()
                if isinstance(dicts, (str, tuple)) and not dicts
                else dicts
                if isinstance(dicts, (tuple, list))
                else (dicts,)
            )
            """,
        ),
    ),
    mutant(
        "the error about a value that is no tensor does not name its key",
        ("dicts.bad-value",),
        Replace(
            "_Swap.take",
            'f"{name!r}: {type(value).__name__} is not an instance of torch.Tensor"',
            'f"{type(value).__name__} is not an instance of torch.Tensor"',
        ),
    ),
    mutant(
        "a list of numbers is made a tensor",
        ("dicts.bad-value",),
        After(
            "_Swap.take",
            "if not isinstance(name, str): ...",
            """
            if isinstance(value, (list, float)):
                value = torch.tensor(value)
            """,
        ),
    ),
    mutant(
        "a name that is no string is made one",
        ("dicts.bad-name",),
        Before("_Swap.take", "if not isinstance(name, str): ...", "name = str(name)"),
    ),
    mutant(
        "a name whose owner does not exist is ignored",
        ("dicts.bad-name",),
        Replace("_Swap._module_at", "if self.strict: ...", "if True: ..."),
    ),
    mutant(
        "a tensor given for a submodule takes its place",
        ("dicts.not-a-tensor",),
        Replace("_Swap._other_slot", "hasattr(module, key)", "found is not _Absent"),
    ),
]
