"""Arithmetic and comparison of compiled templates: strict about kinds, and always JSON."""

from __future__ import annotations

import math
from typing import Any

from .values import HASHABLE, NUMBERS, Failure, kind_of


def _numbers(sign: str, left: Any, right: Any) -> None:
    if type(left) not in NUMBERS or type(right) not in NUMBERS:
        raise Failure(f"`{sign}` is for numbers, and this is {kind_of(left)} {sign} {kind_of(right)}")


def _finite(number: Any) -> Any:
    """A result that can be written as JSON."""
    if not math.isfinite(number) if type(number) is float else not -(2**63) <= number < 2**64:
        raise Failure("the result is too large for a number")
    return number


def add(left: Any, right: Any) -> Any:
    """The operator `+`: the sum of two numbers, or two lists one after the other.

    >>> add(1, 2), add([1], [2])
    (3, [1, 2])
    """
    if type(left) is list and type(right) is list:
        return left + right
    _numbers("+", left, right)
    return _finite(left + right)


def subtract(left: Any, right: Any) -> Any:
    _numbers("-", left, right)
    return _finite(left - right)


def multiply(left: Any, right: Any) -> Any:
    _numbers("*", left, right)
    return _finite(left * right)


def divide(left: Any, right: Any) -> Any:
    _numbers("/", left, right)
    if right == 0:
        raise Failure("a division by zero")
    return _finite(left / right)


def divide_whole(left: Any, right: Any) -> Any:
    _numbers("//", left, right)
    if right == 0:
        raise Failure("a division by zero")
    return _finite(left // right)


def remainder(left: Any, right: Any) -> Any:
    _numbers("%", left, right)
    if right == 0:
        raise Failure("a division by zero")
    return _finite(left % right)


def negate(value: Any) -> Any:
    _numbers("-", 0, value)
    return -value


def _ordered(sign: str, left: Any, right: Any) -> bool:
    """Whether two values can be told which is larger. What is absent is neither smaller nor larger than anything."""
    if left is None or right is None:
        return False
    if (type(left) in NUMBERS and type(right) in NUMBERS) or (type(left) is str and type(right) is str):
        return True
    raise Failure(f"`{sign}` compares two numbers or two texts, and this is {kind_of(left)} {sign} {kind_of(right)}")


def less(left: Any, right: Any) -> bool:
    return _ordered("<", left, right) and left < right


def less_or_equal(left: Any, right: Any) -> bool:
    return _ordered("<=", left, right) and left <= right


def greater(left: Any, right: Any) -> bool:
    return _ordered(">", left, right) and left > right


def greater_or_equal(left: Any, right: Any) -> bool:
    return _ordered(">=", left, right) and left >= right


def contains(piece: Any, whole: Any) -> bool:
    """The operator `in`: an element of a list, a member's name, or a piece of a text. Nothing is in what is absent.

    >>> contains("a", ["a"]), contains("a", {"a": 1}), contains("b", "abc"), contains("a", None), contains([], {})
    (True, True, True, False, False)
    """
    if whole is None or piece is None:
        return False
    if type(whole) is list:
        return piece in whole
    if type(whole) is dict:
        return type(piece) in HASHABLE and piece in whole
    if type(whole) is str and type(piece) is str:
        return piece in whole
    raise Failure(f"`in` looks into lists, objects and texts, and this is {kind_of(piece)} in {kind_of(whole)}")
