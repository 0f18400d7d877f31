"""What torch and the process hold is read by identity; every change is seen, named and put back."""

import os
import random
import sys
import threading
import warnings
from types import ModuleType

import pytest
import torch
from fcspec.state import process_state
from fcspec.state.attributes import ABSENT, Attributes, Code, Hooks, same_items
from fcspec.state.identity import ById
from torch import nn


class Agreeable:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    __hash__ = object.__hash__


# ------------------------------------------------------------------------------------------------- objects by identity


def test_an_object_is_equal_to_itself_alone():
    one, other = Agreeable(), Agreeable()

    assert ById(one) == ById(one)
    assert ById(one) != ById(other)
    assert len({ById(one), ById(one), ById(other)}) == 2


def test_tensors_are_compared_as_objects_not_by_element():
    one, same = torch.ones(2), torch.ones(2)

    assert (ById(one) == ById(one), ById(one) == ById(same)) == (True, False)
    assert repr(ById(one)) == "Tensor(2,)"


# ---------------------------------------------------------------------------------------------------------- attributes


@pytest.mark.parametrize(
    ("now", "same"),
    [
        ({"a": 1, "b": None}, True),
        ({"b": None, "a": 1}, False),
        ({"a": 1}, False),
        ({"a": 1, "b": None, "c": 2}, False),
        ({"a": Agreeable(), "b": None}, False),
    ],
    ids=["same", "another order", "fewer", "more", "another object that says it is equal"],
)
def test_dicts_are_the_same_when_they_hold_the_same_objects_in_the_same_order(now, same):
    assert same_items({"a": 1, "b": None}, now) is same


@pytest.mark.parametrize("make", [lambda: type("owner", (), {}), lambda: ModuleType("owner")], ids=["class", "module"])
def test_attributes_are_put_back_by_identity(make):
    owner = make()
    owner.kept = owner.removed = owner.replaced = print
    attributes = Attributes({"owner": owner})
    del owner.removed
    owner.replaced, owner.added = Agreeable(), 1

    assert set(attributes.put_back()) == {"owner.removed", "owner.replaced", "owner.added"}
    assert attributes.changes() == {}
    assert (owner.removed, owner.replaced, hasattr(owner, "added")) == (print, print, False)


def test_a_change_is_named_with_what_was_and_what_is():
    owner = ModuleType("owner")
    owner.replaced = before = object()
    attributes = Attributes({"owner": owner})
    owner.replaced = now = object()
    owner.added = 1

    assert attributes.changes() == {"owner.replaced": (before, now), "owner.added": (ABSENT, 1)}


def test_attributes_of_another_moment_are_compared_with_it():
    owner = ModuleType("owner")
    owner.value = first = object()
    before = Attributes({"owner": owner})
    owner.value = second = object()
    later = Attributes({"owner": owner})
    owner.value = object()

    assert before.changes(later) == {"owner.value": (first, second)}
    assert (before == later, before == Attributes({"owner": owner})) == (False, False)


@pytest.mark.parametrize(
    ("key", "before", "now"),
    [("__doc__", "a", "b"), ("__warningregistry__", {}, {}), ("counter", 1000, 500 * 2), ("_cache", {1: 1}, {})],
)
def test_bookkeeping_and_equal_scalars_are_no_change(key, before, now):
    owner = ModuleType("owner")
    setattr(owner, key, before)
    attributes = Attributes({"owner": owner})
    setattr(owner, key, now)

    assert attributes.changes() == {}


def test_a_submodule_that_is_imported_is_no_change():
    owner = ModuleType("owner")
    attributes = Attributes({"owner": owner})
    owner.submodule = ModuleType("owner.submodule")

    assert attributes.changes() == {}


def test_where_only_code_counts_data_may_change():
    owner = ModuleType("owner")
    owner.count, owner.function = 1, print
    attributes = Attributes({"owner": owner}, callables_only=True)
    owner.count, owner.function = 2, repr

    assert set(attributes.changes()) == {"owner.function"}


