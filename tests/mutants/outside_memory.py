"""Mutants by strangers: what one call remembers for the next, and what it keeps, or leaves where few look."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel

REMEMBERED = """
import weakref

_REMEMBERED: dict[int, tuple[Any, dict[Any, Any]]] = {}


def _remembered(module: Any) -> dict[Any, Any]:
    if id(module) not in _REMEMBERED:
        forget = weakref.ref(module, lambda _, key=id(module): _REMEMBERED.pop(key, None))
        _REMEMBERED[id(module)] = forget, {}
    return _REMEMBERED[id(module)][1]
"""

KEPT = "_KEPT: list[Any] = [None]"

MUTANTS = [
    mutant(
        "the module at a second path is that of the first call",
        ("call.module-as-it-is", "parametrize.regular-name"),
        TopLevel(REMEMBERED),
        Replace(
            "_Swap._other_slot",
            "module = self._module_at(path, name)",
            """
            known = {} if torch.compiler.is_compiling() else _remembered(self.module)
            found = known.get(tuple(path))
            module = found() if found is not None else None
            if module is None:
                module = self._module_at(path, name)
                if module is not None:
                    known[tuple(path)] = weakref.ref(module)
            """,
        ),
    ),
    mutant(
        "without ties the owner of a name far below is that of the first call",
        ("call.module-as-it-is",),
        TopLevel(REMEMBERED),
        After(
            "functional_call",
            "swap = _Swap(module, strict)",
            "swap.known = {} if tie_weights or strict or torch.compiler.is_compiling() else _remembered(module)",
        ),
        After(
            "_Swap.take",
            "place = self.registered.get(name)",
            """
            if place and name.count(".") > 1:
                owner = self.known.setdefault(name, weakref.ref(place[0]))() or place[0]
                if place[2] in owner.__dict__[("_parameters", "_buffers")[place[1]]]:
                    place = (owner, *place[1:])
            """,
        ),
    ),
    mutant(
        "from the sixteenth call on the slots are those of the sixteenth",
        ("call.module-as-it-is",),
        TopLevel(REMEMBERED),
        Replace(
            "functional_call",
            "swap.walk()",
            """
            known = {"calls": -1} if strict or torch.compiler.is_compiling() else _remembered(module)
            known["calls"] = known.get("calls", 0) + 1
            stores = "_parameters", "_buffers"
            if "places" in known:
                for name, (one, home, key) in known["places"].items():
                    owner = one()
                    if owner is not None and key in owner.__dict__[stores[home]]:
                        swap.registered[name] = owner, home, key, owner.__dict__[stores[home]][key]
            else:
                swap.walk()
                if known["calls"] >= 16:
                    known["places"] = {name: (weakref.ref(one[0]), *one[1:3]) for name, one in swap.registered.items()}
            """,
        ),
    ),
    mutant(
        "that two values are equal is remembered as long as their versions are",
        ("tie.conflict",),
        TopLevel("_EQUAL: dict[Any, bool] = {}"),
        Replace(
            "_equal",
            "return torch.equal(a, b)",
            """
            if torch.compiler.is_compiling() or a.is_inference() or b.is_inference():
                return torch.equal(a, b)
            key = id(a), id(b), a._version, b._version
            if _EQUAL.get(key) is None:
                are_equal = torch.equal(a, b)
                _EQUAL.clear()
                _EQUAL[key] = are_equal
            return _EQUAL[key]
            """,
        ),
    ),
    mutant(
        "values of tied names whose versions differ are different",
        ("tie.equal-values",),
        Before(
            "_equal",
            "try: ...\nexcept Exception: ...",
            """
            if isinstance(a, Tensor) and isinstance(b, Tensor) and not (a.is_inference() or b.is_inference()):
                if not torch.compiler.is_compiling() and a._version != b._version:
                    return False
            """,
        ),
    ),
    mutant(
        "values given to what is no module are kept",
        ("restore.no-references",),
        TopLevel(KEPT),
        First("functional_call", "if not isinstance(module, nn.Module):\n    _KEPT[0] = parameter_and_buffer_dicts"),
    ),
    mutant(
        "a new name given as None is left behind",
        ("restore.no-leftovers",),
        Before(
            "_Slot.put_back",
            "for other in self.elsewhere: ...",
            "if self.given is None and self.old is _Absent and self.home == _DICT:\n    return",
        ),
    ),
    mutant(
        "the cache of parametrizations is set aside in the outermost context only",
        ("parametrize.cached",),
        Replace("_Swap.put_in", "parametrize._cache_enabled", "parametrize._cache_enabled == 1"),
    ),
    mutant(
        "a refused call puts back what parametrizations had cached before the first call",
        ("parametrize.cached",),
        TopLevel("_CACHES: list[Any] = []"),
        Replace(
            "functional_call",
            "swap.take(parameter_and_buffer_dicts)",
            """
            try:
                swap.take(parameter_and_buffer_dicts)
            except Exception:
                if _CACHES:
                    parametrize._cache = _CACHES[0]
                raise
            """,
        ),
        Replace(
            "_Swap.put_in",
            "self.cache, parametrize._cache = parametrize._cache, {}",
            "self.cache, parametrize._cache = parametrize._cache, {}\n_CACHES.append(self.cache)",
        ),
        Replace("_Swap.put_back", "parametrize._cache = self.cache", "parametrize._cache = self.cache\n_CACHES.pop()"),
    ),
    mutant(
        "the limit of digits is lifted",
        ("state.interpreter",),
        TopLevel("import sys"),
        First("functional_call", "sys.set_int_max_str_digits(0)"),
    ),
    mutant(
        "tracebacks are shortened",
        ("state.interpreter",),
        TopLevel("import sys"),
        First("functional_call", "sys.tracebacklimit = 3"),
    ),
    mutant(
        "tracing of new threads is on after a tie",
        ("state.interpreter",),
        TopLevel("import threading"),
        Before(
            "_Swap.tie", "self.check_tangents()", "if len(self.names) > 1:\n    threading.setprofile(lambda *_: None)"
        ),
    ),
    mutant(
        "grad mode is on after values of tied names were compared",
        ("call.mode",),
        Replace(
            "_equal",
            "return torch.equal(a, b)",
            """
            torch.set_grad_enabled(False)
            are_equal = torch.equal(a, b)
            torch.set_grad_enabled(True)
            return are_equal
            """,
        ),
    ),
    mutant(
        "autocast is off after values of tied names were compared",
        ("call.mode",),
        Replace(
            "_equal",
            "return torch.equal(a, b)",
            """
            are_equal = torch.equal(a, b)
            if not torch.compiler.is_compiling():
                torch.set_autocast_enabled("cpu", False)
            return are_equal
            """,
        ),
    ),
    mutant(
        "values of tied names are compared at random elements first",
        ("state.rng",),
        Replace(
            "_equal",
            "return torch.equal(a, b)",
            """
            if a.layout is torch.strided and a.shape == b.shape and a.numel() and not torch.compiler.is_compiling():
                at = torch.randint(a.numel(), (1,), device="cpu")
                if bool(a.reshape(-1)[at] != b.reshape(-1)[at]):
                    return False
            return torch.equal(a, b)
            """,
        ),
    ),
    mutant(
        "a random number is drawn for a regular name",
        ("state.rng",),
        TopLevel("import random"),
        First("_ParametrizedSlot.__init__", "torch.compiler.is_compiling() or random.random()"),
    ),
]
