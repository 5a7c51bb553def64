"""What a provider's answer under a status of 200 turns out to be: an answer, an error, or neither.

Dialects declare it: `answer_in` is what a whole answer must have, `error_inside` where an error would stand, and the
shapes (shapes.py) what is read must look like.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .losses import Loss
from .pointers import ABSENT, look, parse_pointer

if TYPE_CHECKING:
    from .dialects import Dialect

NULL = b"null"
KINDS = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}


def error_in(dialect: Dialect, body: Any) -> Any:
    """What stands where the dialect has its errors, if it says anything; else None."""
    if dialect.error_inside is None or not isinstance(body, dict):
        return None
    found = look(body, parse_pointer(dialect.error_inside))
    return None if found is ABSENT else found or None


def misshapen(dialect: Dialect, kind: str, value: Any) -> str:
    """What is wrong with the shape of a `response` or an `event`, as the end of a sentence; empty if nothing is."""
    shape = dialect.shapes.get(kind)
    return "" if shape is None else shape.fault(value)


def lack_of(dialect: Dialect, body: Any) -> str:
    """Why `body` is no whole answer, as the end of a sentence; the empty text if it is one."""
    if not dialect.answer_in:
        return "it is null" if body is None else ""
    if not isinstance(body, dict):
        return f"it is {KINDS.get(type(body), 'a number')}"
    for pointer in dialect.answer_in:
        if look(body, parse_pointer(pointer)) not in (ABSENT, None):
            return ""
    return f"it has no {' and no '.join(dialect.answer_in)}"


def plainly_sound(dialect: Dialect, values: Mapping[str, Any]) -> bool:
    """Whether it takes no closer look to say of an object that it is an answer and tells no error.

    `values` are those of its members, as bytes of JSON.
    """
    error, expected = first_steps(dialect.error_inside, dialect.answer_in)
    if error in values and bytes(values[error]) != NULL:
        return False
    for path in expected:
        if is_there(values, path):
            return True
    return not expected


def is_there(values: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Whether something stands at `/name` or `/name/0`, as far as the first bytes of the member tell."""
    value = bytes(values.get(path[0], NULL))
    if len(path) == 1:
        return value != NULL
    return path[1:] == ("0",) and value[:2] in (b"[{", b'["')


@lru_cache(maxsize=256)
def first_steps(error_inside: str | None, answer_in: tuple[str, ...]) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """The member that errors are in, and the ways to what is in each answer."""
    steps = parse_pointer(error_inside or "")
    return steps[0] if steps else "", tuple(parse_pointer(pointer) for pointer in answer_in)


def left_behind(dialect: Dialect, body: Any) -> list[Loss]:
    """Answers beside the one that is translated: where `answer_in` leads to the first of several."""
    losses = []
    for pointer in dialect.answer_in:
        *way, last = parse_pointer(pointer)
        several = look(body, way)
        if last == "0" and isinstance(several, list):
            losses += [Loss("unsupported", f"{'.'.join(way)}[{index}]") for index in range(1, len(several))]
    return losses
