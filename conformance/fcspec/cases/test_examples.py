"""Every example of SPEC.md is a test of its clause."""

import ast
import contextlib
import functools

import pytest
from _pytest.assertion.rewrite import rewrite_asserts

from fcspec.cases.support import compiling
from fcspec.plugin import Needs, clause, needs
from fcspec.spec import Clause, Example, load_spec

SPEC = load_spec()


@functools.cache
def _compile(example: Example):
    """The code object of an example; a failed assert shows its values, and tracebacks show lines of SPEC.md."""
    source = "\n" * (example.line - 1) + example.code
    tree = ast.parse(source)
    rewrite_asserts(tree, source.encode(), str(SPEC.path))
    return compile(tree, str(SPEC.path), "exec")


for definitions in SPEC.definitions:
    _compile(definitions)  # here, so that the children of all examples share it


DIFFERENTIATED = frozenset(
    ("grad.transform", "grad.detached", "grad.attached", "hazards.checkpoint", "call.no-operations")
)
"""Clauses of core whose examples use torch.func.grad and its like, torch.utils.checkpoint, or a TorchDispatchMode."""


def _marks(one: Clause):
    if one.profile == "compile":
        return [clause(one.slug), needs(Needs.COMPILER)]
    if one.profile == "transforms" or one.slug in DIFFERENTIATED:
        return [clause(one.slug), needs(Needs.TRANSFORMS)]
    return [clause(one.slug)]


@pytest.mark.parametrize("one", [pytest.param(one, id=one.slug, marks=_marks(one)) for one in SPEC.clauses])
def test_example(functional_call, one):
    if one.profile == "compile":
        compiling.require_compile()
        compiling.keep_from_tokenizing(SPEC.path)
        # else dynamo would trace the boundary with it
        functional_call.through(lambda bare: lambda: _run(one, bare, raises=_raises))()
    else:
        _run(one, functional_call)


def _run(one, functional_call, **instead):
    """
    Args:
        instead: what the example uses in the place of definitions.
    """
    scope = {"__name__": "SPEC", "functional_call": functional_call}
    for example in SPEC.definitions:
        exec(_compile(example), scope)
    scope |= instead
    for example in one.examples:
        exec(_compile(example), scope)


@contextlib.contextmanager
def _raises(error):
    """pytest.raises, but for what it says where nothing is raised: inside the boundary that would be the target's own speech."""
    try:
        yield
    except error:
        return
    raise AssertionError(f"DID NOT RAISE {error.__name__}")
