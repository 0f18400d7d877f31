"""Mutants that show only where ties meet something else: transforms, originals, depth, other dicts, calls in calls."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel

MUTANTS = [
    mutant(
        "the original of a parametrized tensor is tied to nothing",
        ("tie.one-name",),
        Replace(
            "_Swap.tie",
            "_identity(tensor) in values and name not in self.names",
            """
            (
                _identity(tensor) in values
                and name not in self.names
                and not isinstance(module, parametrize.ParametrizationList)
            )
            """,
        ),
    ),
    mutant(
        "conflicts are looked for in each dict alone",
        ("tie.conflict",),
        Replace(
            "_Swap.tie",
            "for _, slot, value in self.names.values(): ...",
            """
            seen = {}
            for src, slot, value in self.names.values():
                ...
            """,
        ),
        Replace(
            "_Swap.tie",
            "first = values.setdefault(slot.group, value)",
            """
            values.setdefault(slot.group, value)
            first = seen.setdefault((id(src), slot.group), value)
            """,
        ),
    ),
    mutant(
        "under strict different values for tied names are accepted",
        ("tie.conflict",),
        Replace("_Swap.tie", "not _equal(first, value)", "not self.strict and not _equal(first, value)"),
    ),
    mutant(
        "tensors of one shape and one sum are equal",
        ("tie.conflict",),
        Replace("_equal", "torch.equal(a, b)", "a.shape == b.shape and bool(a.double().sum() == b.double().sum())"),
    ),
    mutant(
        "containers without children are passed over",
        ("tie.one-name",),
        Replace("_Swap.walk", "child is not None", "child"),
    ),
    mutant(
        "the slots of a module are looked up once and for all",
        ("tie.one-name",),
        First(
            "_Swap.walk",
            """
            known = _WALKS.get(self.module)
            if known is not None:
                self.registered, rnns = known
                for module in rnns:
                    self._owner(module)
                return
            rnns = []
            _WALKS[self.module] = self.registered, rnns
            """,
        ),
        Replace(
            "_Swap.walk",
            "if isinstance(module, nn.RNNBase): ...",
            """
            if isinstance(module, nn.RNNBase):
                rnns.append(module)
                ...
            """,
        ),
        TopLevel(
            """
            import weakref

            _WALKS = weakref.WeakKeyDictionary()
            """,
        ),
    ),
    mutant(
        "ties are sought among a hundred slots",
        ("tie.one-name",),
        Replace("_Swap.tie", "self.registered.items()", "list(self.registered.items())[:100]"),
    ),
    mutant(
        "ties are sought sixteen levels deep",
        ("tie.one-name",),
        Replace("_Swap.walk", "module._modules.items()", 'module._modules.items() if prefix.count(".") < 16 else ()'),
    ),
    mutant(
        "a key that begins with an underscore is tied to nothing",
        ("tie.one-name",),
        Replace(
            "_Swap.tie",
            "_identity(tensor) in values and name not in self.names",
            '_identity(tensor) in values and not key.startswith("_") and name not in self.names',
        ),
    ),
    mutant(
        "a call in forward ties nothing",
        ("tie.one-name",),
        Replace("functional_call", "if tie_weights: ...", "if tie_weights and not _DEPTH: ..."),
        TopLevel("_DEPTH = []"),
        Before("functional_call", "swap.put_in()", "_DEPTH.append(1)"),
        After("functional_call", "swap.put_back()", "_DEPTH.pop()"),
    ),
    mutant(
        "nothing is tied under transforms",
        ("tie.one-name",),
        Replace(
            "functional_call",
            "if tie_weights: ...",
            "if tie_weights and torch._C._functorch.maybe_current_level() is None: ...",
        ),
    ),
    mutant(
        "the original of a parametrized tensor conflicts with nothing",
        ("tie.conflict", "tie.one-name"),
        Before(
            "_Swap.tie",
            "first = values.setdefault(slot.group, value)",
            """
            if ".parametrizations." in "." + [n for n, e in self.names.items() if e[1] is slot][0]:
                continue
            """,
        ),
    ),
]
