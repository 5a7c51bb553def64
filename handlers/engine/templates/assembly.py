"""Lines of Python that know which line of a template they come from, and the code object made of them."""

from __future__ import annotations

import ast
import warnings
from types import CodeType
from typing import Any, NamedTuple


class Row(NamedTuple):
    """A line of Python and the line of the template it comes from."""

    indent: int
    python: str
    line: int


def python(rows: list[Row]) -> str:
    """The rows as they are read by people."""
    return "\n".join("    " * row.indent + row.python for row in rows) + "\n"


def code(rows: list[Row], filename: str) -> CodeType:
    """Compiles the rows so that a traceback shows the template's own file and lines.

    Raises SyntaxError, RecursionError, MemoryError or ValueError where Python's own limits of nesting are met.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # `1 is none` is idle, but not wrong
        tree = ast.parse(python(rows))
        relocate(tree, [max(row.line, 1) for row in rows])
        return compile(tree, filename, "exec", dont_inherit=True)


def relocate(tree: ast.AST, lines: list[int]) -> None:
    """Gives each node the line of the template in place of the line of Python."""
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        if "lineno" in node.__dict__:
            node.lineno = node.end_lineno = lines[node.lineno - 1]
            node.col_offset = node.end_col_offset = 0
        for value in node.__dict__.values():
            if type(value) is list:
                waiting += [inner for inner in value if isinstance(inner, ast.AST)]
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                waiting.append(value)