@pytest.mark.parametrize(
    ("part", "value"),
    [("__code__", (lambda self, *, b=1: 2).__code__), ("__defaults__", (3,)), ("__kwdefaults__", {"b": 3})],
)
def test_code_of_a_function_is_put_back(part, value):
    class Owner:
        def method(self, *, b=1):
            return b

    code = Code({"Owner": Owner})
    setattr(Owner.method, part, value)

    assert set(code.put_back()) == {f"Owner.method.{part}"}
    assert Owner().method() == 1
    assert code.put_back() == {}


def test_code_behind_properties_and_static_methods_is_put_back():
    class Owner:
        value = property(lambda self: 1)
        static = staticmethod(lambda: 1)

    code = Code({"Owner": Owner})
    Owner.value.fget.__code__ = (lambda self: 2).__code__
    Owner.static.__code__ = (lambda: 2).__code__

    assert set(code.put_back()) == {"Owner.value.__code__", "Owner.static.__code__"}
    assert (Owner().value, Owner.static()) == (1, 1)


class Plugin:
    def pytest_runtest_call(self):
        return 1


def test_hooks_of_pytest_are_put_back():
    manager = pytest.PytestPluginManager()
    manager.register(Plugin(), "one")
    hooks = Hooks(manager)
    implementation = manager.hook.pytest_runtest_call._hookimpls[-1]
    implementation.function = print
    manager.register(Plugin(), "two")

    changed = hooks.put_back()

    assert {name for name in changed if "runtest_call" in name} == set(changed)
    assert manager.hook.pytest_runtest_call._hookimpls == [implementation]
    assert implementation.function() == 1


# --------------------------------------------------------------------------------------------------------- the process


def names_of_changes(change, undo, group):
    before = process_state.snapshot(group)
    change()
    try:
        return set(process_state.difference(before, process_state.snapshot(group)))
    finally:
        undo()


def test_nothing_is_seen_where_nothing_changed():
    assert process_state.difference(process_state.snapshot(), process_state.snapshot()) == {}


CHANGES = {
    "rng.torch": (lambda: torch.rand(1), lambda: None),
    "rng.python": (random.random, lambda: None),
    "defaults.dtype": (
        lambda: torch.set_default_dtype(torch.float64),
        lambda: torch.set_default_dtype(torch.float32),
    ),
    "defaults.deterministic algorithms": (
        lambda: torch.use_deterministic_algorithms(True, warn_only=True),
        lambda: torch.use_deterministic_algorithms(False),
    ),
    "modes.grad": (lambda: torch.set_grad_enabled(False), lambda: torch.set_grad_enabled(True)),
    "modes.anomaly": (
        lambda: torch.autograd.set_detect_anomaly(True, check_nan=False),
        lambda: torch.autograd.set_detect_anomaly(False),
    ),
    "torch.nn.modules.module.Module.named_children_too": (
        lambda: setattr(nn.Module, "named_children_too", None),
        lambda: delattr(nn.Module, "named_children_too"),
    ),
    "warnings.filters": (lambda: warnings.simplefilter("ignore"), lambda: warnings.filters.pop(0)),
    "interpreter.environment": (
        lambda: os.environ.update(FCSPEC_TEST="1"),
        lambda: os.environ.pop("FCSPEC_TEST"),
    ),
    "interpreter.sys.path": (lambda: sys.path.append("nowhere"), lambda: sys.path.remove("nowhere")),
}


@pytest.mark.parametrize("part", CHANGES)
@pytest.mark.filterwarnings("ignore:Anomaly Detection:UserWarning")
def test_what_changed_is_named(part):
    change, undo = CHANGES[part]

    assert part in names_of_changes(change, undo, part.partition(".")[0])


def test_what_pytest_and_torchs_compiler_set_in_the_environment_is_no_change(monkeypatch):
    before = process_state.snapshot("interpreter")
    for name in ("PYTEST_CURRENT_TEST", "TORCHINDUCTOR_CACHE_DIR"):
        monkeypatch.setenv(name, "elsewhere")

    assert process_state.difference(before, process_state.snapshot("interpreter")) == {}


def test_a_thread_is_seen():
    over = threading.Event()
    thread = threading.Thread(target=over.wait)

    assert names_of_changes(thread.start, lambda: (over.set(), thread.join()), "processes") == {"processes.threads"}


def test_a_group_is_read_alone():
    assert set(process_state.snapshot("modes", "warnings")) == {"modes", "warnings"}
