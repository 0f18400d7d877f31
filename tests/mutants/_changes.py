"""Changes of a source file: what makes a mutant of _base.py.

A change names the function that it is made in ("functional_call", "_Swap.tie"; a class, for what stands in its body beside its
functions) and quotes the code that it replaces, or that it stands before or after. The quote and the function are compared as
syntax trees, so neither comments nor line breaks nor other functions matter. The new code is Python, indented as one likes.

* The quoted names of the function's own variables are free: code with other names fits as well, where each name of the one always
  stands for the same name of the other, and the new code gets these names. The quote must fit one place only; where it fits
  several, but one with the very names, it is that one. A variable that the new code takes and the quote has not is found by
  _names.py, where the function has renamed it.
* `...` in the quote is any one expression, any arguments, or any statements: `if key in other: ...`. In the new code the first
  `...` is what the first one of the quote was, and so on; where the quote has one, every one is that.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from mutants._matching import Place, is_expression, parse


@dataclass(frozen=True)
class TopLevel:
    """Statements for the whole module, such as an import or another function. They stand after its imports."""

    new: str

    def apply(self, tree: ast.Module) -> None:
        imports = [n for n, one in enumerate(tree.body) if isinstance(one, ast.Import | ast.ImportFrom)]
        tree.body[imports[-1] + 1 : imports[-1] + 1] = parse(self.new)


@dataclass(frozen=True)
class First:
    """Statements that run first in a function, or stand first in a class."""

    function: str
    new: str

    def apply(self, tree: ast.Module) -> None:
        place = Place(tree, self.function)
        start = 0 if ast.get_docstring(place.node, clean=False) is None else 1
        place.node.body[start:start] = place.own(parse(self.new), {})


@dataclass(frozen=True)
class Signature:
    """Other parameters: all of them, in parentheses, as they follow the name of the function."""

    function: str
    new: str

    def apply(self, tree: ast.Module) -> None:
        place = Place(tree, self.function)
        (function,) = parse(f"def function{self.new.strip()}: pass")
        place.node.args = function.args


@dataclass(frozen=True)
class Whole:
    """Another function, of the same name, in place of this one."""

    function: str
    new: str

    def apply(self, tree: ast.Module) -> None:
        place = Place(tree, self.function)
        siblings = place.owner.body
        siblings[siblings.index(place.node) : siblings.index(place.node) + 1] = parse(self.new)


@dataclass(frozen=True)
class Replace:
    """Code in place of other code: an expression for an expression, or any statements for some that follow one another."""

    function: str
    old: str
    new: str

    def apply(self, tree: ast.Module) -> None:
        place = Place(tree, self.function)
        old, new = parse(self.old), parse(self.new)
        if is_expression(old) and is_expression(new):
            found = place.the_one(self.old, place.expressions(old[0].value))
            new = [new[0].value]
        else:
            found = place.the_one(self.old, place.statements(old))
        found.put(place.own(new, found.names, found.fillings()))


@dataclass(frozen=True)
class Before:
    """Statements before one, or before some that follow one another."""

    function: str
    old: str
    new: str

    def apply(self, tree: ast.Module) -> None:
        place = Place(tree, self.function)
        found = place.the_one(self.old, place.statements(parse(self.old)))
        found.put([*place.own(parse(self.new), found.names), *found.matched()])


@dataclass(frozen=True)
class After:
    """Statements after one, or after some that follow one another."""

    function: str
    old: str
    new: str

    def apply(self, tree: ast.Module) -> None:
        place = Place(tree, self.function)
        found = place.the_one(self.old, place.statements(parse(self.old)))
        found.put([*found.matched(), *place.own(parse(self.new), found.names)])


Change = TopLevel | First | Signature | Whole | Replace | Before | After
