"""Mutants by strangers: what is right for most tensors, names, results and modes, and wrong for one kind of them."""

from mutants import mutant
from mutants._changes import Before, First, Replace
from mutants._common import given_becomes

WRITE = "if slot.now is not slot.in_force and (slot.now is None or isinstance(slot.now, Tensor)): ..."


def not_written(where: str) -> Replace:
    """What forward bound, where this holds, does not reach the dict."""
    return Replace("_Swap.put_back", WRITE, WRITE.replace(":", f" and not ({where}):", 1))


def need_not_be_given(where: str) -> Replace:
    """A slot where this holds is not missing under `strict`."""
    found = "tensor is not None and key not in self._owner(module).slots"
    return Replace("_Swap.check_strict", found, f"{found} and not ({where})")


def not_tied(where: str) -> Replace:
    """A slot where this holds takes no value through a tie."""
    return Replace("_Swap.tie", "name not in self.names", f"name not in self.names and not ({where})")


MUTANTS = [
    mutant(
        "frozen parameters are left out of tied groups",
        ("tie.one-name",),
        not_tied("home == _PARAMETERS and not tensor.requires_grad"),
    ),
    mutant(
        "tensors without floating point are left out of tied groups",
        ("tie.one-name",),
        not_tied("not tensor.is_floating_point()"),
    ),
    mutant(
        "frozen parameters are not missing",
        ("strict.missing",),
        need_not_be_given("isinstance(tensor, nn.Parameter) and not tensor.requires_grad"),
    ),
    mutant(
        "tensors without elements are not missing",
        ("strict.buffers", "strict.missing"),
        need_not_be_given("tensor.numel() == 0"),
    ),
    mutant(
        "buffers of integers are not missing",
        ("strict.buffers",),
        need_not_be_given("not isinstance(tensor, nn.Parameter) and not tensor.is_floating_point()"),
    ),
    mutant(
        "non-persistent buffers of submodules are not missing",
        ("strict.buffers",),
        need_not_be_given("'.' in name and key in module._non_persistent_buffers_set"),
    ),
    mutant(
        "num_batches_tracked is not missing",
        ("strict.buffers",),
        need_not_be_given("name.endswith('num_batches_tracked')"),
    ),
    mutant(
        "extra state is not unexpected",
        ("strict.unexpected",),
        Replace(
            "_Swap._other_slot",
            "self.unexpected.append(name)",
            "if key != '_extra_state':\n    self.unexpected.append(name)",
        ),
    ),
    mutant(
        "spaces around a name are dropped",
        ("strict.unexpected",),
        Replace("_Swap.take", "self.registered.get(name)", "self.registered.get(name.strip())"),
    ),
    mutant(
        "the error of strict names ten names of each kind",
        ("strict.says-which",),
        Replace("_Swap.check_strict", "sorted(names)", "sorted(names)[:10]"),
    ),
    mutant(
        "strict asks for equal shapes",
        ("swap.other-shape",),
        First(
            "_Swap.check_strict",
            """
            for name, (_, slot, value) in self.names.items():
                if isinstance(slot.old, Tensor) and isinstance(value, Tensor) and slot.old.shape != value.shape:
                    raise RuntimeError(f"size mismatch for {name}")
            """,
        ),
    ),
    mutant(
        "a value for a frozen parameter is detached",
        ("swap.kind",),
        given_becomes(
            "isinstance(slot.old, nn.Parameter) and not slot.old.requires_grad and slot.given.requires_grad",
            "slot.given.detach()",
        ),
    ),
    mutant(
        "under no_grad a value with a history is detached",
        ("swap.identity",),
        given_becomes(
            "not torch.is_grad_enabled() and slot.given.grad_fn is not None",
            "slot.given.detach()",
        ),
    ),
    mutant(
        "a path may pass through a wrapper that is not there",
        ("dicts.bad-name",),
        Replace(
            "_Swap._module_at",
            "getattr(module, part, None)",
            "getattr(module, part, module if part == '_fsdp_wrapped_module' else None)",
        ),
    ),
    mutant(
        "unexpected names are sorted by their length first",
        ("drop-in.strict-error",),
        Replace("_Swap.check_strict", "sorted(names)", "sorted(names, key=lambda name: (len(name), name))"),
    ),
    mutant(
        "a deque of arguments is unpacked",
        ("args.single",),
        First("functional_call", "args = tuple(args) if type(args).__name__ == 'deque' else args"),
    ),
    mutant(
        "an object that has what a module has is called",
        ("call.not-a-module",),
        Replace("_check_module", "not isinstance(module, nn.Module)", "not hasattr(module, '_parameters')"),
    ),
    mutant(
        "a subclass of DataParallel is called",
        ("drop-in.data-parallel",),
        Replace("_check_module", "isinstance(module, nn.DataParallel)", "type(module) is nn.DataParallel"),
    ),
    mutant(
        "a value of another dtype is warned of",
        ("state.warnings",),
        Before(
            "_Swap.put_in",
            "owner.stores[slot.home][slot.key] = slot.given",
            """
            if isinstance(slot.old, Tensor) and isinstance(slot.given, Tensor) and slot.old.dtype != slot.given.dtype:
                import warnings

                warnings.warn(f"another dtype for {slot.key}")
            """,
        ),
    ),
    mutant(
        "what forward bound is lost where forward returns None",
        ("inplace.rebinding",),
        Replace(
            "functional_call",
            "return ...",
            "result = ...\nswap.is_in = result is not None\nreturn result",
        ),
    ),
    mutant(
        "what forward bound is lost in eval mode",
        ("inplace.rebinding",),
        not_written("not self.module.training"),
    ),
    mutant(
        "what forward bound is lost in inference mode",
        ("inplace.rebinding",),
        not_written("torch.is_inference_mode_enabled()"),
    ),
    mutant(
        "what forward bound is lost where it has another shape",
        ("inplace.rebinding",),
        not_written(
            "isinstance(slot.now, Tensor) and isinstance(slot.in_force, Tensor) and slot.now.shape != slot.in_force.shape"
        ),
    ),
    mutant(
        "recurrent modules with projections keep the given weights in their list",
        ("restore.recurrent",),
        Replace(
            "_Owner.__init__",
            "isinstance(module, nn.RNNBase)",
            "isinstance(module, nn.RNNBase) and not module.proj_size",
        ),
    ),
    mutant(
        "recurrent modules in both directions keep the given weights in their list",
        ("restore.recurrent",),
        Replace(
            "_Owner.__init__",
            "isinstance(module, nn.RNNBase)",
            "isinstance(module, nn.RNNBase) and not module.bidirectional",
        ),
    ),
    mutant(
        "values are read again where forward bound new ones",
        ("dicts.read-once",),
        Before("_Swap.put_back", "source[name] = slot.now", "source[name]"),
    ),
]
