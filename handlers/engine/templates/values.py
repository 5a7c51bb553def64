"""What values are to compiled templates, and what it is called when they do not fit."""

from __future__ import annotations

from typing import Any

NUMBERS = frozenset((int, float))
HASHABLE = frozenset((str, int, float))
"""The kinds of keys."""


class Failure(Exception):
    """A template cannot do what it says with what it was given."""


def kind_of(value: Any) -> str:
    """What a value is, in the words of JSON.

    >>> kind_of([1]), kind_of(None), kind_of(True)
    ('a list', 'absent', 'a boolean')
    """
    if value is None:
        return "absent"
    names = {str: "a text", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")
