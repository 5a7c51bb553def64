"""Token counts of answers that pass through: read by the dialect's own templates from the counts alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from .dialects import Dialect

Counts = dict[str, int]

NUMBERS: frozenset[Any] = frozenset((int, float))
"""What JSON's numbers become; true and false are not among them."""


def usage_of_answer(dialect: Dialect, values: Mapping[str, Any]) -> Counts:
    """The neutral usage of a whole answer, whose members are given as bytes of JSON.

    The reader is given the counts and nothing else, which keeps it cheap.
    """
    if dialect.read_response is None:
        return {}
    counts = {name: orjson.loads(bytes(values[name])) for name in dialect.usage_in if name in values}
    if not counts:
        return {}
    read_usage = dialect.templates["read_response"].member("usage")
    response = read_usage({"body": counts, "request": {}, "values": {}})
    usage = response.get("usage") if isinstance(response, dict) else None
    return counts_of(usage)


def usage_of_event(dialect: Dialect, name: str | None, data: Any) -> Counts:
    """What one event of a stream says of the usage, as neutral counts."""
    if dialect.read_event is None or not isinstance(data, dict):
        return {}
    found: Counts = {}
    for loose in dialect.read_event({"data": data, "event": name, "request": {}, "values": {}}) or ():
        if loose.get("type") == "usage":
            found |= counts_of(loose)
    return found


def counts_of(usage: Any) -> Counts:
    """What of a usage are counts: a provider may say anything in their place."""
    if not isinstance(usage, dict):
        return {}
    return {name: int(value) for name, value in usage.items() if type(value) in NUMBERS and value >= 0}
