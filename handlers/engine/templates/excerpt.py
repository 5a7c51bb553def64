"""One member of what a template gives, for callers who need nothing else of it: the rest is not even computed."""

from __future__ import annotations

from dataclasses import replace

from jinja2 import nodes

from .skeleton import Block, Container, Hole, Member, Set


def excerpt(body: Block, name: str) -> Block | None:
    """The block that gives an object with just this member; None where it does not stand in the object plainly.

    Of the `set` statements those go which nothing that is left speaks of.
    """
    value = body.value
    if not isinstance(value, Container) or value.opened != "{":
        return None
    wanted = [item for item in value.items if isinstance(item, Member) and item.name == name]
    if len(wanted) != 1 or not all(isinstance(item, Set) for item in body.sets):
        return None
    only = wanted[0].value
    if not isinstance(only, Hole):
        return None
    named = names_in(only.expression)
    kept = []
    for statement in reversed(body.sets):
        if isinstance(statement, Set) and statement.name in named:
            named |= names_in(statement.expression)
            kept.append(statement)
    return Block(tuple(reversed(kept)), replace(value, items=tuple(wanted)))


def names_in(expression: nodes.Node) -> set[str]:
    found = {each.name for each in expression.find_all(nodes.Name)}
    return found | {expression.name} if isinstance(expression, nodes.Name) else found
