"""Mutants of chapter tie."""

from mutants import Mutant

REACHES = (
    "            if id(tensor) in values and name not in self.names:\n"
    "                self._slot(module, home, key, values[id(tensor)])"
)
TIED = "if tie_weights:\n        swap.tie()"


def _reaching(condition, instead="tensor"):
    """A tied slot of which the condition is true takes something else than the value."""
    return (REACHES, REACHES.replace("values[id(tensor)]", f"{instead} if {condition} else values[id(tensor)]"))


# What stands in `first`: the slot, by group, that was named first.
FIRST_SLOT = (
    (
        "        values: dict[Any, Any] = {}  # by group\n",
        "        values: dict[Any, Any] = {}  # by group\n        first_slot: dict[Any, Any] = {}\n",
    ),
    (
        "            first = values.setdefault(slot.group, value)\n",
        "            first = values.setdefault(slot.group, value)\n"
        "            first_slot.setdefault(slot.group, slot)\n",
    ),
)

# Only what is given for a second name of a group is compared.
AGAIN = (
    (
        "            first = values.setdefault(slot.group, value)\n",
        "            again = slot.group in values\n            first = values.setdefault(slot.group, value)\n",
    ),
    ("if not _equal(first, value):", "if again and not _equal(first, value):"),
)

MUTANTS = [
    Mutant(
        "an nn.Parameter given for one of two tied parameters reaches only the named one",
        ("tie.one-name",),
        (
            *FIRST_SLOT,
            _reaching(
                "isinstance(values[id(tensor)], nn.Parameter) and home == first_slot[id(tensor)].home == _PARAMETERS"
            ),
        ),
    ),
    Mutant(
        "a value given for one name of a group reaches one more name in each module",
        ("tie.large-group",),
        (
            (
                REACHES,
                "            seen = self.__dict__.setdefault('seen', set())\n"
                "            if id(tensor) in values and name not in self.names:\n"
                "                again = (id(tensor), id(module)) in seen\n"
                "                seen.add((id(tensor), id(module)))\n"
                "                self._slot(module, home, key, tensor if again else values[id(tensor)])",
            ),
        ),
    ),
    Mutant(
        "when several names of a group are given, the others keep their own",
        ("compile.tied", "tie.equal-values", "tie.large-group"),
        (
            _reaching(
                "sum(its is not None and its.group == id(tensor) and its.key != key"
                " for _, its, _ in self.names.values()) > 1"
            ),
        ),
    ),
    Mutant(
        "an nn.Parameter given for a buffer is not put where a tied buffer stands",
        ("tie.buffers",),
        (
            *FIRST_SLOT,
            _reaching(
                "isinstance(values[id(tensor)], nn.Parameter) and home == first_slot[id(tensor)].home == _BUFFERS"
            ),
        ),
    ),
    Mutant(
        "the value of a buffer reaches tied buffers as a copy",
        ("tie.buffers", "tie.large-group"),
        (*FIRST_SLOT, _reaching("home == first_slot[id(tensor)].home == _BUFFERS", "values[id(tensor)].clone()")),
    ),
    Mutant(
        "an nn.Parameter given for a parameter is not put where a tied buffer stands",
        ("tie.across-kinds",),
        (
            *FIRST_SLOT,
            _reaching("isinstance(values[id(tensor)], nn.Parameter) and home > first_slot[id(tensor)].home"),
        ),
    ),
    Mutant(
        "parameters tie to parameters only, and buffers to buffers",
        ("compile.tied", "tie.across-kinds", "tie.large-group"),
        (*FIRST_SLOT, _reaching("home != first_slot[id(tensor)].home")),
    ),
    Mutant(
        "one tensor given twice is compared with itself by value, which NaN is not",
        ("compile.tied", "tie.same-object"),
        (*AGAIN, ("    if a is b:\n        return True\n", "")),
    ),
    Mutant(
        "one sparse tensor given twice is taken for two that can't be compared",
        ("tie.same-object",),
        (*AGAIN, ("    if a is b:", "    if a is b and not (a is not None and a.is_sparse):")),
    ),
    Mutant(
        "equal values are put in as one object, the first of them",
        ("tie.equal-values",),
        (
            (
                "        for name, (module, home, key, tensor) in self.registered.items():\n"
                "            if id(tensor) in values and name",
                "        for _, slot, _ in self.names.values():\n"
                "            if slot is not None and slot.home != _DICT:\n"
                "                slot.given = values[slot.group]\n"
                "        for name, (module, home, key, tensor) in self.registered.items():\n"
                "            if id(tensor) in values and name",
            ),
        ),
    ),
    Mutant(
        "a Parameter and a tensor of equal values count as different",
        ("tie.equal-values",),
        (("return torch.equal(a, b)", "return type(a) is type(b) and torch.equal(a, b)"),),
    ),
    Mutant(
        "only one object counts as the same value",
        ("dicts.state-dict", "tie.equal-values", "tie.shared-submodule"),
        (("return torch.equal(a, b)", "return a is b"),),
    ),
    Mutant(
        "values that are nearly equal count as equal",
        ("tie.conflict",),
        (("return torch.equal(a, b)", "return torch.allclose(a, b, atol=1e-3)"),),
    ),
    Mutant(
        "values are compared only with what is given for the first name of their group",
        ("tie.conflict-in-part",),
        (
            (
                "if not _equal(first, value):",
                "if not _equal(first, value) and any(\n"
                "                    name in self.names\n"
                "                    for name in [n for n, (*_, t) in self.registered.items() if id(t) == slot.group][:1]\n"
                "                ):",
            ),
        ),
    ),
    Mutant(
        "different values are an error only where all names of the group are given",
        ("tie.conflict-in-part", "tie.conflict-says-which"),
        (
            (
                "if not _equal(first, value):",
                "if not _equal(first, value) and all(\n"
                "                    name in self.names for name, (*_, t) in self.registered.items() if id(t) == slot.group\n"
                "                ):",
            ),
        ),
    ),
    Mutant(
        "the error about different values says only that there are some",
        ("tie.conflict-says-which",),
        (("got multiple values for keys {names}, which", "got multiple values for keys that"),),
    ),
    Mutant(
        "the error about different values names the last given of them",
        ("tie.conflict-says-which",),
        (("for keys {names}, which are", "for keys like {names[-1]}, which are"),),
    ),
    Mutant(
        "tie_weights is off by default",
        ("compile.meta", "compile.tied", "drop-in.strict-error", "tie.default"),
        (("tie_weights: bool = True,", "tie_weights: bool = False,"),),
    ),
    Mutant(
        "with strict tie_weights is off by default",
        (
            "drop-in.strict-error",
            "tie.default",
        ),
        (
            ("tie_weights: bool = True,", "tie_weights: bool | None = None,"),
            (
                "    _check_module(module)\n",
                "    _check_module(module)\n    tie_weights = not strict if tie_weights is None else tie_weights\n",
            ),
        ),
    ),
    Mutant(
        "for a tuple of dicts tie_weights is off by default",
        ("tie.default",),
        (
            ("tie_weights: bool = True,", "tie_weights: bool | None = None,"),
            (
                "    _check_module(module)\n",
                "    _check_module(module)\n"
                "    if tie_weights is None:\n"
                "        tie_weights = not isinstance(parameter_and_buffer_dicts, tuple)\n",
            ),
        ),
    ),
    Mutant(
        "tie_weights=False ties as well, and only accepts values that conflict",
        ("tie.off",),
        (
            (
                "    if args is None:\n",
                "    if not tie_weights:\n"
                "        swap.walk()\n"
                "        try:\n"
                "            swap.tie()\n"
                "        except ValueError:\n"
                "            pass\n"
                "    if args is None:\n",
            ),
        ),
    ),
    Mutant(
        "different values for a tied group are an error with tie_weights=False too, but under strict",
        ("tie.off-different",),
        (
            (
                "        swap.tie()\n    if strict:",
                "        swap.tie()\n    elif not strict:\n        swap.tie()\n    if strict:",
            ),
            ("    def tie(self) -> None:", "    def tie(self, on: bool = False) -> None:"),
            (TIED, "if tie_weights:\n        swap.tie(on=True)"),
            ("if id(tensor) in values and name", "if on and id(tensor) in values and name"),
        ),
    ),
    Mutant(
        "with tie_weights=False a tensor that is given twice is copied, lest it be tied",
        ("tie.off-same",),
        (
            (
                "    if args is None:\n",
                "    used: dict[int, Any] = {}\n"
                "    for _, slot, value in swap.names.values() if not tie_weights else ():\n"
                "        if slot is not None and value is not None:\n"
                "            if used.setdefault(id(value), slot) is not slot:\n"
                "                slot.given = value.clone()\n"
                "    if args is None:\n",
            ),
        ),
    ),
    Mutant(
        "of different values for two names of one slot the first is taken",
        ("tie.shared-submodule",),
        (
            (
                "            first = values.setdefault",
                "            if slot.given is not value:\n                continue\n            first = values.setdefault",
            ),
        ),
    ),
    Mutant(
        "tensors that begin at one address are tied",
        ("tie.untied",),
        (
            (
                "self.group: Any = (owner, key) if alone else id(self.old)",
                "self.group: Any = (owner, key) if alone else _address(self.old)",
            ),
            ("if id(tensor) in values and name", "if _address(tensor) in values and name"),
            ("key, values[id(tensor)])", "key, values[_address(tensor)])"),
            (
                "def _equal(",
                "def _address(tensor: Any) -> Any:\n"
                "    if torch.compiler.is_compiling():  # there are no addresses then\n"
                "        return id(tensor)\n"
                "    try:\n"
                "        return tensor.data_ptr() or id(tensor)\n"
                "    except Exception:\n"
                "        return id(tensor)\n\n\n"
                "def _equal(",
            ),
        ),
    ),
    Mutant(
        "a plain tensor that requires grad reaches the other names detached",
        ("tie.gradient",),
        (
            _reaching(
                "values[id(tensor)] is not None and values[id(tensor)].requires_grad"
                " and not isinstance(values[id(tensor)], nn.Parameter)",
                "values[id(tensor)].detach()",
            ),
        ),
    ),
]
