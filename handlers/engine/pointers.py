"""JSON pointers (RFC 6901): reading with them, and finding what they name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

ABSENT: Any = object()
"""What a pointer that leads nowhere finds; None is a value."""


@lru_cache(maxsize=4096)
def parse_pointer(text: str) -> tuple[str, ...]:
    """The steps of a pointer; `()` is the whole. Raises ValueError where it is none."""
    if text == "":
        return ()
    if not text.startswith("/"):
        raise ValueError(f"{text!r} does not begin with a slash.")
    steps = text[1:].split("/")
    for step in steps:
        bare = step.replace("~0", "").replace("~1", "")
        if "~" in bare:
            raise ValueError(f"{text!r} has a ~ that is neither ~0 nor ~1.")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in steps)


def write_pointer(steps: Iterable[str | int]) -> str:
    """The pointer of some steps."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def look(value: Any, steps: Iterable[str]) -> Any:
    """What stands at the end of `steps`, or ABSENT."""
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step, ABSENT)
        elif isinstance(value, list):
            index = array_index(step, len(value))
            value = ABSENT if index is None else value[index]
        else:
            return ABSENT
        if value is ABSENT:
            return ABSENT
    return value


def array_index(step: str, length: int) -> int | None:
    """The index a step names in an array of this length, or None."""
    if not step.isascii() or not step.isdigit() or (len(step) > 1 and step[0] == "0"):
        return None
    return int(step) if len(step) < 10 and int(step) < length else None
