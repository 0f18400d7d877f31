"""What a call leaves as it was: the interpreter, classes, tensors; what it lets go."""

from __future__ import annotations

from fcspec.calls.addition import ALONE, Addition, afterwards, code, unchanged
from fcspec.calls.assertion import Assertion

_INTERPRETER = {
    "collecting": "gc.isenabled()",
    "filters": "[*warnings.filters]",
    "limit": "sys.getrecursionlimit()",
    "hooks": "(sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook)",
    "levels": "[logging.getLogger(name).level for name in (None, 'torch')]",
    "locales": "locale.setlocale(locale.LC_ALL)",
    "folder": "os.getcwd()",
    "environment": "dict(os.environ)",
    "paths": "[*sys.path]",
}

_GIVEN = "[one for its in (dicts if isinstance(dicts, tuple) else (dicts,)) for one in its.values()]"
_OWN = "[*model.parameters(), *model.buffers()]"
_SHOWN = "[(vars(one), one._backward_hooks, one.retains_grad, one.requires_grad, one.grad) for one in {}]"
_LOOK = "[([*vars(one)], [*(one._backward_hooks or ())], one.retains_grad, one.requires_grad) for one in {}]"

INTERPRETER = Addition(
    "the interpreter is looked at",
    "state.interpreter",
    before=code("""
        import locale
        import logging
        import os
        import sys
        import threading
        """),
    assertions=(
        *(unchanged("state.interpreter", f"{name}_before", expression) for name, expression in _INTERPRETER.items()),
        Assertion(
            "state.interpreter",
            "assert all(on)",
            setup="on, collecting = [], gc.isenabled()\n"
            "model.register_forward_pre_hook(lambda module, args: on.append(gc.isenabled() == collecting))",
        ),
    ),
    defaults=("in_cached", "calls_inside", "prior"),
)

_FILTERS = Addition(
    "filters of warnings are looked at",
    "state.interpreter",
    before="linear = nn.Linear(1, 1)",
    assertions=(
        afterwards(
            "state.interpreter",
            """
            filters = [*warnings.filters]
            functional_call(linear, {"bias": torch.ones(1)}, torch.ones(1, 1))
            assert [*warnings.filters] == filters
            """,
        ),
    ),
)

TENSORS = Addition(
    "classes and tensors are looked at",
    "restore.tensors",
    assertions=(
        Assertion(
            "call.same-module",
            "assert all(its == classes for its in seen_classes)",
            setup="own_modules = [one for one in model.modules() if not isinstance(one, parametrize.ParametrizationList)]\n"
            "classes, seen_classes = [type(one) for one in own_modules], []\n"
            "model.register_forward_pre_hook(lambda module, args: seen_classes.append([*map(type, own_modules)]))",
        ),
        Assertion(
            "restore.tensors",
            f"assert {_LOOK.format('looked_at')} == looks",
            setup=f"looked_at = [one for one in [*{_OWN}, *{_GIVEN}] if isinstance(one, torch.Tensor)]\n"
            f"looks = {_LOOK.format('looked_at')}",
        ),
    ),
    cached=True,
    defaults=("act",),
)

_FREED = Addition(
    "what is given is freed",
    "restore.freed",
    model="model.first = nn.Parameter(torch.zeros(1))",
    assertions=tuple(
        afterwards(
            "restore.freed",
            f"""
            gc.disable()
            mine = {{name: torch.ones(1) for name in {names}}}
            held = [weakref.ref(one) for one in mine.values()]
            try:
                functional_call(model, mine, torch.tensor(3.0){flags})
            except Exception:
                pass
            del mine
            freed = [reference() is None for reference in held]
            gc.enable()
            assert all(freed)
            """,
        )
        for names, flags in (
            ('("first",)', ""),
            ('("fresh",)', ""),
            ('("first", "fresh")', ""),
            ('("first", "nowhere.first")', ""),
            ('("first",)', ", strict=True"),
            ('("first",)', ", tie_weights=False"),
        )
    ),
    defaults=ALONE,  # an error that the plan keeps would hold what its traceback holds
    complete=False,
)

_MODULE_FREED = Addition(
    "the module is freed",
    "restore.freed",
    before="mine = nn.Sequential(nn.Linear(1, 1))",
    assertions=(
        afterwards(
            "restore.freed",
            """
            gc.disable()
            held = [weakref.ref(mine), weakref.ref(mine[0])]
            functional_call(mine, {"0.bias": torch.ones(1)}, torch.ones(1, 1))
            del mine
            freed = [reference() is None for reference in held]
            gc.enable()
            assert all(freed)
            """,
        ),
    ),
)

_GROWTH = Addition(
    "many calls are made",
    "state.growth",
    before="linear = nn.Linear(1, 1)",
    assertions=(
        afterwards(
            "state.growth",
            """
            def objects(calls):
                for _ in range(calls):
                    functional_call(linear, {"bias": torch.ones(1)}, torch.ones(1, 1))
                gc.collect()
                return len(gc.get_objects())


            objects(3)
            before = objects(3)
            assert objects(60) < before + 50
            """,
        ),
    ),
)

_OF_LINEAR = Addition(
    "tensors of a Linear are looked at",
    "restore.tensors",
    before="linear = nn.Linear(1, 1)",
    assertions=(
        afterwards(
            "restore.tensors",
            f"""
            looked_at = [*linear.parameters(), torch.ones(1), nn.Parameter(torch.ones(1, 1)), 2 * torch.ones(1).requires_grad_()]
            looks = {_LOOK.format("looked_at")}
            functional_call(linear, {{"weight": looked_at[3], "bias": looked_at[4]}}, torch.ones(1, 1))
            assert {_LOOK.format("looked_at")} == looks
            """,
        ),
    ),
)

ADDITIONS = (INTERPRETER, TENSORS, _FILTERS, _FREED, _MODULE_FREED, _GROWTH, _OF_LINEAR)
