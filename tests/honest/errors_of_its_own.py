"""The reference behind a door that refuses args=None, and whose errors are of its own classes."""

import fcspec_reference


class StrictnessError(RuntimeError):
    """What strict refuses."""


def functional_call(module, parameter_and_buffer_dicts, args=(), kwargs=None, *, tie_weights=True, strict=False):
    if args is None:
        raise ValueError("args must be a tuple, or one argument that is not None")
    flags = {"tie_weights": tie_weights, "strict": strict}
    try:
        return fcspec_reference.functional_call(module, parameter_and_buffer_dicts, args, kwargs, **flags)
    except RuntimeError as error:
        if str(error).startswith("Error(s) under strict=True"):
            raise StrictnessError(str(error)) from error
        raise
