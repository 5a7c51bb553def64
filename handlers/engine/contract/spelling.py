"""Members that may be written in snake_case although the contract declares them in camelCase (`x-spelling: camelCase`),
or that had another name once (`x-spelling: {old: new}`, members of the body itself).

Some APIs take either. The body is read as the contract spells it, so that whoever validates, translates or looks for
losses knows one spelling only; its bytes stay as they came, for a provider of the same kind. Only members that the
contract declares are respelt: what stands in objects of the caller's own (arguments, schemas) is nobody's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .document import follow

AFTER_UNDERSCORE = re.compile(r"_+([a-z0-9])")


@dataclass(slots=True)
class Shape:
    """What of a schema counts here: its declared members, what its elements are, what its other members are."""

    members: dict[str, Shape] = field(default_factory=dict)
    elements: Shape | None = None
    others: Shape | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    """Other names of members."""


def shape_of(document: Mapping[str, Any], schema: Any) -> Shape:
    """The shape of a schema of an OpenAPI document. Alternatives count together."""
    shape = Shape()
    schema = follow(document, schema)
    if not isinstance(schema, Mapping):
        return shape
    for word in ("oneOf", "anyOf", "allOf"):
        for branch in schema.get(word, ()):
            part = shape_of(document, branch)
            shape.members |= part.members
            shape.elements = shape.elements or part.elements
    shape.members |= {name: shape_of(document, each) for name, each in schema.get("properties", {}).items()}
    if "items" in schema:
        shape.elements = shape_of(document, schema["items"])
    if isinstance(schema.get("additionalProperties"), Mapping):
        shape.others = shape_of(document, schema["additionalProperties"])
    return shape


def respelt(value: Any, shape: Shape | None) -> Any:
    """`value` with its declared members in the contract's spelling: itself, where nothing is to be done."""
    if shape is None:
        return value
    if isinstance(value, list) and shape.elements is not None:
        elements = [respelt(each, shape.elements) for each in value]
        return elements if any(new is not old for new, old in zip(elements, value, strict=True)) else value
    if not isinstance(value, dict) or not (shape.members or shape.others or shape.names):
        return value
    found: dict[str, Any] = {}
    changed = False
    for name, member in value.items():
        known = name
        if name in shape.names:
            known = shape.names[name] if shape.names[name] not in value else name
        elif "_" in name and name not in shape.members:
            other = in_camel_case(name)
            known = other if other in shape.members and other not in value else name
        new = respelt(member, shape.members.get(known, shape.others))
        changed = changed or known != name or new is not member
        found[known] = new
    return found if changed else value


def in_camel_case(name: str) -> str:
    return AFTER_UNDERSCORE.sub(lambda found: found[1].upper(), name)
