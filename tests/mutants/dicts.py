"""Mutants of chapter dicts."""

from mutants import Mutant

DICTS = "dicts if isinstance(dicts, (tuple, list)) else (dicts,)"
ITEMS = "            for name, value in one.items():\n"
PLACE = "                place = self.registered.get(name)\n"

MUTANTS = [
    Mutant(
        "of one large dict the first 64 names are read",
        ("dicts.one",),
        ((ITEMS, ITEMS.replace("one.items()", "[*one.items()][:64]")),),
    ),
    Mutant(
        "of many dicts the first three are read",
        ("dicts.tuple",),
        ((f"for one in {DICTS}", "for one in dicts[:3] if isinstance(dicts, (tuple, list)) else (dicts,)"),),
    ),
    Mutant(
        "a name in two dicts is accepted where both have the same tensor",
        ("dicts.distinct",),
        (("if name in self.names:", "if name in self.names and self.names[name][2] is not value:"),),
    ),
    Mutant(
        "the last of two dicts wins",
        ("dicts.distinct", "dicts.distinct-says-which"),
        (("if name in self.names:", "if False:"),),
    ),
    Mutant(
        "the error about a name in two dicts does not name it",
        ("dicts.distinct-says-which",),
        (('f"[{name!r}] appeared', 'f"a name appeared'),),
    ),
    Mutant(
        "values are looked up by subscript, which fills a defaultdict",
        ("dicts.subclass",),
        (
            (
                ITEMS,
                "            for name in self.registered:\n"
                "                try:\n"
                "                    one[name]\n"
                "                except KeyError:\n"
                "                    pass\n" + ITEMS,
            ),
        ),
    ),
    Mutant(
        "own buffers given back are refused, lest forward change the module",
        ("dicts.idioms",),
        (
            (
                PLACE,
                PLACE + "                if place and place[1] == _BUFFERS and value is place[3]:\n"
                '                    raise ValueError(f"{name!r} is given the buffer of the module itself")\n',
            ),
        ),
    ),
    Mutant(
        "a counter that shares memory with the module's own is refused, lest forward count there",
        ("dicts.state-dict",),
        (
            (
                PLACE,
                PLACE + "                own = place[3] if place and place[1] == _BUFFERS else None\n"
                "                both = isinstance(own, Tensor) and isinstance(value, Tensor) and own is not value\n"
                "                both = both and not torch.compiler.is_compiling()\n"
                "                if both and own.dtype is torch.int64 and torch._C._is_alias_of(value, own):\n"
                '                    raise ValueError(f"{name!r} shares memory with the module")\n',
            ),
        ),
    ),
    Mutant(
        "the dict is emptied when forward raises",
        ("dicts.unchanged",),
        (
            (
                "        return module(*args, **(kwargs or {}))\n",
                "        return module(*args, **(kwargs or {}))\n"
                "    except Exception:\n"
                "        for source, _, _ in swap.names.values():\n"
                "            source.clear()\n"
                "        raise\n",
            ),
        ),
    ),
    Mutant(
        "None is taken for no values",
        ("dicts.rejected",),
        ((f"for one in {DICTS}", f"for one in () if dicts is None else {DICTS}"),),
    ),
    Mutant(
        "what is empty is taken for no values, a string too",
        ("dicts.rejected",),
        ((f"for one in {DICTS}", f"for one in () if isinstance(dicts, (str, tuple)) and not dicts else {DICTS}"),),
    ),
    Mutant(
        "the error about a value that is no tensor does not name its key",
        ("dicts.bad-value",),
        (('f"{name!r}: {type(value).__name__} is', 'f"{type(value).__name__} is'),),
    ),
    Mutant(
        "a list of numbers is made a tensor",
        ("dicts.bad-value",),
        (
            (
                "                if value is not None and not isinstance(value, Tensor):\n",
                "                if isinstance(value, (list, float)):\n"
                "                    value = torch.tensor(value)\n"
                "                if value is not None and not isinstance(value, Tensor):\n",
            ),
        ),
    ),
    Mutant(
        "a name that is no string is made one",
        ("dicts.bad-name",),
        (
            (
                "                if not isinstance(name, str):\n",
                "                name = str(name)\n                if not isinstance(name, str):\n",
            ),
        ),
    ),
    Mutant(
        "a name whose owner does not exist is ignored",
        ("dicts.bad-name",),
        (("                if self.strict:\n", "                if True:\n"),),
    ),
    Mutant(
        "a tensor given for a submodule takes its place",
        ("dicts.not-a-tensor",),
        (("if hasattr(module, key):", "if found is not _Absent:"),),
    ),
]
