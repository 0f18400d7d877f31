"""The clauses that a drawn call can break, unless its dicts are made by an idiom (attribution.py, refusals.py, looks.py)."""

CLAUSES = {
    "call": "circular exception hooks no-values once same-module",
    "args": "kwargs tuple",
    "swap": "buffer identity nested parameter",
    "dicts": "bad-name bad-value distinct not-a-tensor subclass tuple unchanged",
    "restore": "deleted exception nested no-leftovers no-references objects order rebound rebound-non-tensor rejected shape"
    " shared-buffer-owner shared-submodule versions",
    "inplace": "module-untouched nested not-given only-tensors rebinding rebinding-shared rebinding-tuple same-tensor",
    "tie": "across-kinds buffers conflict conflict-in-part equal-values gradient large-group off off-different one-name"
    " same-object shared-submodule",
    "strict": "buffers exact missing none off parametrized tied tied-off unexpected",
    "parametrize": "buffer cached no-right-inverse not-run original regular-name regular-name-gradient regular-parameter"
    " several-originals still-active",
    "grad": "given own own-given twice",
    "state": "rng silent warnings",
}
"""By chapter."""

SLUGS = [f"{chapter}.{name}" for chapter, names in CLAUSES.items() for name in names.split()]
