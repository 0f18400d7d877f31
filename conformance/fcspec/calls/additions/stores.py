"""What a call does to the stores of a module: nothing is registered, and recurrent modules list their weights again."""

from __future__ import annotations

from collections.abc import Iterator

from fcspec.calls.addition import Addition, afterwards, code, unchanged
from fcspec.calls.assertion import Assertion

_REGISTRATION_HOOKS = tuple(
    f"nn.modules.module.register_module_{kind}_registration_hook(lambda *what: registered.append(what))"
    for kind in ("buffer", "parameter", "module")
)

_REGISTRATION = Addition(
    "global hooks on registration",
    "swap.registration",
    model='model.register_buffer("first", torch.zeros(2))\nmodel.second = nn.Parameter(torch.zeros(2))',
    before="registered = []",
    entries=(("first", "torch.ones(2)"), ("second", "nn.Parameter(torch.ones(2))")),
    contexts=_REGISTRATION_HOOKS,
    assertions=(Assertion("swap.registration", "assert registered == []"),),
    defaults=("act", "new_name", "prior"),
)

_OVERRIDES = Addition(
    "a module that records what is registered",
    "swap.registration",
    model=code("""
        class Recording(nn.Module):
            def register_buffer(self, *args, **kwargs):
                registered.append(args)
                super().register_buffer(*args, **kwargs)

            def register_parameter(self, *args):
                registered.append(args)
                super().register_parameter(*args)


        registered = []
        model.recording = Recording()
        model.recording.register_buffer("first", torch.zeros(2))
        model.recording.register_parameter("second", nn.Parameter(torch.zeros(2)))
        registered.clear()
        """),
    entries=(("recording.first", "torch.ones(2)"), ("recording.second", "nn.Parameter(torch.ones(2))")),
    assertions=(Assertion("swap.registration", "assert registered == []"),),
    defaults=("prior",),
)


_RUN_BOTH = code("""
    def run(module, args):
        module.rnn(torch.ones(1, 1))
        module.rnn_too(torch.ones(1, 1))


    model.register_forward_pre_hook(run)
    """)


def _recurrent() -> Iterator[Addition]:
    listed = "[id(one) for one in model.rnn._flat_weights]"
    model = code("""
        model.rnn = nn.RNN(1, 1)
        model.rnn_too = nn.RNN(1, 1)
        model.rnn_too.bias_hh_l0 = model.rnn.bias_hh_l0
        """)
    lists = (
        unchanged("restore.recurrent", "listed", listed),
        unchanged("restore.recurrent", "listed_too", listed.replace("rnn", "rnn_too")),
    )
    again = code("""
        def call_inside(module, args):
            module.rnn(torch.ones(1, 1))
            functional_call(module.rnn, {"bias_ih_l0": torch.zeros(1)}, torch.ones(1, 1))


        model.register_forward_pre_hook(call_inside)
        """)
    for name, before in (
        ("a weight of a recurrent module", _RUN_BOTH),
        ("a weight of a recurrent module, and a call in a call", again),
    ):
        yield Addition(
            name,
            "swap.recurrent",
            model=model,
            before=before,
            entries=(("rnn.bias_hh_l0", "torch.ones(1)"),),
            assertions=lists,
            defaults=("raises", "act", "in_cached", "calls_inside", "prior", "circular"),
            complete=False,
        )


_HOOKS_OF_RECURRENT = Addition(
    "recurrent modules in a Sequential",
    "restore.shape",
    before="sequential = nn.Sequential(nn.GRU(1, 1))",
    assertions=(
        afterwards(
            "restore.shape",
            """
            functional_call(sequential, {"0.bias_hh_l0": torch.ones(3)}, torch.ones(1, 1))
            assert not any(its for key, its in vars(sequential[0]).items() if key.endswith("_hooks"))
            """,
        ),
    ),
)

ADDITIONS = (_REGISTRATION, _OVERRIDES, *_recurrent(), _HOOKS_OF_RECURRENT)
