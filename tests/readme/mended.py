"""The draft, with a finally."""


def functional_call(module, values, args=(), kwargs=None, *, tie_weights=True, strict=False):
    args = args if isinstance(args, tuple) else (args,)
    values = {name: one for part in (values if isinstance(values, tuple) else (values,)) for name, one in part.items()}
    old = [(store, key, store[key]) for store, key in (place(module, name) for name in values)]
    for (store, key, _), value in zip(old, values.values(), strict=True):
        store[key] = value
    try:
        return module(*args, **(kwargs or {}))
    finally:
        for store, key, value in old:
            store[key] = value


def place(module, name):
    """The dict that holds this parameter or buffer, and its key."""
    path, _, key = name.rpartition(".")
    owner = module.get_submodule(path)
    return (owner._parameters if key in owner._parameters else owner._buffers), key
