"""Mutants of chapters swap and drop-in that were whole implementations, written for laws of version 1.1."""

from mutants import mutant
from mutants._changes import After, Before, Replace, TopLevel

MUTANTS = [
    mutant(
        "modules that are equal have one owner",
        ("swap.module-identity",),
        Replace(
            "_Swap._owner",
            """
            owner = self.owners.get(id(module))
            if owner is None:
                sharing = ...
                owner = self.owners[id(module)] = _Owner(module, *sharing)
            """,
            """
            owner = self.owners.get(module)
            if owner is None:
                sharing = ...
                owner = self.owners[module] = _Owner(module, *sharing)
            """,
        ),
    ),
    mutant(
        "the walk passes over a child that equals one that it has met",
        ("swap.module-identity",),
        Replace("_Swap.walk", "{id(self.module)}", "[self.module]"),
        Replace("_Swap.walk", "id(child) not in found", "child not in found"),
        Replace("_Swap.walk", "found.add(id(child))", "found.append(child)"),
    ),
    mutant(
        "a module that is false is taken for none",
        ("swap.module-identity",),
        Replace("_Swap.walk", "child is not None", "child"),
        Replace("_Swap._module_at", "isinstance(child, nn.Module)", "isinstance(child, nn.Module) and child"),
    ),
    mutant(
        "each part of a name must be an identifier or a number",
        ("swap.any-name", "swap.nested"),
        Before(
            "_Swap.take",
            "if name in self.names: ...",
            """
            if not all((part.isidentifier() or part.isdigit() for part in name.split("."))):
                raise KeyError(name)
            """,
        ),
    ),
    mutant(
        "stores are read by get, which a scripted child's have not",
        ("swap.scripted-child",),
        Before("_Swap.walk", "for key, parameter in module._parameters.items(): ...", "module._parameters.get('')"),
    ),
    mutant(
        "owners are found by getattr, which a child behind an attribute is not",
        ("swap.custom-access",),
        Replace("_Swap.take", "self.registered.get(name)", "self.registered.get(name) if '.' not in name else None"),
    ),
    mutant(
        "an nn.Buffer for a new name is a plain attribute",
        ("drop-in.extra-buffer",),
        Replace("_Swap._other_slot", "hasattr(nn, 'Buffer') and isinstance(value, nn.Buffer)", "False"),
    ),
    mutant(
        "an nn.Buffer for a new name is persistent, whatever it says",
        ("drop-in.extra-buffer",),
        Replace("_Swap._other_slot", "not value.persistent", "False"),
    ),
    mutant(
        "buffers come back by register_buffer, which an override records",
        ("restore.objects", "swap.registration"),
        Replace(
            "_Slot.put_back",
            """
            if self.old is not _Absent:
                store[key] = self.old
            """,
            """
            if self.home == _BUFFERS and self.old is not _Absent:
                hidden = key not in owner.non_persistent
                del store[key]
                owner.module.register_buffer(key, self.old, persistent=hidden)
            elif self.old is not _Absent:
                store[key] = self.old
            """,
        ),
    ),
    mutant(
        "parameters are put in by register_parameter, which hooks see",
        ("swap.registration",),
        Replace(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            if slot.home == _PARAMETERS and isinstance(slot.given, nn.Parameter):
                owner.module.register_parameter(slot.key, slot.given)
            else:
                owner.stores[slot.home][slot.key] = slot.given
            """,
        ),
    ),
    mutant(
        "half precision values are cast to the dtype of the slot",
        ("swap.other-shape",),
        Before(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            given, old = (slot.given, slot.old)
            if (
                isinstance(given, Tensor)
                and isinstance(old, Tensor)
                and (given.dtype in (torch.float16, torch.bfloat16))
                and (old.dtype is torch.float32)
            ):
                slot.given = given.to(old.dtype)
            """,
        ),
    ),
    mutant(
        "a value without dimensions is expanded to the shape of the slot",
        ("swap.other-shape",),
        Before(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            given, old = (slot.given, slot.old)
            if isinstance(given, Tensor) and isinstance(old, Tensor) and (given.dim() == 0) and (old.dim() > 0):
                slot.given = given.expand(old.shape)
            """,
        ),
    ),
    mutant(
        "an instance of a subclass of nn.Parameter is wrapped anew",
        ("swap.subclass",),
        Before(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            if (
                isinstance(slot.given, nn.Parameter)
                and type(slot.given) is not nn.Parameter
                and issubclass(type(slot.given), nn.Parameter)
            ):
                slot.given = nn.Parameter(slot.given.data)
            """,
        ),
    ),
    mutant(
        "values are cloned in inference mode",
        ("swap.identity",),
        Before(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            if torch.is_inference_mode_enabled() and isinstance(slot.given, Tensor):
                slot.given = slot.given.clone()
            """,
        ),
    ),
    mutant(
        "own parameters require no grad while forward runs",
        ("swap.own-tensors",),
        Before(
            "functional_call",
            """
            try:
                ...
            finally:
                ...
            """,
            """
            given = {id(value) for *_, value in swap.names.values()}
            frozen = [
                slot.old for _, slot, _ in swap.names.values() if isinstance(slot.old, nn.Parameter) and tie_weights
            ]
            frozen = [own for own in frozen if own.requires_grad and own.is_leaf and id(own) not in given]
            if torch.compiler.is_compiling() or len(frozen) < len([*module.parameters()]):
                frozen = []
            for one in frozen:
                one.requires_grad_(False)
            """,
        ),
        After(
            "functional_call",
            "swap.put_back()",
            """
            for one in frozen:
                one.requires_grad_(True)
            """,
        ),
    ),
    mutant(
        "given values are visible in the calling thread only",
        ("swap.threads",),
        TopLevel("""
            import threading


            class ByThread(dict):
                def __init__(self, own, thread):
                    super().__init__(own)
                    self.own, self.thread = dict(own), thread

                def __getitem__(self, key):
                    if threading.get_ident() != self.thread and key in self.own:
                        return self.own[key]
                    return super().__getitem__(key)


            def _stores(module):
                found, todo = {}, [module]
                while todo:
                    one = todo.pop()
                    if id(one) not in found and not isinstance(one, torch.jit.ScriptModule):
                        found[id(one)] = one
                        todo += [child for child in one._modules.values() if child is not None]
                kinds = [
                    one for one in found.values() if type(one._parameters) is dict and type(one._buffers) is dict
                ]
                return [(one, store, vars(one)[store]) for one in kinds for store in ("_parameters", "_buffers")]


            def _give_back(stores):
                for one, store, before in stores:
                    after = vars(one)[store]
                    before.clear()
                    before.update(after)
                    vars(one)[store] = before
            """),
        Replace(
            "functional_call",
            """
            swap.walk()
            swap.take(parameter_and_buffer_dicts)
            if tie_weights:
                ...
            if strict:
                ...
            """,
            """
            stores = _stores(module)
            for one, store, before in stores:
                vars(one)[store] = ByThread(before, threading.get_ident())
            try:
                swap.walk()
                swap.take(parameter_and_buffer_dicts)
                if tie_weights:
                    ...
                if strict:
                    ...
            except BaseException:
                _give_back(stores)
                raise
            """,
        ),
        After("functional_call", "swap.put_back()", "_give_back(stores)"),
    ),
]
