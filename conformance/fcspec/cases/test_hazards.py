"""hazards: what the documentation leaves open. Every case observes, and asserts at most that the module is as before."""

import copy
import inspect
import threading

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint

from fcspec.plugin import Needs, clause, needs
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import FLAT, flat_buffer, flat_parameter
from fcspec.state.module_state import snapshot


def _whose(seen, site, value):
    """Which tensor was seen, as a phrase to observe."""
    if seen is value:
        return "the given value"
    return "its own value" if seen is site.own else "another value"


@clause("hazards.checkpoint")
@needs(Needs.TRANSFORMS)
@pytest.mark.parametrize("use_reentrant", [False, True], ids=["non-reentrant", "reentrant"])
@with_site((flat_parameter,))
def test_a_checkpoint_in_forward(functional_call, site, use_reentrant, observe):
    value = site.value().requires_grad_()
    site.in_forward(lambda owner: checkpoint(lambda x: (site.current() * x) ** 2, site.x, use_reentrant=use_reentrant))
    variant = "reentrant" if use_reentrant else "non-reentrant"
    try:
        functional_call(site.module, {site.name: value}, site.x.requires_grad_()).sum().backward()
        right = value.grad is not None and torch.allclose(value.grad, 2 * value * site.x**2)
        observe(f"{variant}: {'right' if right else 'wrong'} gradient")
    except Exception as error:
        observe(f"{variant}: {type(error).__name__}")
    assert site.current() is site.own


@clause("hazards.generator")
@with_site((flat_parameter,))
def test_the_body_of_a_generator(functional_call, site, observe):
    value = site.value()

    def forward(self, x):
        yield site.current()

    type(site.module).forward = forward
    (seen,) = functional_call(site.module, {site.name: value}, site.x)

    observe(f"sees {_whose(seen, site, value)}")
    assert site.current() is site.own


@clause("hazards.coroutine")
@with_site((flat_parameter,))
def test_the_body_of_a_coroutine(functional_call, site, observe):
    value = site.value()

    async def forward(self, x):
        return site.current()

    type(site.module).forward = forward
    coroutine = functional_call(site.module, {site.name: value}, site.x)
    if not inspect.iscoroutine(coroutine):
        observe(f"gives a {type(coroutine).__name__}")
        return
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)

    observe(f"sees {_whose(done.value.value, site, value)}")
    assert site.current() is site.own


@clause("hazards.closure")
@with_site((flat_parameter,))
def test_a_closure_that_forward_returns(functional_call, site, observe):
    value = site.value()
    site.in_forward(lambda owner: site.current)

    seen = functional_call(site.module, {site.name: value}, site.x)()

    observe(f"sees {_whose(seen, site, value)}")
    assert site.current() is site.own


@clause("hazards.backward-hook")
@with_site((flat_parameter,))
def test_a_full_backward_hook(functional_call, site, observe):
    value, seen = site.value(), []
    site.module.register_full_backward_hook(lambda *_: seen.append(site.current()))

    functional_call(site.module, {site.name: value}, site.x.requires_grad_()).sum().backward()

    observe(f"sees {_whose(seen[0], site, value)}")
    assert site.current() is site.own


@clause("hazards.lazy")
@pytest.mark.parametrize("given", ["all", "none"])
def test_a_lazy_module(functional_call, given, observe):
    lazy, x = nn.LazyLinear(2), torch.ones(1, 3)
    values = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)} if given == "all" else {}
    try:
        functional_call(lazy, values, x)
        lazy(x)
        observe(f"{given} given: usable afterwards")
    except Exception as error:
        observe(f"{given} given: {type(error).__name__}")


@clause("hazards.threads")
@with_site((flat_parameter,))
def test_two_threads_in_one_module(functional_call, site, observe):
    """Both threads are in forward before either reads the value, and the thread that entered first returns first."""
    values, seen = [site.value(1), site.value(2)], {}
    entered, looked, left = threading.Event(), threading.Barrier(2, timeout=2), threading.Event()

    def act(owner):
        name = threading.current_thread().name
        entered.set()
        looked.wait()
        seen[name] = site.current()
        looked.wait()
        if name == "1":
            left.wait(2)

    def call(n):
        try:
            functional_call(site.module, {site.name: values[n]}, site.x)
        finally:  # a call that never enters forward keeps nobody waiting
            entered.set()
            left.set()

    site.in_forward(act)
    threads = [threading.Thread(target=call, args=[n], name=str(n), daemon=True) for n in range(2)]
    threads[0].start()
    entered.wait(2)
    threads[1].start()
    for thread in threads:
        thread.join(8)

    apart = all(seen.get(str(n)) is values[n] for n in range(2))
    restored = "the module is as before" if site.current() is site.own else "the module is not as before"
    observe(f"values are {'kept apart' if apart else 'mixed'}, {restored}" if len(seen) == 2 else "one after the other")


@clause("hazards.vmap-rebinding")
@with_site((flat_buffer,))
def test_a_buffer_that_forward_binds_under_vmap(functional_call, site, observe):
    values = {site.name: site.value()}
    site.in_forward(lambda owner: setattr(owner, site.key, site.current() + current[0]))
    current = []

    def call(x):
        current[:] = [x]
        return functional_call(site.module, values, x)

    try:
        torch.func.vmap(call)(torch.rand(4, 3))
        dead = torch._C._functorch.is_batchedtensor(values[site.name])
        observe("the dict holds a dead wrapper" if dead else "the dict holds a plain tensor")
    except Exception as error:
        observe(type(error).__name__)
    assert site.current() is site.own


@clause("hazards.deepcopy-in-forward")
@with_site(FLAT)
def test_a_deepcopy_in_forward(functional_call, site, observe):
    value, copies, before = site.value(), [], snapshot(site.module)
    site.in_forward(lambda owner: copies.append(copy.deepcopy(owner)))
    try:
        functional_call(site.module, {site.name: value}, site.x)
        held = getattr(copies[0], site.key)
        observe(f"holds {'the given' if torch.equal(held, value) else 'its own'} value")
    except Exception as error:
        observe(type(error).__name__)
    assert snapshot(site.module).slots == before.slots


@clause("hazards.old-hooks")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["weight_norm", "prune"])
def test_the_attribute_that_old_hooks_compute(functional_call, kind, observe):
    if kind == "weight_norm":
        linear, name = nn.utils.weight_norm(nn.Linear(2, 2)), "weight_v"
    else:
        linear, name = prune.l1_unstructured(nn.Linear(2, 2), "weight", amount=1), "weight_orig"
    before = linear.weight

    functional_call(linear, {name: torch.ones(2, 2) * 3}, torch.ones(1, 2))

    observe(f"{kind}: {'as before' if torch.equal(linear.weight, before) else 'computed from the given tensor'}")


@clause("hazards.wrappers")
@with_site((flat_parameter,))
def test_an_averaged_model(functional_call, site, observe):
    averaged = torch.optim.swa_utils.AveragedModel(site.module)
    value = site.value()
    try:
        result = functional_call(averaged, {f"module.{site.name}": value}, site.x)
        averaged.module.load_state_dict({**site.module.state_dict(), site.name: value})
        observe("averaged: called" if torch.equal(result, averaged(site.x)) else "averaged: value not used")
    except Exception as error:
        observe(f"averaged: {type(error).__name__}")
