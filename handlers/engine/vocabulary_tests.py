"""Tests: `x is word`."""

from __future__ import annotations

from typing import Any


def is_string(value: Any) -> bool:
    """A text."""
    return type(value) is str


def is_number(value: Any) -> bool:
    """A number."""
    return type(value) in (int, float)


def is_integer(value: Any) -> bool:
    """A whole number."""
    return type(value) is int


def is_boolean(value: Any) -> bool:
    """true or false."""
    return type(value) is bool


def is_mapping(value: Any) -> bool:
    """An object."""
    return type(value) is dict


def is_sequence(value: Any) -> bool:
    """A list."""
    return type(value) is list


def is_absent(value: Any) -> bool:
    """Absent, or null."""
    return value is None


def is_present(value: Any) -> bool:
    """Neither absent nor null."""
    return value is not None


def is_true(value: Any) -> bool:
    """The boolean true, and nothing else."""
    return value is True


def is_false(value: Any) -> bool:
    """The boolean false, and nothing else."""
    return value is False


def blank(value: Any) -> bool:
    """Absent, or a text of nothing but white space.

    >>> blank(" "), blank(None), blank("a"), blank(0)
    (True, True, False, False)
    """
    return value is None or (type(value) is str and not value.strip())


def media(value: Any, kind: str) -> bool:
    """A media type of one kind.

    >>> media("image/png", "image"), media(None, "image")
    (True, False)
    """
    return type(value) is str and value.lower().startswith(kind + "/")


def starting(value: Any, beginning: str) -> bool:
    """A text that starts so.

    >>> starting("data:,", "data:"), starting(None, "data:")
    (True, False)
    """
    return type(value) is str and value.startswith(beginning)


def ending(value: Any, end: str) -> bool:
    """A text that ends so.

    >>> ending("a.pdf", ".pdf")
    True
    """
    return type(value) is str and value.endswith(end)


def containing(value: Any, *pieces: str) -> bool:
    """A text that holds one of these, in small or capital letters.

    >>> containing("Prompt is too long", "too long", "too short"), containing(None, "a")
    (True, False)
    """
    return type(value) is str and any(piece.lower() in value.lower() for piece in pieces)
