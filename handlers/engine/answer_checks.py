"""What a provider's answer under a status of 200 turns out to be: an answer, an error, or neither.

Dialects declare both: `answer_in` is what a whole answer must have, `error_inside` where an error would stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .pointers import ABSENT, look, parse_pointer

if TYPE_CHECKING:
    from .dialects import Dialect

KINDS = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}


def error_in(dialect: Dialect, body: Any) -> Any:
    """What stands where the dialect has its errors, if it says anything; else None."""
    if dialect.error_inside is None or not isinstance(body, dict):
        return None
    found = look(body, parse_pointer(dialect.error_inside))
    return None if found is ABSENT else found or None


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
