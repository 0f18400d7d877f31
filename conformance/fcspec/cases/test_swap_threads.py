"""swap: threads that forward starts; own tensors while forward runs."""

import contextlib
import threading

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from fcspec.cases.support.comparing import equal, identical
from fcspec.cases.support.outcomes import raises_if, returns_or_raises
from fcspec.plugin import clause
from fcspec.specimens import oracle
from fcspec.specimens.base import fresh_values, values_like, with_group, with_site
from fcspec.specimens.groups import PAIRS
from fcspec.specimens.parametrized import doubled, nested_doubled
from fcspec.specimens.sites import flat_parameter, nested_buffer, nested_parameter


def _in_a_thread(act):
    """What `act()` gives in another thread, or the exception that it raised."""
    results = []

    def run():
        try:
            results.append(act())
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


@clause("swap.threads")
@with_site((flat_parameter, nested_buffer))
def test_a_thread_that_forward_starts_sees_the_given_value(functional_call, site):
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append(_in_a_thread(site.current)))

    functional_call(site.module, {site.name: value}, site.x)

    assert seen[0] is value


@clause("swap.threads")
@with_site((doubled, nested_doubled))
def test_a_thread_that_forward_starts_sees_the_value_of_a_regular_name(functional_call, site):
    value, seen = site.value(), []
    site.in_forward(lambda owner: seen.append((site.current(), _in_a_thread(site.current))))
    with contextlib.suppress(Exception):  # that it is accepted, and seen at all, is the law of parametrize.regular-name
        functional_call(site.module, {site.name: value}, site.x)

    assert all(other is value for one, other in seen if one is value)


@clause("swap.threads")
@with_group(PAIRS[1:2])
def test_a_thread_that_forward_starts_sees_the_value_of_tied_names(functional_call, group):
    value, seen = group.value(), []
    group.in_forward(lambda module: seen.extend(_in_a_thread(group.current)))

    functional_call(group.module, {group.names[0]: value}, group.x, tie_weights=True)

    assert identical(seen, [value] * 2)


