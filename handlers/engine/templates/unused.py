"""Names that nothing uses: imports, macros, parameters and `set`s. They are warnings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from jinja2 import nodes

from .problems import Problems
from .skeleton import names_set

if TYPE_CHECKING:
    from .unit import Unit


def check_use(unit: Unit) -> None:
    """Warns of what is never used. A file that is imported gives its macros and constants to others."""
    used = sum((written.inventory.loads for written in unit.macros.values()), unit.outer.loads)
    for node in unit.tree.body:
        if isinstance(node, nodes.FromImport):
            for name in node.names:
                _warn(unit.problems, name if isinstance(name, str) else name[1], used, node.lineno)
    for written in unit.macros.values():
        if unit.kind is not None:
            _warn(unit.problems, written.macro.name, used, written.line)
        for name, _ in written.macro.parameters:
            _warn(unit.problems, name, written.inventory.loads, written.line)
    for statement in unit.body.sets if unit.kind is not None else ():
        for name in names_set(statement):
            _warn(unit.problems, name, used, statement.line)


def _warn(problems: Problems, name: str, used: Counter[str], line: int) -> None:
    if not used[name]:
        problems.warn("T018", f"`{name}` is never used", line, "Take it out.")
