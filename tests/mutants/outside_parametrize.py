"""Mutants of chapters parametrize and transforms that were whole implementations, written for laws of version 1.1."""

from mutants import mutant
from mutants._changes import Before, Replace, TopLevel

MUTANTS = [
    mutant(
        "a value for a regular name reaches what is tied to its original",
        ("parametrize.regular-name",),
        Before(
            "_Swap._other_slot",
            "return owner.slots['forward']",
            """
            for its in list(self.registered.values()):
                if its[0] is not owner.module and any((its[3] is one for one in owner.module._parameters.values())):
                    self._slot(*its[:3], value)
            """,
        ),
    ),
    mutant(
        "the cache of parametrizations is set aside only for originals and regular names",
        ("parametrize.cached",),
        Replace(
            "_Swap.put_in",
            "parametrize._cache_enabled",
            """
            parametrize._cache_enabled and any(
                ("original" in slot.key or slot.key == "forward" for _, slot, _ in self.names.values())
            )
            """,
        ),
    ),
    mutant(
        "the cache of parametrizations is set aside only where a ParametrizationList owns a slot",
        ("parametrize.cached",),
        Replace(
            "_Swap.put_in",
            "parametrize._cache_enabled",
            """
            parametrize._cache_enabled and any(
                (isinstance(one.module, parametrize.ParametrizationList) for one in self.owners.values())
            )
            """,
        ),
    ),
    mutant(
        "the cache that is set aside stands in one global, which nested calls overwrite",
        ("parametrize.cached",),
        Replace(
            "_Swap.put_in",
            "self.cache, parametrize._cache = (parametrize._cache, {})",
            """
            self.cache = True
            parametrize.aside, parametrize._cache = (parametrize._cache, {})
            """,
        ),
        Replace("_Swap.put_back", "parametrize._cache = self.cache", "parametrize._cache = parametrize.aside"),
    ),
    mutant(
        "when forward raises, only the last of several regular names comes back",
        ("parametrize.still-active",),
        Replace(
            "functional_call",
            """
            try:
                ...
            finally:
                ...
            """,
            """
            try:
                swap.put_in()
                return module(*args, **{} if kwargs is None else kwargs)
            except BaseException:
                regular = [
                    slot for _, slot, _ in swap.names.values() if slot.key == "forward" and slot.home == _DICT
                ]
                for slot in regular[:-1]:
                    slot.old = slot.given
                raise
            finally:
                swap.put_back()
            """,
        ),
    ),
    mutant(
        "of two values for one slot with different tangents the last wins",
        ("transforms.tangents",),
        Replace("_Swap.tie", "self.check_tangents()", ""),
    ),
    mutant(
        "a tensor that a transform has wrapped is not written to the dict",
        ("transforms.rebinding",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force",
            "not _wrapped(slot.now) and slot.now is not slot.in_force",
        ),
        TopLevel("""
            def _wrapped(tensor: Any) -> bool:
                if torch.compiler.is_compiling() or not isinstance(tensor, Tensor):
                    return False
                return torch._C._functorch.is_functorch_wrapped_tensor(tensor)
            """),
    ),
    mutant(
        "a batched tensor is not written to the dict",
        ("transforms.rebinding",),
        Replace(
            "_Swap.put_back",
            "slot.now is not slot.in_force",
            "not _batched(slot.now) and slot.now is not slot.in_force",
        ),
        TopLevel("""
            def _batched(tensor: Any) -> bool:
                if torch.compiler.is_compiling() or not isinstance(tensor, Tensor):
                    return False
                return torch._C._functorch.is_batchedtensor(tensor)
            """),
    ),
]
