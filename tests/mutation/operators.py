"""Every small change of a source file that the usual operators make, one at a time."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip
COPIES = ("list", "dict", "set", "tuple", "reversed", "sorted", "id")
REMOVABLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.Raise, ast.If, ast.For, ast.While)


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        place: the function it is in.
        before, after: the changed piece of source, as Python writes it.
        source: the whole changed file.
    """

    place: str
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.place}: {self.before} -> {self.after}"


def mutants(source: str) -> Iterator[Mutant]:
    """All of them, in the order of the file; no two with the same source."""
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    for path, place in _places(tree, (), "module"):
        for after in _changes(_at(tree, path)):
            mutated = copy.deepcopy(tree)
            before = _at(mutated, path)
            _put(mutated, path, after)
            text = ast.unparse(ast.fix_missing_locations(mutated))
            if text not in seen and _compiles(text):
                seen.add(text)
                yield Mutant(place, _short(before), _short(after), text)


Path = tuple[tuple[str, int | None], ...]


def _places(node: ast.AST, path: Path, place: str) -> Iterator[tuple[Path, str]]:
    """Every node that runs when the function does: no annotations, docstrings, imports, messages of errors."""
    if isinstance(node, ast.FunctionDef):
        place = node.name if place == "module" else f"{place}.{node.name}"
    elif isinstance(node, ast.ClassDef):
        place = node.name
    if path:
        yield path, place
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases") or isinstance(
            node, ast.Import | ast.ImportFrom
        ):
            continue
        if isinstance(value, list):
            for n, item in enumerate(value):
                if isinstance(item, ast.AST) and not _is_text(item):
                    yield from _places(item, (*path, (field, n)), place)
        elif isinstance(value, ast.AST) and not _is_text(value):
            yield from _places(value, (*path, (field, None)), place)


def _is_text(node: ast.AST) -> bool:
    text = ast.JoinedStr | ast.Import | ast.ImportFrom
    return isinstance(node, text) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _changes(node: ast.AST) -> Iterator[ast.AST]:
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
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield body
            yield orelse
        case ast.Return(value=ast.AST()):
            yield ast.Return(ast.Constant(None))
        case ast.Continue():
            yield ast.Break()
        case ast.Try(body=body, handlers=handlers, finalbody=finalbody):
            if finalbody:
                yield (
                    ast.Try([*body, *finalbody], handlers, [], [])
                    if handlers
                    else ast.If(ast.Constant(True), _finally_on_success(body, finalbody), [])
                )
            for n in range(len(handlers)):
                rest = handlers[:n] + handlers[n + 1 :]
                yield ast.Try(body, rest, [], finalbody) if rest or finalbody else ast.If(ast.Constant(True), body, [])
        case ast.comprehension(ifs=ifs) if ifs:
            yield ast.comprehension(node.target, node.iter, [], node.is_async)
    if isinstance(node, ast.If | ast.While) and not isinstance(node.test, ast.Constant):
        for test in (ast.UnaryOp(ast.Not(), node.test), ast.Constant(True), ast.Constant(False)):
            yield type(node)(test, node.body, node.orelse)
    if isinstance(node, ast.For):
        first = ast.Subscript(ast.Call(ast.Name("list", ast.Load()), [node.iter], []), _slice(None, 1), ast.Load())
        yield ast.For(node.target, first, node.body, node.orelse)
    if isinstance(node, REMOVABLE):
        yield ast.Pass()


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


def _short(node: ast.AST) -> str:
    text = (
        " ".join(ast.unparse(ast.fix_missing_locations(node)).split())
        if not isinstance(node, ast.comprehension)
        else ast.dump(node)
    )
    return text if len(text) <= 160 else f"{text[:157]}..."
