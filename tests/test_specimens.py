"""The table of classes in torch.nn that hold state is complete for the torch in use, and its classes hold what it says."""

import inspect
import warnings

import pytest
import torch
from fcspec.specimens import oracle
from fcspec.specimens.torch_modules import BOTH, BUFFERS, PARAMETERS, available, tensors, values_for
from fcspec.state.module_state import slots
from torch import nn

EVERY = available(PARAMETERS, BOTH, BUFFERS)
BASES = {"RNNBase", "RNNCellBase"}  # without a forward of their own
STATELESS = {"Unflatten"}  # what can't be made from numbers, and holds nothing

CLASSES = {
    name: one
    for name, one in vars(nn).items()
    if inspect.isclass(one) and issubclass(one, nn.Module) and name[0] != "_"
}


def holds_state(kind):
    """Whether an instance made of 2s holds a parameter or a buffer, be it None; True where none can be made so."""
    required = [
        one
        for one in inspect.signature(kind).parameters.values()
        if one.default is one.empty and one.kind < one.VAR_POSITIONAL
    ]
    try:
        return any(slots(kind(*(2 for _ in required))))
    except Exception:
        return True


def test_every_class_that_holds_parameters_or_buffers_is_in_the_table():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stateful = {name for name, kind in CLASSES.items() if holds_state(kind)}

    assert sorted(stateful - {one.kind for one in EVERY} - BASES - STATELESS) == []
    assert {one.kind for one in EVERY} <= stateful


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
@pytest.mark.filterwarnings("ignore")
def test_a_class_of_the_table_holds_what_its_table_says(one):
    module = one.make()
    stores = {store for _, owner, store, key in slots(module) if vars(owner)[store][key] is not None}
    wanted = (
        {"_parameters"}
        if one.name in PARAMETERS
        else {"_buffers"}
        if one.name in BUFFERS
        else {"_parameters", "_buffers"}
    )

    assert stores == wanted
    assert type(module).__name__ == one.kind.removeprefix("Lazy")
    module(*one.inputs())


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
@pytest.mark.filterwarnings("ignore")
def test_every_value_shows_in_the_result(one):
    """Otherwise no case would see that one is not used."""
    module = one.make().eval()
    values, others = values_for(module), values_for(module, seed=2)
    results = [tensors(oracle.result(module, values, *one.inputs()))]
    for name in values:
        if values[name].is_floating_point():  # counters show in the buffers only
            results.append(tensors(oracle.result(module, {**values, name: others[name]}, *one.inputs())))

    assert [i for i, result in enumerate(results[1:]) if all(map(torch.equal, result, results[0]))] == []
