"""Mutants of a sixth round: how a path is followed, and what a store holds beside the given slots."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel

UNTIED_BY_PATH = After("functional_call", "swap.walk()", "if not (tie_weights or strict):\n    swap.registered = {}")
"""Without ties each name is followed from the called module."""

DOWN_BY_RECURSION = (
    TopLevel("""
    def _down(module: nn.Module, path: list[str], name: str, strict: bool) -> nn.Module | None:
        if not path:
            return module
        child = module._modules.get(path[0]) if strict else getattr(module, path[0], None)
        if isinstance(child, nn.Module):
            return _down(child, path[1:], name, strict)
        if strict:
            return None
        raise AttributeError(f"{name!r}: {type(module).__name__} has no attribute {path[0]!r} that is a module")
    """),
    First("_Swap._module_at", "return _down(self.module, path, name, self.strict)"),
)


def _found_by(where: str, child: str) -> Replace:
    """A part of a path, where this holds, leads to this child of `module`."""
    return Replace(
        "_Swap._module_at", "getattr(module, part, None)", f"({child}) if {where} else getattr(module, part, None)"
    )


A_POSITION = (
    "isinstance(module, (nn.Sequential, nn.ModuleList))"
    " and part in module._modules and part.isdigit() and int(part) < len(module)"
)

MUTANTS = [
    mutant(
        "the path of a name is followed by recursion, where names are not tied",
        ("call.deep",),
        UNTIED_BY_PATH,
        *DOWN_BY_RECURSION,
    ),
    mutant("the path of a name that the walk has not met is followed by recursion", ("call.deep",), *DOWN_BY_RECURSION),
    mutant(
        "a number in a path is a position in a Sequential or ModuleList",
        ("swap.nested", "tie.shared-submodule"),
        UNTIED_BY_PATH,
        _found_by(A_POSITION, "module[int(part)]"),
    ),
    mutant(
        "a number in a path is a position, where it is the second one of a module",
        ("tie.shared-submodule",),
        _found_by(A_POSITION, "module[int(part)]"),
    ),
    mutant(
        "a negative number in a path counts from the end",
        ("swap.nested",),
        UNTIED_BY_PATH,
        _found_by(
            "isinstance(module, nn.Sequential) and part in module._modules and part.startswith('-')",
            "module[int(part)]",
        ),
    ),
    mutant(
        "a number at the end of a name is a position in a ParameterList",
        ("swap.nested",),
        Before(
            "_Swap.take",
            "slot = self._slot(*place[:3], value) if place else self._other_slot(name, value)",
            """
            if place and isinstance(place[0], nn.ParameterList) and place[2].isdigit():
                place = (*place[:2], [*place[0]._parameters][int(place[2])], None)
            """,
        ),
    ),
    mutant(
        "in a compiled call a Parameter for a new name is not registered",
        ("compile.fullgraph",),
        Replace(
            "_Swap._other_slot",
            "isinstance(value, nn.Parameter)",
            "isinstance(value, nn.Parameter) and not torch.compiler.is_compiling()",
        ),
    ),
    mutant(
        "of two names of one slot a compiled call writes what forward bound for the last",
        ("compile.rebinding",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force",
            """
            slot.now is not slot.in_force and not (
                torch.compiler.is_compiling()
                and name != [one for one, (_, its, _) in self.names.items() if its is slot][-1]
            )
            """,
        ),
    ),
    mutant(
        "a slot that holds None is lost where forward changed the keys of its store",
        ("restore.objects", "restore.order"),
        Before(
            "_Owner.put_back",
            "for key in dict.fromkeys([*self.order, *store]): ...",
            "for key in [key for key in store if store[key] is None]:\n    store.pop(key)",
        ),
    ),
    mutant(
        "what forward bound is written to every entry that held the same tensor",
        ("inplace.rebinding",),
        Before(
            "_Swap.put_back",
            "for name, (source, slot, _) in ...: ...",
            """
            changed = [(one, value) for _, one, value in self.names.values() if one.now is not one.in_force]
            bound = {id(value): one.now for one, value in changed if isinstance(one.now, Tensor)}
            for other, (its, _, value) in self.names.items() if self.is_in else ():
                if id(value) in bound:
                    try:
                        its[other] = bound[id(value)]
                    except Exception:
                        pass
            """,
        ),
    ),
]
