"""inplace: the dict holds what forward bound wherever the call is made, as while another exception is handled."""

import contextlib
import threading
import weakref

import pytest

from fcspec.cases.support.comparing import identical
from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import FLAT


class Other(Exception):
    """What is handled while the call is made, and has nothing to do with it."""


def _in_except(call):
    try:
        raise Other
    except Other:
        call()


def _in_finally(call):
    with contextlib.suppress(Other):
        try:
            raise Other
        finally:
            call()


def _in_exit(call):
    class Manager:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            call()
            return True

    with Manager():
        raise Other


def _in_generator(call):
    def run():
        try:
            yield
        except Other:
            call()

    running = run()
    next(running)
    with pytest.raises(StopIteration):
        running.throw(Other())


def _in_coroutine(call):
    async def run():
        call()

    with pytest.raises(StopIteration):
        run().send(None)


def _in_del(call):
    type("Deleted", (), {"__del__": lambda self: call()})()


def _in_weakref_callback(call):
    reference = weakref.ref(type("Deleted", (), {})(), lambda _: call())
    assert reference() is None


def _in_thread(call):
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def _in_del_while_an_error_is_handled(call):
    _in_except(lambda: _in_del(call))


SURROUNDINGS = (
    *(_in_except, _in_finally, _in_exit, _in_generator, _in_coroutine, _in_del, _in_weakref_callback, _in_thread),
    _in_del_while_an_error_is_handled,
)


@clause("inplace.rebinding")
@with_site(FLAT)
def test_the_dict_holds_what_forward_bound_wherever_the_call_is_made(functional_call, site):
    for surrounding in SURROUNDINGS:
        new, values = site.bindable(), {site.name: site.value()}
        site.in_forward(lambda owner, new=new: site.rebind(new))
        surrounding(lambda values=values: functional_call(site.module, values, site.x))

        assert identical([values[site.name]], [new]), surrounding.__name__


@clause("inplace.rebinding")
@with_site(FLAT)
def test_the_dict_holds_what_forward_bound_where_none_was_given_if_it_is_taken(functional_call, site):
    values, bound = {site.name: None}, []

    def act(owner):
        setattr(owner, site.key, site.bindable())
        bound.append(site.current())
        return site.x

    site.in_forward(act)
    try:
        functional_call(site.module, values, site.x)
    except Exception:
        return

    assert identical([values[site.name]], bound)
