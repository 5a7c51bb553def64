"""Filters of numbers and times, and of what is absent."""

from __future__ import annotations

import base64
import re
import struct
from datetime import UTC, datetime
from typing import Any

from .vocabulary_kinds import a_list, a_number, a_text

# ---- numbers ------------------------------------------------------------------------------------------------------


def integer(value: Any) -> Any:
    """A whole number, also of a text that is one; anything else is absent.

    >>> integer("12"), integer(12.0), integer("12.5"), integer(True)
    (12, 12, None, None)
    """
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is str and re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value):
        return int(value)
    return None


def numbers(value: Any) -> Any:
    """The whole numbers in a text, in its order.

    >>> numbers("9000 tokens > 8192 maximum")
    [9000, 8192]
    """
    if value is None:
        return None
    return [int(digits) for digits in re.findall(r"[0-9]+", a_text(value, "numbers")) if len(digits) <= 18] or None


def rounded(value: Any, digits: int = 0) -> Any:
    """A number rounded to so many digits; without digits, a whole number.

    >>> rounded(2.6), rounded(2.345, 1)
    (3, 2.3)
    """
    if value is None:
        return None
    return round(a_number(value, "round"), digits) if digits else round(a_number(value, "round"))


def at_most(value: Any, limit: float) -> Any:
    """A number, or the limit where the number is larger.

    >>> at_most(3, 2), at_most(1, 2)
    (2, 1)
    """
    return None if value is None else min(a_number(value, "at_most"), limit)


def at_least(value: Any, limit: float) -> Any:
    """A number, or the limit where the number is smaller.

    >>> at_least(3, 2), at_least(1, 2)
    (3, 2)
    """
    return None if value is None else max(a_number(value, "at_least"), limit)


def timestamp(value: Any) -> Any:
    """The RFC 3339 text of a time in seconds since 1970.

    >>> timestamp(1735689600)
    '2025-01-01T00:00:00Z'
    """
    if value is None:
        return None
    return datetime.fromtimestamp(int(a_number(value, "timestamp")), UTC).isoformat().replace("+00:00", "Z")


def seconds(value: Any) -> Any:
    """The whole seconds since 1970 of an RFC 3339 text; absent where it is none. A number stays, whole.

    >>> seconds("2025-01-01T00:00:00Z"), seconds("yesterday")
    (1735689600, None)
    """
    if value is None or type(value) is int:
        return value
    if type(value) is float:
        return int(value)
    try:
        moment = datetime.fromisoformat(a_text(value, "seconds"))
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


# ---- what is absent -----------------------------------------------------------------------------------------------
# The compiler writes these three as operators; they stand here for the table, and for whoever reads it.


def or_null(value: Any) -> Any:
    """Writes null instead of leaving the member or element out. It is the last word of a hole.

    >>> or_null(None) is None
    True
    """
    return value


def or_empty(value: Any) -> Any:
    """An empty list instead of nothing.

    >>> or_empty(None), or_empty([1])
    ([], [1])
    """
    return [] if value is None else value


def float32_base64(value: Any) -> Any:
    """Base64 of a list of numbers, four bytes each (IEEE 754), the lowest first.

    >>> float32_base64([1, -0.5])
    'AACAPwAAAL8='
    """
    if value is None:
        return None
    numbers_of = [a_number(number, "float32_base64") for number in a_list(value, "float32_base64")]
    return base64.b64encode(struct.pack(f"<{len(numbers_of)}f", *numbers_of)).decode()


def default(value: Any, other: Any) -> Any:
    """Another value where this one is absent. (`or` also replaces 0, false and empty values.)

    >>> default(None, 1), default(0, 1)
    (1, 0)
    """
    return other if value is None else value
