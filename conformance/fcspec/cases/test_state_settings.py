"""state: settings that no attribute shows; what is said while a call is refused, or while forward does odd things."""

import contextlib
import gc
import importlib
import logging
import sys
import warnings
from typing import Any

import torch
from torch import nn

from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import fresh_values, probe, with_site
from fcspec.specimens.sites import flat_buffer, flat_parameter, nested_parameter

GETTERS = (
    *("_get_mkldnn_enabled", "_get_nnpack_enabled", "_get_cudnn_allow_tf32", "_get_cublas_allow_tf32"),
    *("_get_flash_sdp_enabled", "_get_math_sdp_enabled", "_get_mem_efficient_sdp_enabled", "_get_cudnn_sdp_enabled"),
    *("_get_cublas_allow_fp16_reduced_precision_reduction", "_get_cublas_allow_bf16_reduced_precision_reduction"),
    *("_get_deterministic_fill_uninitialized_memory", "_is_multithreading_enabled", "_is_view_replay_enabled"),
)


def _settings():
    """Settings of torch by name; an attribute of a module `torch.backends` can be a property that asks torch."""
    found = {name: getattr(torch._C, name)() for name in GETTERS if hasattr(torch._C, name)}
    for name in ("get_swap_module_params_on_conversion", "get_overwrite_module_params_on_conversion"):
        found[name] = getattr(torch.__future__, name, bool)()
    found["fastpath"] = torch.backends.mha.get_fastpath_enabled() if hasattr(torch.backends, "mha") else None
    found["sharing"] = torch.multiprocessing.get_sharing_strategy()
    return found


def _make_calls(functional_call, site):
    """Calls that are accepted, and some that are refused."""
    values = fresh_values(site.module)
    refused = {f"nowhere.{site.key}": site.value()}, {site.name: 3.0}, (values, values), {site.other: site.value()}
    for given in (values, *refused):
        for flags in ({}, {"tie_weights": False}, {"strict": True}):
            with contextlib.suppress(Exception):
                functional_call(site.module, given, site.x, **flags)


@clause("state.torch")
@with_site((nested_parameter,))
def test_settings_of_torch_are_as_before(functional_call, site):
    before = _settings()
    _make_calls(functional_call, site)
    after = _settings()

    assert {name: (before[name], after[name]) for name in before if before[name] != after[name]} == {}


COMPILING = (
    *("allow_unspec_int_on_nn_module", "inline_inbuilt_nn_modules", "suppress_errors", "capture_scalar_outputs"),
    *("capture_dynamic_output_shape_ops", "skip_nnmodule_hook_guards", "guard_nn_modules", "error_on_recompile"),
    *("cache_size_limit", "recompile_limit", "specialize_int", "assume_static_by_default", "automatic_dynamic_shapes"),
)
"""What torch._dynamo.config has, and who makes functional_call compile could set."""


@clause("state.torch")
@needs(Needs.TRANSFORMS)
@with_site((nested_parameter,))
def test_settings_of_the_compiler_are_as_before(functional_call, site):
    config: Any = importlib.import_module("torch._dynamo").config  # which other cases of this child import, too
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of them are deprecated
        before = {name: getattr(config, name) for name in COMPILING if hasattr(config, name)}
        others = {name: not value if isinstance(value, bool) else value + 1 for name, value in before.items()}
        try:
            for name, value in others.items():
                setattr(config, name, value)
            _make_calls(functional_call, site)
            after = {name: getattr(config, name) for name in others}
        finally:
            for name, value in before.items():
                setattr(config, name, value)

    assert after == others


@clause("state.interpreter")
@with_site((nested_parameter,))
def test_what_the_collector_leaves_out_and_what_logging_disables_is_as_before(functional_call, site):
    disabled, tracked = logging.root.manager.disable, [site]
    logging.disable(logging.INFO)
    try:
        _make_calls(functional_call, site)
        seen = logging.root.manager.disable
    finally:
        logging.disable(disabled)

    assert seen == logging.INFO
    assert any(one is tracked for young in range(3) for one in gc.get_objects(young)), "the collector leaves it out"