@clause("swap.threads")
def test_two_threads_call_two_modules(functional_call, names):
    sites, seen = [flat_parameter(names), nested_buffer(names)], {}
    both = threading.Barrier(2, timeout=0.3)

    def call(number):
        site = sites[number]
        value = site.value(number)

        def act(owner):
            with contextlib.suppress(threading.BrokenBarrierError):  # one after the other is right, too
                both.wait()
            seen[number] = site.current() is value

        site.in_forward(act)
        functional_call(site.module, {site.name: value}, site.x)

    threads = [threading.Thread(target=call, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == {0: True, 1: True}
    assert identical([site.current() for site in sites], [site.own for site in sites])


@clause("swap.threads")
def test_two_threads_call_two_modules_while_parametrizations_are_cached(functional_call, names):
    sites, results = [flat_parameter(names), nested_buffer(names)], {}
    both = threading.Barrier(2, timeout=1)

    def call(number):
        site = sites[number]
        value = site.value(number)
        site.in_forward(lambda owner: both.wait() and None)
        with contextlib.suppress(threading.BrokenBarrierError):
            functional_call(site.module, {site.name: value}, site.x)
            results[number] = True

    with parametrize.cached():
        threads = [threading.Thread(target=call, args=[number]) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert results == {0: True, 1: True}, "one waits until the other one has ended"
    assert identical([site.current() for site in sites], [site.own for site in sites])


@clause("swap.threads")
def test_forward_waits_for_a_call_in_a_thread_that_it_started(functional_call, names):
    first, second, results = flat_parameter(names), nested_buffer(names), []
    values = fresh_values(second.module)

    def call():
        results.append(functional_call(second.module, values, second.x))

    def act(owner):
        thread = threading.Thread(target=call)
        thread.start()
        thread.join(1)
        return len(results)

    first.in_forward(act)

    assert functional_call(first.module, {first.name: first.value()}, first.x) == 1
    assert equal(results[0], oracle.result(second.module, values, second.x))


@clause("swap.threads")
def test_a_call_that_ends_leaves_the_values_of_one_that_began_later(functional_call, names):
    first, second = flat_parameter(names), nested_buffer(names)
    began, ended, seen, value = threading.Event(), threading.Event(), [], second.value()

    def call_the_first():
        first.in_forward(lambda owner: began.wait(0.3) and None)  # calls one after the other are right, too
        functional_call(first.module, {first.name: first.value()}, first.x)
        ended.set()

    def look(owner):
        began.set()
        ended.wait(0.3)
        seen.append(second.current())

    thread = threading.Thread(target=call_the_first)
    started = threading.Event()
    second.in_forward(look)
    first.module.register_forward_pre_hook(lambda *_: started.set())
    thread.start()
    started.wait(0.3)
    functional_call(second.module, {second.name: value}, second.x)
    thread.join()

    assert seen[0] is value
    assert [site.current() is site.own for site in (first, second)] == [True, True]


def _as_it_is(tensor):
    return {
        "requires grad": tensor.requires_grad,
        "class": type(tensor),
        "is leaf": tensor.is_leaf,
        "shape": tensor.shape,
        "dtype": tensor.dtype,
        "memory": tensor.data_ptr(),
        "numbers": tensor.tolist(),
        "attributes": dict(vars(tensor)),
        "hooks": dict(tensor._backward_hooks or {}),
    }


@clause("swap.own-tensors")
@with_site((flat_parameter, nested_buffer))
def test_in_forward_own_tensors_are_what_they_are_outside(functional_call, site):
    own = [site.get(name) for name in fresh_values(site.module)]
    if isinstance(site.own, nn.Parameter):
        site.own.register_hook(lambda grad: grad)
    before, inside = [_as_it_is(one) for one in own], []
    site.in_forward(lambda owner: inside.append([_as_it_is(one) for one in own]))

    for values in (fresh_values(site.module), {site.name: site.value()}, {}):
        functional_call(site.module, values, site.x)

        assert inside.pop() == before


@clause("swap.own-tensors")
@pytest.mark.parametrize("given", ["all", "one"])
@with_site((nested_parameter,))
def test_an_own_parameter_that_forward_reaches_otherwise_gets_its_gradient(functional_call, site, given):
    own, value = site.own, site.value().requires_grad_()
    values = {**(fresh_values(site.module) if given == "all" else {}), site.name: value}
    site.in_forward(lambda owner: 2 * site.current() + 5 * own)

    site.module.register_forward_hook(lambda module, args, output: output + 3 * own)
    functional_call(site.module, values, site.x).sum().backward()

    assert own.grad is not None
    assert equal(own.grad, torch.full((3,), 8.0))
    assert equal(value.grad, torch.full((3,), 2.0))


@clause("swap.own-tensors")
@returns_or_raises
@with_site((flat_parameter, nested_parameter))
def test_what_forward_does_to_an_own_parameter_stays_done(functional_call, site, fails):
    own, calls = site.own, []

    def act(owner):
        (2 * own).sum().backward()
        own.register_hook(calls.append)
        own.note = "forward's"
        return 1 / 0 if fails else site.x

    site.in_forward(act)
    for grad in (None, torch.ones(3)):
        own.grad = grad
        with raises_if(fails):
            functional_call(site.module, {site.name: site.value()}, site.x)

        assert own.grad is not None
        assert own.grad.tolist() == [2.0 if grad is None else 3.0] * 3
        assert own.note == "forward's"
    own.sum().backward()
    assert len(calls) == 2 + 1  # the second hook of two is called in the backward of the second forward, too


@clause("swap.own-tensors")
@with_site((flat_parameter,))
def test_an_own_parameter_can_be_written_to_in_forward(functional_call, site):
    own, new = site.own, values_like(site.own, 9)

    def write(owner):
        with torch.no_grad():
            own.copy_(new)

    site.in_forward(write)
    functional_call(site.module, {site.name: site.value()}, site.x)

    assert site.current() is own
    assert equal(own, new)
