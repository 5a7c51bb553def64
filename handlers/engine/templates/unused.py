"""Names that nothing uses: imports, macros, parameters and `set`s. They are warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from .problems import Problems
from .skeleton import names_set

if TYPE_CHECKING:
    from .unit import Unit


def check_use(unit: Unit) -> None:
    """Warns of what is never used. A file that is imported gives its macros and constants to others."""
    used = loads(unit.tree.body)
    for node in unit.tree.body:
        if isinstance(node, nodes.FromImport):
            for name in node.names:
                _warn(unit.problems, name if isinstance(name, str) else name[1], used, node.lineno)
        elif isinstance(node, nodes.Macro):
            if unit.kind is not None:
                _warn(unit.problems, node.name, used, node.lineno)
            inside = loads(node.body)
            for argument in node.args:
                _warn(unit.problems, argument.name, inside, argument.lineno)
    for statement in unit.body.sets if unit.kind is not None else ():
        for name in names_set(statement):
            _warn(unit.problems, name, used, statement.line)


def _warn(problems: Problems, name: str, used: Counter[str], line: int) -> None:
    if not used[name]:
        problems.warn("T018", f"`{name}` is never used", line, "Take it out.")


def loads(body: Sequence[nodes.Node]) -> Counter[str]:
    """How often each name is read in a body."""
    return Counter(name.name for node in body for name in everywhere(node, nodes.Name) if name.ctx == "load")


def everywhere(node: nodes.Node, kind: type[nodes.Node]) -> Iterator[Any]:
    """The nodes of one kind in a tree, its root too."""
    if isinstance(node, kind):
        yield node
    yield from node.find_all(kind)
