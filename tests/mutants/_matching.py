"""Where in a function a piece of code stands, whatever the names of the variables there. _changes.py says what fits."""

from __future__ import annotations

import ast
import builtins
import copy
import symtable
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mutants._names import NAMES

Block = list[Any]  # of statements, of arguments ...


class ChangeError(ValueError):
    """A change can't be made: its function or the code that it quotes is not there, or there more than once."""


@dataclass
class Match:
    """Where the old code is found.

    Attributes:
        node, field, start, stop: these items of that list; where `start` is None, what the field holds.
        names: the names of the old code, and what they are called there.
        holes: what each `...` stands for, by its position in the old code.
    """

    node: ast.AST
    field: str
    start: int | None = None
    stop: int | None = None
    names: dict[str, str] = field(default_factory=dict)
    holes: dict[tuple[int, int], Block] = field(default_factory=dict)

    def matched(self) -> Block:
        value = getattr(self.node, self.field)
        return [value] if self.start is None else value[self.start : self.stop]

    def put(self, new: Block) -> None:
        if self.start is None:
            (one,) = new
            setattr(self.node, self.field, one)
            return
        block = getattr(self.node, self.field)
        block[self.start : self.stop] = new
        if not block:
            block.append(ast.Pass())

    def fillings(self) -> list[Block]:
        return [self.holes[position] for position in sorted(self.holes)]


class Place:
    """A function, or a class, of the module, and the names in it; without a name the module itself.

    Attributes:
        node, owner: it, and what it stands in.
        local: the names of its variables.
        known: by _names.py, what mutants call a variable -> what it is called here; only what is renamed.
    """

    def __init__(self, tree: ast.Module, name: str) -> None:
        self.name = name
        self.node: Any = tree
        for part in name.split(".") if name else ():
            self.owner = self.node
            kinds = ast.FunctionDef | ast.ClassDef
            named = [one for one in self.owner.body if isinstance(one, kinds) and one.name == part]
            if len(named) != 1:
                raise ChangeError(f"{name}: expected one such function, found {len(named)}")
            self.node = named[0]
        self.local = {getattr(node, key) for node, key in _names_of(self.node) if _binds(node, key)}
        self._global = {*dir(builtins)}.union(*map(_bound_by, tree.body))
        found = [*map(self._variables, NAMES.get(name, ()))]
        self.known = {ours: theirs for names in found for ours, theirs in names.items() if ours not in self.local}

    def the_one(self, code: str, matches: Iterator[Match]) -> Match:
        """The place that is meant.

        Raises:
            ChangeError: there is none, or more than one.
        """
        every = list(matches)
        exact = [one for one in every if all(self.known.get(old, old) == new for old, new in one.names.items())]
        if len(exact or every) != 1:
            raise ChangeError(f"{self.name}: expected once, found {len(exact or every)} times: {code!r}")
        return (exact or every)[0]

    def statements(self, old: Block) -> Iterator[Match]:
        """Where these statements follow one another."""
        for node in self._walk():
            for key, block in ast.iter_fields(node):
                if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                    for start in range(len(block) - len(old) + 1):
                        match = Match(node, key, start, start + len(old))
                        if self._all_fit(old, block[start : start + len(old)], match):
                            yield match

    def expressions(self, old: ast.expr) -> Iterator[Match]:
        """Where this expression stands."""
        for node in self._walk():
            for key, value in ast.iter_fields(node):
                for n, one in enumerate(value if isinstance(value, list) else [value]):
                    match = Match(node, key, n, n + 1) if isinstance(value, list) else Match(node, key)
                    if isinstance(one, ast.expr) and self._fits(old, one, match):
                        yield match

    def own(self, new: Block, names: dict[str, str], holes: list[Block] | None = None) -> Block:
        """The new code, with the names of this function, and with what `...` stands for."""
        renamed = {**self.known, **names}
        for one in new:
            for node, key in _names_of(one):
                setattr(node, key, renamed.get(getattr(node, key), getattr(node, key)))
        if holes is None:
            return new
        frame = ast.Module(new, [])
        positions = sorted(map(_position, filter(_is_hole, _top_down(frame))))
        if len(holes) == 1:
            holes = holes * len(positions)
        if len(positions) > len(holes):
            raise ChangeError(f"{self.name}: `...` is there more often than in the old code")
        _fill(frame, dict(zip(positions, holes, strict=False)))
        return frame.body

    def _walk(self) -> Iterator[ast.AST]:
        """Every node of the body; of a class without its functions."""
        yield ast.Module(self.node.body, [])
        is_class = isinstance(self.node, ast.ClassDef)
        for statement in self.node.body:
            if not (is_class and isinstance(statement, ast.FunctionDef)):
                yield from ast.walk(statement)

    def _variables(self, code: str) -> dict[str, str]:
        """What the variables of a line of _names.py are called here; none where the line does not fit, or fits twice."""
        if not code.startswith("("):
            matches = list(self.statements(parse(code)))
            return matches[0].names if len(matches) == 1 else {}
        (function,) = parse(f"def function{code}: pass")
        ours, theirs = ([one.arg for one in node.args.args] for node in (function, self.node))
        return dict(zip(ours, theirs, strict=True)) if len(ours) == len(theirs) else {}

    def _fits(self, old: Any, new: Any, match: Match) -> bool:
        if _is_hole(old):
            match.holes[_position(old)] = [new]
            return True
        if not isinstance(old, ast.AST):
            return bool(old == new)
        if type(old) is not type(new):
            return False
        for key, value in ast.iter_fields(old):
            other = getattr(new, key)
            if _is_name(old, key):
                fits = self._names_fit(value, other, match.names)
            elif isinstance(value, list):
                fits = self._all_fit(value, other, match)
            else:
                fits = key in ("ctx", "kind", "type_comment") or self._fits(value, other, match)
            if not fits:
                return False
        return True

    def _all_fit(self, old: Block, new: Block, match: Match) -> bool:
        holes = [n for n, one in enumerate(old) if _is_hole(one)]
        if holes:
            before, after = old[: holes[0]], old[holes[0] + 1 :]
            stop = len(new) - len(after)
            if stop < len(before):
                return False
            match.holes[_position(old[holes[0]])] = new[len(before) : stop]
            old, new = [*before, *after], [*new[: len(before)], *new[stop:]]
        return len(old) == len(new) and all(self._fits(one, other, match) for one, other in zip(old, new, strict=True))

    def _names_fit(self, old: str | None, new: str | None, names: dict[str, str]) -> bool:
        if old is None or new is None or (old in self._global and old not in self.local):
            return old == new
        if new not in self.local:
            return False
        if old not in names and new not in names.values():
            names[old] = new
        return names.get(old) == new


