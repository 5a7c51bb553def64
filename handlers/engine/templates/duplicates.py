"""Members that are written twice. In JSON the last one would win, in silence."""

from __future__ import annotations

from collections.abc import Iterable

from .problems import Problems
from .skeleton import Block, Choice, Container, Element, For, If, Item, Member, Value


def check_block(block: Block, problems: Problems) -> None:
    """Notes each member that is written twice in one object, in whatever branches. Branches of one `if` exclude each
    other."""
    _check_value(block.value, problems)


def _check_value(value: Value | None, problems: Problems) -> None:
    if isinstance(value, Choice):
        for branch in value.branches:
            _check_value(branch.body.value, problems)
    elif isinstance(value, Container):
        _names(value.items, problems)


def _names(items: Iterable[Item], problems: Problems) -> dict[str, int]:
    """The members that are written out among these items, with their lines."""
    seen: dict[str, int] = {}
    for item in items:
        found: dict[str, int] = {}
        if isinstance(item, Member | Element):
            _check_value(item.value, problems)
        if isinstance(item, Member) and isinstance(item.name, str):
            found = {item.name: item.line}
        elif isinstance(item, If):
            for branch in item.branches:
                found |= _names(branch.body, problems)
        elif isinstance(item, For):
            for name, line in _names(item.items, problems).items():
                hint = "A name that differs is a hole: {{ x.name }}: …"
                problems.note("T015", f"`{name}` would be written once in each round of the loop", line, hint)
        for name in found.keys() & seen.keys():
            hint = f"It stands in line {seen[name]} already; what excludes each other belongs into one if … else."
            problems.note("T015", f"`{name}` is written twice", found[name], hint)
        seen |= found
    return seen
