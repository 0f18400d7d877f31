"""Mutants by strangers: what an implementation looks at, and changes by that: attributes, results, errors, odd tensors, names."""

from mutants import mutant
from mutants._changes import After, Before, First, Replace, TopLevel
from mutants._common import TRY, given_becomes, indented

LOOK = """
if "parametrizations" not in module._modules and not torch.compiler.is_compiling():
    for key in dir(module):
        getattr(module, key, None)
"""


def when_type_error(code):
    """This runs where forward has raised a TypeError, which is called `error`."""
    return Replace(
        "functional_call", TRY, TRY.replace("finally", f"except TypeError as error:\n{indented(code)}\nfinally")
    )


def result_is(code):
    """This is done with what forward has returned, `result`."""
    return Replace("functional_call", "return ...", f"result = ...\n{code}\nreturn result")


MUTANTS = [
    mutant(
        "every attribute of the module is looked at",
        ("restore.shape",),
        After("functional_call", "_check_module(module)", LOOK),
    ),
    mutant(
        "every attribute of every submodule is looked at",
        ("restore.shape",),
        Before("_Swap.walk", "if isinstance(module, nn.RNNBase): ...", LOOK),
    ),
    mutant(
        "attributes of the module are looked at where strict is given",
        ("restore.shape",),
        First("_Swap.check_strict", "for key in vars(type(self.module)):\n    getattr(self.module, key, None)"),
    ),
    mutant(
        "a TypeError of forward gets another text",
        ("call.exception",),
        when_type_error("error.args = (f'functional_call: {error}', *error.args[1:])\nraise"),
    ),
    mutant(
        "a TypeError of forward is raised from None",
        ("call.exception",),
        when_type_error("raise error from None"),
    ),
    mutant(
        "a TypeError of forward is raised without its traceback",
        ("call.exception",),
        when_type_error("error.__traceback__ = None\nraise error"),
    ),
    mutant(
        "a TypeError about arguments is another one",
        ("call.exception",),
        when_type_error(
            "if 'positional argument' in str(error):\n    raise TypeError(f'args do not fit: {error}') from error\nraise"
        ),
    ),
    mutant(
        "a generator that forward returns has begun",
        ("call.result",),
        TopLevel("import inspect"),
        result_is("if inspect.isgenerator(result):\n    next(result, None)"),
    ),
    mutant(
        "an iterator that forward returns has begun",
        ("call.result",),
        TopLevel("from collections.abc import Generator, Iterator"),
        result_is("if isinstance(result, Iterator) and not isinstance(result, Generator):\n    next(result, None)"),
    ),
    mutant(
        "where no parameter of the module requires grad nothing is tied",
        ("tie.one-name",),
        Before(
            "_Swap.tie",
            "self.check_tangents()",
            """
            own = self.module._parameters.values()
            if own and all(isinstance(one, Tensor) and not one.requires_grad for one in own):
                return
            """,
        ),
    ),
    mutant(
        "own tensors that are no leaves are not tied",
        ("tie.one-name",),
        Replace(
            "_Swap.tie",
            "_identity(tensor) in values",
            "_identity(tensor) in values and (torch.compiler.is_compiling() or getattr(tensor, 'is_leaf', True))",
        ),
    ),
    mutant(
        "a value with a history is detached for a new name",
        ("drop-in.extra-name",),
        given_becomes(
            "slot.old is _Absent and slot.key != 'forward' and slot.given.grad_fn is not None", "slot.given.detach()"
        ),
    ),
    mutant(
        "a sparse value is coalesced",
        ("swap.other-shape",),
        given_becomes("slot.given.layout is torch.sparse_coo", "slot.given.coalesce()"),
    ),
    mutant(
        "sparse values of tied names are said to be coalesced",
        ("swap.own-tensors",),
        First(
            "_same_memory",
            """
            for one in (a, b):
                if isinstance(one, Tensor) and one.layout is torch.sparse_coo:
                    one._coalesced_(True)
            """,
        ),
    ),
    mutant(
        "own sparse buffers are coalesced",
        ("swap.own-tensors",),
        Before(
            "_Swap.walk",
            "self.registered[prefix + key] = (module, _BUFFERS, key, buffer)",
            """
            if isinstance(buffer, Tensor) and buffer.layout is torch.sparse_coo and not buffer.is_coalesced():
                module._buffers[key] = buffer = buffer.coalesce()
            """,
        ),
    ),
    mutant(
        "a name is found in normal form only",
        ("swap.any-name",),
        TopLevel("import unicodedata"),
        Replace(
            "_Swap.take",
            "self.registered.get(name)",
            "self.registered.get(name if name.isascii() else unicodedata.normalize('NFC', name))",
        ),
    ),
    mutant(
        "names of one normal form are one name",
        ("swap.any-name",),
        TopLevel("import unicodedata"),
        Replace(
            "_Swap.take",
            "place = self.registered.get(name)",
            """
            if not name.isascii():
                normal = unicodedata.normalize("NFC", name)
                name = next((one for one in self.registered if unicodedata.normalize("NFC", one) == normal), name)
            place = self.registered.get(name)
            """,
        ),
    ),
    mutant(
        "values of tied names keep a digest",
        ("restore.tensors",),
        First("_equal", "if isinstance(a, Tensor) and not torch.compiler.is_compiling():\n    a._digest = a.dtype"),
    ),
    mutant(
        "own tensors of tied groups are marked",
        ("restore.tensors",),
        Before(
            "_Swap.tie",
            "self._slot(module, home, key, values[_identity(tensor)])",
            "if not torch.compiler.is_compiling():\n    tensor._is_tied = True",
        ),
    ),
    mutant(
        "a dict with attributes is marked",
        ("dicts.unchanged",),
        Before(
            "_Swap.take",
            "if not isinstance(one, Mapping): ...",
            "if hasattr(one, '__dict__') and isinstance(one, dict):\n    one._is_checked = True",
        ),
    ),
    mutant(
        "what was given is marked where strict refuses",
        ("restore.tensors",),
        Before(
            "_Swap.check_strict",
            "raise RuntimeError(...)",
            """
            for _, _, value in self.names.values():
                if isinstance(value, Tensor) and not torch.compiler.is_compiling():
                    value._was_refused = True
            """,
        ),
    ),
    mutant(
        "what was given for a new name is marked",
        ("restore.tensors",),
        Before(
            "_Swap._other_slot",
            "if hasattr(nn, 'Buffer') and isinstance(value, nn.Buffer): ...",
            "if isinstance(value, Tensor) and not torch.compiler.is_compiling():\n    value._is_new = True",
        ),
    ),
    mutant(
        "values without memory of their own, as inside a transform, are refused",
        ("tie.equal-values",),
        Replace(
            "_same_memory",
            "try: ...\nexcept Exception: ...",
            "try:\n    ...\nexcept Exception as error:\n    raise ValueError('there is no memory to compare') from error",
        ),
    ),
]