def unknown_names(source: str) -> set[str]:
    """Names that its functions read and nobody binds."""
    module = symtable.symtable(source, "source", "exec")
    known = {*dir(builtins), *module.get_identifiers()}
    tables, unknown = [module], set()
    for table in tables:
        tables += table.get_children()
        read = {one.get_name() for one in table.get_symbols() if one.is_global() and one.is_referenced()}
        unknown |= read - known
    return unknown


def parse(code: str) -> Block:
    """The statements, however indented."""
    return ast.parse(textwrap.dedent(code).strip()).body


def is_expression(block: Block) -> bool:
    return len(block) == 1 and isinstance(block[0], ast.Expr)


def _is_hole(node: Any) -> bool:
    if isinstance(node, ast.Expr):
        node = node.value
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _position(hole: Any) -> tuple[int, int]:
    return hole.lineno, hole.col_offset


def _top_down(node: ast.AST) -> Iterator[ast.AST]:
    """Every node, but nothing within a hole: the statement `...` holds the expression `...`."""
    yield node
    for child in ast.iter_child_nodes(node):
        if _is_hole(child):
            yield child
        else:
            yield from _top_down(child)


def _fill(node: ast.AST, holes: dict[tuple[int, int], Block]) -> None:
    for key, value in ast.iter_fields(node):
        if isinstance(value, list):
            filled = [holes[_position(one)] if _is_hole(one) else [one] for one in value]
            for one in value:
                if isinstance(one, ast.AST) and not _is_hole(one):
                    _fill(one, holes)
            setattr(node, key, [copy.deepcopy(item) for items in filled for item in items])
        elif _is_hole(value):
            (one,) = holes[_position(value)]
            setattr(node, key, copy.deepcopy(one))
        elif isinstance(value, ast.AST):
            _fill(value, holes)


def _is_name(node: ast.AST, key: str) -> bool:
    """Whether this field is the name of a variable."""
    kinds = {"id": ast.Name, "arg": ast.arg, "name": ast.ExceptHandler | ast.FunctionDef}
    return key in kinds and isinstance(node, kinds[key])


def _names_of(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """The nodes, and their fields, that are names of variables; of a function, without its own name."""
    for one in ast.walk(node):
        for key in ("id", "arg", "name"):
            if _is_name(one, key) and getattr(one, key) is not None and (one is not node or key != "name"):
                yield one, key


def _binds(node: ast.AST, key: str) -> bool:
    return key != "id" or not isinstance(node.ctx, ast.Load)  # type: ignore[attr-defined]


def _bound_by(statement: ast.stmt) -> set[str]:
    """The names that a statement of the module binds there."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(one.asname or one.name).partition(".")[0] for one in statement.names}
    return {name.id for name in ast.walk(statement) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
