"""Token counts of answers that pass through: read by the dialect's own templates from the counts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .dialects import Dialect

Counts = dict[str, int]


def usage_of_answer(dialect: Dialect, body: Any) -> Counts:
    """The neutral usage of a whole answer: the reader is given the counts and nothing else, which keeps it cheap."""
    if dialect.read_response is None or not isinstance(body, dict):
        return {}
    counts = {name: body[name] for name in dialect.usage_in if name in body}
    if not counts:
        return {}
    response = dialect.read_response({"body": counts, "request": {}, "values": {}})
    usage = response.get("usage") if isinstance(response, dict) else None
    return dict(usage) if usage else {}


def usage_of_event(dialect: Dialect, name: str | None, data: Any) -> Counts:
    """What one event of a stream says of the usage, as neutral counts."""
    if dialect.read_event is None or not isinstance(data, dict):
        return {}
    found: Counts = {}
    for loose in dialect.read_event({"data": data, "event": name, "request": {}, "values": {}}) or ():
        if loose.get("type") == "usage":
            found |= {key: value for key, value in loose.items() if key != "type"}
    return found
