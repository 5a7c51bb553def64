"""The vendors' own types as judges: what they do not know, or miss, is a failure.

The packages read answers with `construct`, which checks nothing; `model_validate` does, but lets unknown members
through, because the types allow extras. So `strict` also compares what was read with what was there.
"""

from __future__ import annotations

from typing import Any

from anthropic.types import RawMessageStreamEvent
from pydantic import BaseModel, TypeAdapter

EVENTS: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
EXTENSIONS = {"reasoning_content", "reasoning_details", "annotations", "images", "extra_content"}
"""Members of chat messages or their deltas that the vendor's types do not have, but clients and other providers know."""


class UnknownMemberError(AssertionError):
    """A member that the vendor's type does not have."""


def strict(kind: type[BaseModel], data: Any) -> BaseModel:
    """`data` as the vendor's type; raises where it is not exactly that."""
    found = kind.model_validate(data)
    refuse_extras(found, kind.__name__)
    return found


def strict_event(data: Any) -> Any:
    """`data` as one of Anthropic's stream events (`ping` and `error` are no types of the package)."""
    if data.get("type") in ("ping", "error"):
        return data
    found = EVENTS.validate_python(data)
    refuse_extras(found, data["type"])
    return found


def refuse_extras(value: Any, place: str) -> None:
    if isinstance(value, BaseModel):
        for name in value.model_extra or {}:
            if name not in EXTENSIONS:
                raise UnknownMemberError(f"{place}.{name}")
        for name in type(value).model_fields:
            refuse_extras(getattr(value, name), f"{place}.{name}")
    elif isinstance(value, list):
        for each in value:
            refuse_extras(each, place)