@clause("state.interpreter")
def test_the_limit_of_recursion_is_as_before_a_call_of_a_module_that_is_deeper(functional_call, names):
    frame, depth, limit = sys._getframe(), 0, sys.getrecursionlimit()
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    root = owner = probe(names, lambda self, x: x)
    for _ in range(depth + 250):
        owner.child = nn.Module()
        owner = owner.child
    root.register_buffer("own", torch.zeros(()))
    sys.setrecursionlimit(depth + 200)
    try:
        for values in ({"own": torch.ones(())}, {"own": torch.ones(()), f"{'child.' * 200}none.own": torch.ones(())}):
            with contextlib.suppress(Exception):  # that it can be called is the law of call.deep
                functional_call(root, values, torch.ones(()))
        after = sys.getrecursionlimit()
    finally:
        sys.setrecursionlimit(limit)

    assert after == depth + 200


class _Refusing(dict[str, torch.Tensor]):
    """A dict that takes no new values."""

    def __setitem__(self, name, value):
        raise LookupError(name)


@clause("state.interpreter")
@with_site((flat_parameter, flat_buffer))
def test_the_limit_of_recursion_is_as_before_where_a_dict_refuses_what_forward_bound(functional_call, site):
    limit = sys.getrecursionlimit()
    site.in_forward(lambda owner: setattr(owner, site.key, site.bindable()) or torch.zeros(()))
    try:
        with contextlib.suppress(Exception):
            functional_call(site.module, _Refusing({site.name: site.value()}), site.x)
        after = sys.getrecursionlimit()
    finally:
        sys.setrecursionlimit(limit)

    assert after == limit


def _bind_anew(owner, key, new):
    delattr(owner, key)
    setattr(owner, key, new)


ODD_ACTS: dict[str, Any] = {
    "deletes": lambda owner, key: delattr(owner, key),
    "binds none": lambda owner, key: setattr(owner, key, None),
    "binds a number": lambda owner, key: _bind_anew(owner, key, 3.0),
    "binds a tensor": lambda owner, key: _bind_anew(owner, key, torch.ones(3)),
    "registers a parameter": lambda owner, key: _bind_anew(owner, key, nn.Parameter(torch.ones(3))),
    "registers a module": lambda owner, key: _bind_anew(owner, key, nn.Identity()),
    "replaces its stores": lambda owner, key: owner.__dict__.update(_buffers={}, _parameters={}),
    "adds a module": lambda owner, key: owner.add_module("added", nn.Identity()),
    "adds a buffer": lambda owner, key: owner.register_buffer("added_buffer", torch.ones(3)),
    "writes": lambda owner, key: getattr(owner, key).detach().add_(1),
    "fails": lambda owner, key: 1 / 0,
    "interrupts": lambda owner, key: exec("raise KeyboardInterrupt"),
}


@contextlib.contextmanager
def _all_logged():
    """Each record that reaches the root of loggers, of whatever level."""
    records, level = [], logging.root.level
    handler = logging.Handler()
    handler.emit = records.append
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.INFO)
    try:
        yield records
    finally:
        logging.root.setLevel(level)
        logging.root.removeHandler(handler)


@clause("state.silent")
@with_site((flat_parameter, flat_buffer))
def test_nothing_is_said_whatever_forward_does_to_a_given_name(functional_call, site, capfd):
    with _all_logged() as records:
        for act in ODD_ACTS.values():
            site.in_forward(lambda owner, act=act: act(owner, site.key) and None)
            with contextlib.suppress(Exception, KeyboardInterrupt):
                functional_call(site.module, {site.name: site.value()}, site.x)
            with contextlib.suppress(Exception, KeyboardInterrupt):
                functional_call(site.module, ({site.other: site.value()}, _Refusing({site.name: site.value()})), site.x)

    assert ([record.getMessage() for record in records], *capfd.readouterr()) == ([], "", "")


@clause("state.silent")
@with_site((nested_parameter,))
def test_nothing_is_said_by_calls_of_many_kinds(functional_call, site, capfd):
    with _all_logged() as records:
        _make_calls(functional_call, site)

    assert ([record.getMessage() for record in records], *capfd.readouterr()) == ([], "", "")
