"""Mutants by strangers: what is right as a rule, and wrong when forward raises, when a call is refused, or when much is given."""

from mutants import mutant
from mutants._changes import Before, First, Replace, TopLevel
from mutants._common import when_raised

CYCLE = """
def again():
    return again, self
"""

MUTANTS = [
    mutant(
        "train and eval mode are put back when forward raised",
        ("call.mode",),
        First("functional_call", "training = getattr(module, 'training', True)"),
        when_raised("module.__dict__['training'] = training", "Exception"),
    ),
    mutant(
        "grad mode is put back when forward raised",
        ("call.mode",),
        First("functional_call", "enabled = torch.is_grad_enabled()"),
        when_raised("torch.set_grad_enabled(enabled)", "Exception"),
    ),
    mutant(
        "the state of autocast is put back",
        ("call.mode",),
        Replace(
            "functional_call",
            "return ...",
            """
            if torch.compiler.is_compiling():
                return ...
            cached = torch.is_autocast_cache_enabled()
            try:
                return ...
            finally:
                torch.set_autocast_cache_enabled(cached)
            """,
        ),
    ),
    mutant(
        "plain attributes are put back when forward raised",
        ("call.plain-state",),
        Before("functional_call", "swap.put_in()", "plain = {k: v for k, v in vars(module).items() if k[0] != '_'}"),
        when_raised("vars(module).update({**plain, 'training': module.training})", "Exception"),
    ),
    mutant(
        "requires_grad of own parameters is put back, given or not",
        ("inplace.not-given",),
        Before(
            "functional_call",
            "swap.put_in()",
            "own = [(one[3], one[3].requires_grad) for one in swap.registered.values() if isinstance(one[3], nn.Parameter)]",
        ),
        Replace(
            "functional_call",
            "return ...",
            """
            result = ...
            for one, requires_grad in own:
                if one.requires_grad != requires_grad:
                    one.requires_grad_(requires_grad)
            return result
            """,
        ),
    ),
    mutant(
        "of two calls in two threads the one that ends first puts back what the other one put in",
        ("swap.threads",),
        TopLevel("_CALLS: list[Any] = []"),
        Before("functional_call", "swap.put_in()", "_CALLS.append(swap)"),
        Replace("functional_call", "swap.put_back()", "_CALLS.pop().put_back()"),
    ),
    mutant(
        "a TypeError with None as the one argument is met by a call without one",
        ("call.once",),
        Replace(
            "functional_call",
            "return ...",
            """
            try:
                return ...
            except TypeError:
                if args != (None,):
                    raise
                return module(**({} if kwargs is None else kwargs))
            """,
        ),
    ),
    mutant(
        "forward itself is called where the module has no hooks but those before backward",
        ("call.hooks",),
        Replace(
            "functional_call",
            "return ...",
            """
            hooks = nn.modules.module
            if type(module).__call__ is not nn.Module.__call__ or any(
                (
                    *(module._forward_hooks, module._forward_pre_hooks, module._backward_hooks),
                    *(hooks._global_forward_hooks, hooks._global_forward_pre_hooks, hooks._global_backward_hooks),
                    getattr(module, "_compiled_call_impl", None) or torch.compiler.is_compiling(),
                )
            ):
                return ...
            return module.forward(*args, **({} if kwargs is None else kwargs))
            """,
        ),
    ),
    mutant(
        "a value for a plain tensor is warned of",
        ("state.warnings",),
        Replace(
            "_Swap._other_slot",
            "return self._slot(module, _DICT, key, value)",
            """
            import warnings

            warnings.warn(f"{name} is not registered")
            return self._slot(module, _DICT, key, value)
            """,
        ),
    ),
    mutant(
        "different values for a tied group are kept in a cycle",
        ("restore.freed",),
        Before("_Swap.tie", "names = sorted(...)", CYCLE),
    ),
    mutant(
        "a call that is refused while its dicts are read keeps them in a cycle",
        ("restore.freed",),
        Replace(
            "functional_call",
            "swap.take(parameter_and_buffer_dicts)",
            """
            try:
                swap.take(parameter_and_buffer_dicts)
            except (TypeError, ValueError) as error:
                swap.error = error
                raise
            """,
        ),
    ),
    mutant(
        "the module of a call that found no owner is remembered until the next one",
        ("restore.freed",),
        TopLevel("_LAST: list[Any] = [None]"),
        Before("_Swap._module_at", "raise AttributeError(...)", "_LAST[0] = module"),
    ),
    mutant(
        "what forward bound is kept in a cycle",
        ("restore.freed",),
        Before("_Swap.put_back", "source[name] = slot.now", CYCLE),
    ),
    mutant(
        "what forward bound takes the square of its number",
        ("call.linear",),
        Before("_Swap.put_back", "source[name] = slot.now", "list(self.names).index(name)"),
    ),
    mutant(
        "what is missing takes the square of its number",
        ("call.linear",),
        Before("_Swap.check_strict", "missing.append(name)", "any(name.startswith(f'{other}.') for other in missing)"),
    ),
    mutant(
        "new names take the square of their number",
        ("call.linear",),
        First("_Swap._other_slot", "any(name.startswith(f'{other}.') for other in self.names)"),
    ),
]
