"""Long sequences of calls on one module, beside a model of it: which tensor, with which numbers, each slot must hold.

After each call the module is compared with the model. A difference is a failure if the call was of the kind that the case is
about; after any other call it ends the sequence, because another case is about that kind.
"""

import contextlib

import torch
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from torch import nn

from fcspec.calls.shrinking import constants_of_modules_hidden
from fcspec.specimens.base import get, parameter, probe, values_like
from fcspec.state.module_state import slots

SETTINGS = settings(
    max_examples=3,
    stateful_step_count=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    print_blob=False,
    report_multiple_bugs=False,
)

SOME = st.sets(st.integers(0, 6), max_size=4)
ONE = st.integers(0, 6)


class Boom(Exception):
    """What a failing forward raises."""


def run_sequences(functional_call, names, slug):
    """Run sequences; fail if a call of the kind that this law is about leaves the module other than the model says."""
    machine = type("Sequence", (Sequence,), {"functional_call": functional_call, "names": names, "slug": slug})
    with constants_of_modules_hidden():
        run_state_machine_as_test(machine, settings=SETTINGS)


def module(names):
    """Parameters and buffers in two modules, two of the parameters tied."""
    root, child, key = probe(names), probe(names), names.attribute
    tied = parameter()
    for owner in (root, child):
        owner.register_parameter(key(), parameter())
        owner.register_parameter(key(), tied)
    root.register_buffer(key(), torch.rand(3))
    child.register_buffer(key(), torch.rand(3))
    child.register_buffer(key(), torch.rand(3), persistent=False)
    root.add_module(key(), child)
    return root


class Sequence(RuleBasedStateMachine):
    functional_call, names, slug = None, None, ""

    def __init__(self):
        super().__init__()
        self.module, self.x, self.seed, self.over = module(self.names), torch.ones(3), 1, False
        self.places = list(slots(self.module))
        self.held = {name: vars(owner)[store][key] for name, owner, store, key in self.places}
        self.numbers = {name: tensor.detach().clone() for name, tensor in self.held.items()}
        self.saved = self.state()

    # ------------------------------------------------------------------------------------------------- the model

    def name(self, number):
        return self.places[number][0]

    def group(self, name):
        return [other for other, tensor in self.held.items() if tensor is self.held[name]]

    def values(self, chosen):
        """A fresh value for each of the chosen names; two tied names get the same one."""
        values = {}
        for number in sorted(chosen):
            name = self.name(number)
            self.seed += 1
            mates = [values[mate] for mate in self.group(name) if mate in values]
            values[name] = mates[0] if mates else values_like(self.held[name], self.seed)
        return values

    def given(self, values, name):
        return any(mate in values for mate in self.group(name))

    def state(self):
        return {name: tensor.clone() for name, tensor in self.module.state_dict().items()}

    def in_forward(self, act):
        type(self.module).in_forward = staticmethod(act)

    def call(self, values, act=None):
        """Make the call, with a forward that runs `act` first. Errors are ignored: only the module is judged."""
        if act is not None:
            self.in_forward(act)
        with contextlib.suppress(Exception):
            self.functional_call(self.module, values, self.x)
        type(self.module).in_forward = None

    def compare(self, slug):
        now = {name: vars(owner)[store].get(key) for name, owner, store, key in self.places}
        wrong = [
            name
            for name, tensor in now.items()
            if tensor is not self.held[name] or not torch.equal(tensor.detach(), self.numbers[name])
        ]
        self.over = bool(wrong)
        assert not wrong or slug != self.slug, f"{wrong[0]} does not hold what it must"

    # ------------------------------------------------------------------------------------------------- what happens

    @precondition(lambda self: not self.over)
    @rule(chosen=SOME)
    def call_it(self, chosen):
        self.call(self.values(chosen))
        self.compare("restore.objects")

    @precondition(lambda self: not self.over)
    @rule(chosen=SOME)
    def call_it_and_fail(self, chosen):
        def fail(_):
            raise Boom

        self.call(self.values(chosen), fail)
        self.compare("restore.exception")

    @precondition(lambda self: not self.over)
    @rule(chosen=SOME, inner=SOME, fails=st.booleans())
    def call_it_in_itself(self, chosen, inner, fails):
        outer, others, seen = self.values(chosen), self.values(inner), []
        if fails:  # tied names in failing calls are the law of restore.exception
            others = {name: value for name, value in others.items() if len(self.group(name)) == 1}

        def fail(_):
            raise Boom

        def nest(root):
            type(root).in_forward = staticmethod(fail) if fails else None
            before = [get(root, name) for name in self.held]
            with contextlib.suppress(Boom):
                self.functional_call(root, others, self.x)
            seen.extend(get(root, name) is one for name, one in zip(self.held, before, strict=True))

        self.call(outer, nest)
        assert all(seen) or self.slug != "restore.nested", "the outer call has lost its values"
        self.compare("restore.nested")

    @precondition(lambda self: not self.over)
    @rule(chosen=SOME, which=ONE)
    def call_it_and_rebind(self, chosen, which):
        name, owner, store, key = self.places[which]
        values, new = self.values(chosen), values_like(self.held[name], self.seed)
        new = nn.Parameter(new) if store == "_parameters" else new
        if not self.given(values, name):
            values[name] = values_like(self.held[name], self.seed + 1)
        self.call(values, lambda _: setattr(owner, key, new))
        self.compare("restore.rebound")

    @precondition(lambda self: not self.over)
    @rule(chosen=SOME, which=ONE)
    def call_it_and_write(self, chosen, which):
        name, values = self.name(which), self.values(chosen)

        def write(root):
            with torch.no_grad():
                get(root, name).add_(1)

        self.call(values, write)
        if not self.given(values, name):
            for mate in self.group(name):
                self.numbers[mate] = self.numbers[mate] + 1
        self.compare("inplace.module-untouched")

    @precondition(lambda self: not self.over)
    @rule()
    def train_a_step(self):
        """Like a step of torch.optim.SGD, without using it: its first use imports the compiler."""
        self.module(self.x).sum().backward()
        for own in self.module.parameters():
            with torch.no_grad():
                own.sub_(own.grad, alpha=0.5)
            for name in [name for name, tensor in self.held.items() if tensor is own]:
                self.numbers[name] = self.numbers[name] - 0.5 * own.grad
            own.grad = None
        self.compare("restore.objects")

    @precondition(lambda self: not self.over)
    @rule(save=st.booleans())
    def save_or_load(self, save):
        if save:
            self.saved = self.state()
        else:
            self.module.load_state_dict(self.saved)
            self.numbers.update(self.saved)
        self.compare("restore.objects")

    @precondition(lambda self: self.over)
    @rule()
    def nothing_more(self):
        """After a difference that another case judges, this rule fills the rest of the sequence."""
