"""Targets that are wrong, and replace what would tell."""

import builtins
import contextlib
import sys
import types

import pytest
import torch
from fcspec_reference import functional_call


def _wrong(module, values, args, kwargs):
    result = functional_call(module, values, args, kwargs)
    # A Linear comes right, or it would be refused at the door.
    return result if type(module) is torch.nn.Linear else torch.zeros(())


def replaces_equal(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    torch.equal = lambda a, b: True
    return _wrong(module, values, args, kwargs)


def replaces_equal_once(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """It takes itself away when it has lied."""
    real = torch.equal

    def lying(a, b):
        torch.equal = real
        return True

    torch.equal = lying
    return _wrong(module, values, args, kwargs)


def replaces_assert_close(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    torch.testing.assert_close = lambda *args, **kwargs: None
    return _wrong(module, values, args, kwargs)


def replaces_the_code_of_assert_close(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    torch.testing.assert_close.__code__ = (lambda *args, **kwargs: None).__code__
    return _wrong(module, values, args, kwargs)


def replaces_eq_of_tensors(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    torch.Tensor.__eq__ = lambda a, b: torch.tensor(True)
    torch.Tensor.equal = lambda a, b: True
    return _wrong(module, values, args, kwargs)


def replaces_isinstance(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    real = builtins.isinstance
    builtins.isinstance = lambda value, kind: True if kind is torch.Tensor else real(value, kind)
    return _wrong(module, values, args, kwargs)


def _reporting():
    """The hook that makes reports, reached from the frames of whoever calls."""
    frame = sys._getframe()
    while frame is not None:
        if "pyfuncitem" in frame.f_locals:
            return frame.f_locals["pyfuncitem"].ihook.pytest_runtest_makereport
        frame = frame.f_back
    return None


def replaces_a_hook(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    for one in reporting.get_hookimpls() if (reporting := _reporting()) else ():
        if one.plugin_name == "runner":

            def make(item, call, real=one.function):
                call.excinfo = None
                return real(item, call)

            one.function = make
    return _wrong(module, values, args, kwargs)


def registers_a_hook(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    if reporting := _reporting():
        reporting._hookimpls.append(reporting._hookimpls[0])
    return _wrong(module, values, args, kwargs)


def replaces_raises(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    pytest.raises = lambda *args, **kwargs: contextlib.nullcontext()
    return _wrong(module, values, args, kwargs)


def replaces_the_snapshot(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    for name, one in list(sys.modules.items()):
        if name.startswith("fcspec.") and hasattr(one, "snapshot"):
            one.snapshot = lambda module: types.SimpleNamespace(slots=0, plain=0, order=0, grads=0, versions=0, shape=0)
    return _wrong(module, values, args, kwargs)


def replaces_the_verdict(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    import _pytest.runner

    real = _pytest.runner.CallInfo.from_call.__func__

    def quiet(cls, func, when, reraise=None):
        return real(cls, lambda: None, when, reraise)

    _pytest.runner.CallInfo.from_call = classmethod(quiet)
    return _wrong(module, values, args, kwargs)


def replaces_in_its_own_call(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """Legitimate: what is patched during forward, and put back, is nobody's business."""
    real = torch.nn.Module.named_parameters
    torch.nn.Module.named_parameters = lambda *args, **kwargs: real(*args, **kwargs)
    try:
        return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)
    finally:
        torch.nn.Module.named_parameters = real
