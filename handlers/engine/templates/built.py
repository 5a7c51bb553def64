"""Python for a value that is being built, and how it gets where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .skeleton import Literal

BRACKETS = {"{": ("{", "}"), "[": ("[", "]")}


class Built(NamedTuple):
    """Python for a value. `certain`: never absent. `null`: NULL stands for a null. `filled`: empty means absent."""

    python: str
    certain: bool = False
    null: bool = False
    filled: bool = False


def literal(value: Literal) -> str:
    return repr(value.value)


def assign(target: str, key: str) -> Callable[[str], str]:
    return lambda value: f"{target}[{key}] = {value}"


def settled(built: Built, null: bool) -> str:
    """A value as one expression: None where it is absent, NULL where it is a null."""
    if built.filled and not built.certain:
        return f"{built.python} or None"
    if null and not built.null:
        return "NULL" if built.python == "None" else f"(NULL if {built.python} is None else {built.python})"
    return built.python
