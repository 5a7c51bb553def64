"""What a filter is made for: it takes a value of that kind, and fails on any other."""

from __future__ import annotations

from typing import Any


def unfit(value: Any, word: str) -> TypeError:
    names = {str: "a text", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return TypeError(f"`{word}` is not for {names.get(type(value), 'such a value')}")


def a_text(value: Any, word: str) -> str:
    if type(value) is not str:
        raise unfit(value, word)
    return value


def a_list(value: Any, word: str) -> list[Any]:
    if type(value) is not list:
        raise unfit(value, word)
    return value


def an_object(value: Any, word: str) -> dict[str, Any]:
    if type(value) is not dict:
        raise unfit(value, word)
    return value


def a_number(value: Any, word: str) -> float:
    if type(value) is not int and type(value) is not float:
        raise unfit(value, word)
    return value
