"""Every small change of a source file that the usual operators make, one at a time."""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from mutants._changes import Replace
from mutants._matching import ChangeError

OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip
COPIES = ("list", "dict", "set", "tuple", "reversed", "sorted", "id")
REMOVABLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.Raise, ast.If, ast.For, ast.While)


Path = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        function: that it is in, as "World.put"; "" where it is in none.
        path: the changed node, from the top of the tree.
        original, source: the whole file without and with the change, as Python writes it.
    """

    function: str
    path: Path
    original: str
    source: str

    @functools.cached_property
    def quote(self) -> Replace:
        """The same change as one of hand-written mutants: what it quotes stands in the function once."""
        for length in range(len(self.path), 0, -1):
            before, after = (_at(ast.parse(text), self.path[:length]) for text in (self.original, self.source))
            if isinstance(before, ast.expr | ast.stmt) and not isinstance(before, ast.Slice):
                for old, new in (_heads(before, after), (before, after)):
                    change = Replace(self.function, ast.unparse(old), ast.unparse(new))
                    if changed(self.original, change) == self.source:
                        return change
        raise AssertionError(f"nothing around a node of {self.function!r} can be quoted")


def changed(source: str, change: Replace) -> str | None:
    """The whole changed file, as Python writes it; None: what the change quotes is not there, or not once."""
    tree = ast.parse(source)
    try:
        change.apply(tree)
    except ChangeError:
        return None
    return "\n".join(map(ast.unparse, ast.fix_missing_locations(tree).body))


def mutants(source: str) -> Iterator[Mutant]:
    """All of them, in the order of the file; no two with the same source."""
    tree = ast.parse(source)
    parts = [ast.unparse(part) for part in tree.body]
    original = "\n".join(parts)
    seen = set(enumerate(parts))
    for path, function in _places(tree, (), ""):
        (_, number), *inner = path
        node = _at(tree, path)
        for after in (*_of_expressions(node), *_of_statements(node)):
            mutated = ast.Module([copy.deepcopy(tree.body[number])], [])
            _put(mutated, (("body", 0), *inner), copy.deepcopy(after))
            part = ast.unparse(ast.fix_missing_locations(mutated))
            if (number, part) not in seen and _compiles(part):
                seen.add((number, part))
                yield Mutant(function, path, original, "\n".join([*parts[:number], part, *parts[number + 1 :]]))


def _places(node: ast.AST, path: Path, function: str, is_inside: bool = False) -> Iterator[tuple[Path, str]]:
    """Every node that runs when the function does: no annotations, docstrings, imports, messages of errors.

    Args:
        function: where the node stands.
        is_inside: it is in a function; those in there have no name of their own.
    """
    if path:
        yield path, function
    outside, has_name = function, isinstance(node, ast.FunctionDef | ast.ClassDef) and not is_inside
    if has_name:
        function = f"{function}.{node.name}".removeprefix(".")  # type: ignore[attr-defined]
    is_inside = is_inside or isinstance(node, ast.FunctionDef)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        place = outside if field == "args" and has_name else function
        for n, item in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(item, ast.AST) and not _is_text(item):
                yield from _places(item, (*path, (field, n)), place, is_inside)


def _is_text(node: ast.AST) -> bool:
    text = ast.JoinedStr | ast.Import | ast.ImportFrom
    return isinstance(node, text) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _of_expressions(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in OPPOSITES:
            yield ast.Compare(node.left, [OPPOSITES[type(op)]()], node.comparators)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for n in range(len(values)):
                rest = values[:n] + values[n + 1 :]
                yield ast.BoolOp(op, rest) if len(rest) > 1 else rest[0]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield ast.Constant(value + 1)
        case ast.Call(func=ast.Name(id=name), args=[argument]) if name in COPIES:
            yield argument
        case ast.Call(func=ast.Attribute(value=value, attr="copy"), args=[]):
            yield value
        case ast.IfExp(body=body, orelse=orelse):
            yield body
            yield orelse
        case ast.comprehension(ifs=ifs) if ifs:
            yield ast.comprehension(node.target, node.iter, [], node.is_async)


def _of_statements(node: ast.AST) -> Iterator[ast.stmt]:
    match node:
        case ast.Return(value=ast.AST()):
            yield ast.Return(ast.Constant(None))
        case ast.Continue():
            yield ast.Break()
        case ast.Try():
            yield from _of_try(node)
        case ast.If() | ast.While() if not isinstance(node.test, ast.Constant):
            for test in (ast.UnaryOp(ast.Not(), node.test), ast.Constant(True), ast.Constant(False)):
                yield type(node)(test, node.body, node.orelse)
        case ast.For():
            first = ast.Subscript(ast.Call(ast.Name("list", ast.Load()), [node.iter], []), _slice(None, 1), ast.Load())
            yield ast.For(node.target, first, node.body, node.orelse)
    if isinstance(node, REMOVABLE):
        yield ast.Pass()


def _of_try(node: ast.Try) -> Iterator[ast.stmt]:
    """Without `finally`, and without one of the handlers."""
    body, handlers, finalbody = node.body, node.handlers, node.finalbody
    if finalbody and handlers:
        yield ast.Try([*body, *finalbody], handlers, [], [])
    elif finalbody:
        yield ast.If(ast.Constant(True), _finally_on_success(body, finalbody), [])
    for n in range(len(handlers)):
        rest = handlers[:n] + handlers[n + 1 :]
        yield ast.Try(body, rest, [], finalbody) if rest or finalbody else ast.If(ast.Constant(True), body, [])


def _finally_on_success(body: list[ast.stmt], finalbody: list[ast.stmt]) -> list[ast.stmt]:
    """What stood in `finally` runs where nothing was raised; a `return` of the body comes after it."""
    *before, last = body
    if isinstance(last, ast.Return) and last.value is not None:
        result = ast.Assign([ast.Name("_result", ast.Store())], last.value)
        return [*before, result, *finalbody, ast.Return(ast.Name("_result", ast.Load()))]
    return [*body, *finalbody]


def _slice(start: int | None, end: int | None) -> ast.Slice:
    return ast.Slice(*(None if one is None else ast.Constant(one) for one in (start, end)))


def _at(node: ast.AST, path: Path) -> ast.AST:
    for field, n in path:
        value = getattr(node, field)
        node = value if n is None else value[n]
    return node


def _put(node: ast.AST, path: Path, new: ast.AST) -> None:
    *way, (field, n) = path
    owner = _at(node, tuple(way))
    if n is None:
        setattr(owner, field, new)
    else:
        getattr(owner, field)[n] = new


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def _heads(before: ast.AST, after: ast.AST) -> tuple[ast.AST, ast.AST]:
    """Two statements with `...` for blocks that they have in common, or that are gone."""
    before, after = copy.deepcopy(before), copy.deepcopy(after)
    for field in ("body", "orelse"):
        old, new = getattr(before, field, None), getattr(after, field, None)
        if isinstance(old, list) and old:
            is_common = isinstance(new, list) and list(map(ast.dump, old)) == list(map(ast.dump, new))
            if is_common:
                setattr(after, field, [ast.Expr(ast.Constant(...))])
            if is_common or isinstance(after, ast.Pass):
                setattr(before, field, [ast.Expr(ast.Constant(...))])
    return before, after
