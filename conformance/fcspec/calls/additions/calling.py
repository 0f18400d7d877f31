"""How a call is made, what forward takes and returns, in which thread and transform it runs."""

from __future__ import annotations

from collections.abc import Iterator

from fcspec.calls.addition import ALONE, Addition, afterwards, code, in_forward
from fcspec.calls.assertion import Assertion

_KEYWORDS = (
    "module",
    "args",
    "kwargs",
    "strict",
    "tie_weights",
    "parameter_and_buffer_dicts",
    "target",
    "function",
    "fn",
    "func",
    "forward",
    "call",
    "name",
    "names",
    "values",
    "model",
    "state",
    "obj",
    "key",
)


def _keywords() -> Iterator[Addition]:
    for word in _KEYWORDS:
        yield Addition(
            f"a keyword {word} of forward",
            "args.any-keyword",
            before=code(f"""
                def without(module, args, kwargs):
                    kwargs.pop("{word}")
                    return args, kwargs


                handle = model.register_forward_pre_hook(without, with_kwargs=True)
                """),
            passing=f'({{x}},), {{"{word}": 1}}',
            defaults=("passing", "in_cached", "hook", "prior", "calls_inside"),
        )


_FALSE_KWARGS = Addition(
    "kwargs that are false",
    "args.kwargs",
    before=code("""
        class False_(dict):
            def __bool__(self):
                return False
        """),
    passing='(), False_({"x": {x}})',
    defaults=("passing", "location", "hook", "prior"),
)

_OWN_FORWARD = Addition(
    "a forward that stands on the instance",
    "call.hooks",
    model=code("""
        inner_forward = model.forward
        model.forward = lambda *args, **kwargs: 3 * inner_forward(*args, **kwargs)
        """),
    defaults=("calls_inside", "circular"),
)

_RESULTS = {
    "a list": "[output]",
    "a tuple": "(output,)",
    "a dict": "{0: output}",
    "an iterator": "iter([output])",
}


def _results() -> Iterator[Addition]:
    for what, made in _RESULTS.items():
        yield Addition(
            f"forward returns {what}",
            "call.result",
            before=code(f"""
                def wrap(module, args, output):
                    returned.append({made})
                    return returned[-1]


                returned = []
                model.register_forward_hook(wrap)
                """),
            result="outcome = {call}\nresult = outcome[0]"
            if "iter" not in made
            else "outcome = {call}\nresult = next(outcome)",
            assertions=(Assertion("call.result", "assert not returned or outcome is returned[-1]"),),
            defaults=("in_cached", "raises", "prior", "calls_inside", "circular"),
        )


_THREAD_OF_FORWARD = Addition(
    "forward runs in another thread",
    "swap.threads",
    before=code("""
        from concurrent.futures import ThreadPoolExecutor

        inner_forward = model.forward
        vars(model)["forward"] = lambda *args, **kwargs: pool.submit(inner_forward, *args, **kwargs).result()
        pool = ThreadPoolExecutor(1)
        """),
    result="with ThreadPoolExecutor(1) as pool:\n    result = {call}",
    defaults=("mode", "in_cached", "calls_inside", "circular", "prior", "value"),
)

_THREAD_OF_CALL = Addition(
    "the call is made in another thread",
    "swap.threads",
    before="from concurrent.futures import ThreadPoolExecutor",
    result="with ThreadPoolExecutor(1) as pool:\n    result = pool.submit(lambda: {call}).result()",
    defaults=("mode", "in_cached", "circular", "raises", "alike"),
)

_IN_INFERENCE = Addition(
    "the call is made in inference mode",
    "swap.identity",
    model="model.first = nn.Parameter(torch.ones(2))\none = torch.zeros(2)",
    entries=(("first", "one"),),
    contexts=("torch.inference_mode()",),
    no_grad=True,
    assertions=(in_forward("swap.identity", "module.first is one"),),
    defaults=("act", "prior"),
)

_READ_ONCE = Addition(
    "dicts that count what is read",
    "dicts.read-once",
    before=code("""
        class Counting(dict):
            def __getitem__(self, key):
                reads.append(key)
                return super().__getitem__(key)

            def get(self, key, default=None):
                reads.append(key)
                return super().get(key, default)

            def items(self):
                reads.extend(self)
                return super().items()

            def values(self):
                reads.extend(self)
                return super().values()


        reads = []
        counted = Counting(first=torch.ones(1))
        """),
    model="model.first = nn.Parameter(torch.zeros(1))",
    assertions=(
        afterwards(
            "dicts.read-once",
            """
            functional_call(model, counted, torch.tensor(3.0))
            assert len(reads) < 2
            """,
        ),
    ),
    defaults=(*ALONE, "strict"),
)

_SIGNATURE = Addition(
    "other calls of the same module are refused",
    "call.signature",
    assertions=(
        afterwards(
            "call.signature",
            """
            try:
                functional_call(model, {}, torch.tensor(3.0), tie_weight=False)
            except TypeError:
                pass
            else:
                raise AssertionError("no error")
            """,
        ),
        afterwards(
            "call.not-a-module",
            """
            try:
                functional_call(model.forward, {}, torch.tensor(3.0))
            except Exception as raised:
                message = str(raised).lower()
            else:
                message = ""
            assert "module" in message.replace("'_modules'", "")
            """,
        ),
    ),
    defaults=ALONE,
)

ADDITIONS = (
    *_keywords(),
    _FALSE_KWARGS,
    _OWN_FORWARD,
    *_results(),
    _THREAD_OF_FORWARD,
    _THREAD_OF_CALL,
    _IN_INFERENCE,
    _READ_ONCE,
    _SIGNATURE,
)
