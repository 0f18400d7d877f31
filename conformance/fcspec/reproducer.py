"""The example of a clause as a script that needs torch and the implementation, and nothing of the suite."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator

from fcspec.spec import Clause, Spec
from fcspec.target.address import Address

_TORCH = "import torch"


def script_of(clause: Clause, spec: Spec, address: Address, folder: str | None = None) -> str:
    """A script that fails where the implementation at `address` breaks the examples of `clause`.

    Of the definitions of SPEC.md it has those that the examples name, and those that these name.

    Args:
        folder: where a relative path of the address starts; None: in the current one.
    """
    body = _Code(_without_pytest("\n".join(example.code for example in clause.examples)))
    needed = _needed(body, _Code("\n".join(example.code for example in spec.definitions)))
    own_imports = [node for node in body.tree.body if _is_import(node)]
    imports = {_TORCH, *map(body.text, own_imports), *(text for node, text in needed if _is_import(node))}
    law = " ".join(clause.law.split("\n\n")[0].replace("`", "").split())
    heading = textwrap.wrap(f"{clause.slug} · {clause.level}: {law}", 110, initial_indent="# ", subsequent_indent="# ")
    top = [*heading, *sorted(imports, key=lambda line: (line.startswith("from"), line)), *address.import_lines(folder)]
    blocks = ["\n".join(top), *(text for node, text in needed if not _is_import(node)), body.without(own_imports)]
    return "\n\n\n".join(block.strip("\n") for block in blocks) + "\n"


class _Code:
    """Source code and its tree."""

    def __init__(self, code: str) -> None:
        self._lines, self.tree = code.splitlines(), ast.parse(code)

    def text(self, node: ast.stmt) -> str:
        return "\n".join(self._lines[line] for line in _lines_of(node))

    def without(self, nodes: Iterable[ast.stmt]) -> str:
        gone = {line for node in nodes for line in _lines_of(node)}
        return "\n".join(text for line, text in enumerate(self._lines) if line not in gone)


def _lines_of(node: ast.stmt) -> range:
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
    return range(first - 1, node.end_lineno or node.lineno)


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _needed(body: _Code, definitions: _Code) -> list[tuple[ast.stmt, str]]:
    """The definitions that a body names, directly or through others, in the order in which they stand."""
    bound = {name: node for node in definitions.tree.body for name in _binds(node)}
    needed: set[ast.stmt] = set()
    waiting = _names(body.tree)
    while waiting:
        node = bound.get(waiting.pop())
        if node is not None and node not in needed:
            needed.add(node)
            waiting |= _names(node)
    return [(node, definitions.text(node)) for node in definitions.tree.body if node in needed]


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _binds(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            yield name
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            yield from (alias.asname or alias.name for alias in aliases)
        case ast.Assign(targets=targets):
            yield from (name for target in targets for name in _names(target))


def _without_pytest(code: str) -> str:
    """Code in which `with raises(...)` of pytest is a try statement."""
    lines = code.splitlines()
    uses_re = False
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.With(items=[ast.withitem(context_expr=ast.Call(func=ast.Name(id="raises")) as call)]):
                pattern = next((ast.get_source_segment(code, one.value) for one in call.keywords), None)
                error, margin = ast.unparse(call.args[0]), " " * node.col_offset
                caught = [f"except {error}:", "    pass"]
                if pattern is not None:
                    uses_re = True
                    caught = [f"except {error} as error:", f"    assert re.search({pattern}, str(error)), error"]
                lines[node.lineno - 1] = f"{margin}try:"
                after = [*caught, "else:", '    raise AssertionError("no error")']
                last = (node.end_lineno or node.lineno) - 1
                lines[last] = "\n".join([lines[last], *(margin + line for line in after)])
    return "\n".join([*(["import re"] if uses_re else []), *lines])
