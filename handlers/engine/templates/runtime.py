"""What compiled templates call while they run. Everything here takes and gives plain data; None means absent."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn

from ..errors import TemplateError

MODULE = "a compiled template"
"""The `__name__` of compiled code, by which its frames are known in a traceback."""

DEEPEST = 64
"""How deep macros may call themselves."""


class Failure(Exception):
    """A template cannot do what it says with what it was given."""


class _Null:
    """A null that was asked for, on its way from an expression into the value that is being built."""


NULL = _Null()


def kind_of(value: Any) -> str:
    """What a value is, in the words of JSON.

    >>> kind_of([1]), kind_of(None), kind_of(True)
    ('a list', 'absent', 'a boolean')
    """
    if value is None:
        return "absent"
    names = {str: "a text", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")


# ---- reaching into values -----------------------------------------------------------------------------------------


def get(value: Any, key: Any) -> Any:
    """A member of an object or an element of a list; anything else is absent. Never an attribute of an object.

    >>> get({"a": 1}, "a"), get([1, 2], -1), get("text", "upper"), get({"a": 1}, [])
    (1, 2, None, None)
    """
    kind = type(key)
    if type(value) is dict:
        return value.get(key) if kind is str or kind is int or kind is float else None
    if type(value) is list and kind is int and -len(value) <= key < len(value):
        return value[key]
    return None


def fresh(value: Any) -> Any:
    """A copy of a constant of the template, so that nobody can change the template's own.

    >>> constant = {"a": [1]}; fresh(constant) == constant, fresh(constant)["a"] is constant["a"]
    (True, False)
    """
    if type(value) is dict:
        return {key: fresh(member) for key, member in value.items()}
    if type(value) is list:
        return [fresh(element) for element in value]
    return value


def each(value: Any) -> Any:
    """What `for` runs over: the list, or nothing where it is absent.

    >>> each([1]), each(None)
    ([1], ())
    """
    if type(value) is list:
        return value
    if value is None:
        return ()
    raise Failure(f"`for` runs over lists, and this is {kind_of(value)}")


# ---- building values ----------------------------------------------------------------------------------------------


def spread(target: dict[str, Any], members: Any) -> None:
    """Adds the members of an object to the one being built; none that is already there is replaced.

    >>> built = {"a": 1}; spread(built, {"a": 2, "b": 3}); built
    {'a': 1, 'b': 3}
    """
    if members is None:
        return
    if type(members) is not dict:
        raise Failure(f"only an object can be spread into an object, and this is {kind_of(members)}")
    for name, value in members.items():
        target.setdefault(name, value)


def member_name(name: Any) -> Any:
    """The name of a member that is itself a hole: a text, or absent."""
    if name is None or type(name) is str:
        return name
    raise Failure(f"the name of a member is a text, and this is {kind_of(name)}")


def tidy_list(elements: list[Any]) -> list[Any]:
    """A list written in an expression, without what is absent.

    >>> tidy_list([1, None, NULL])
    [1, None]
    """
    return [None if element is NULL else element for element in elements if element is not None]


def tidy_object(members: dict[Any, Any]) -> dict[Any, Any]:
    """An object written in an expression, without what is absent.

    >>> tidy_object({"a": 1, "b": None, "c": NULL})
    {'a': 1, 'c': None}
    """
    return {name: None if value is NULL else value for name, value in members.items() if value is not None}


def as_text(value: Any) -> str:
    """How a value reads inside a text: numbers and booleans as JSON writes them.

    >>> as_text(True), as_text(1.5), as_text("a")
    ('true', '1.5', 'a')
    """
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in NUMBERS:
        return repr(value)
    raise Failure(f"{kind_of(value)} cannot become part of a text")


def joined(*pieces: Any) -> str | None:
    """The operator `~`: absent when any of its pieces is.

    >>> joined("a", 1, True), joined("a", None)
    ('a1true', None)
    """
    if None in pieces:
        return None
    return "".join([piece if type(piece) is str else as_text(piece) for piece in pieces])


# ---- arithmetic and comparison ------------------------------------------------------------------------------------

NUMBERS = frozenset((int, float))


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


HASHABLE = frozenset((str, int, float))


# ---- failing ------------------------------------------------------------------------------------------------------


def too_deep() -> NoReturn:
    raise Failure(f"macros call each other more than {DEEPEST} deep")


def no_value(value: Any) -> NoReturn:
    raise Failure(f"the template should give a value of its kind, and this is {kind_of(value)}")


def failer(type: str, message: str) -> Callable[[Exception], TemplateError]:
    """A function that makes a TemplateError of anything raised inside a template, at the innermost line of one."""

    def failed(error: Exception) -> TemplateError:
        if isinstance(error, TemplateError):
            return error
        path, line = _place(error.__traceback__)
        reason = str(error) if isinstance(error, Failure) else f"{error.__class__.__name__}: {error}"
        return TemplateError(reason, path=path, line=line, type=type, message=message)

    return failed


def _place(traceback: TracebackType | None) -> tuple[str, int]:
    path, line = "", 0
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__") == MODULE:
            path, line = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
    return path, line


NAMESPACE: dict[str, Any] = {
    "__name__": MODULE,
    "__builtins__": {},
    "type": type, "dict": dict, "list": list, "str": str, "bool": bool, "Exception": Exception,
    "NULL": NULL, "NUMBERS": NUMBERS, "get": get, "fresh": fresh, "each": each, "spread": spread,
    "member_name": member_name, "tidy_list": tidy_list, "tidy_object": tidy_object, "joined": joined,
    "add": add, "subtract": subtract, "multiply": multiply, "divide": divide, "divide_whole": divide_whole,
    "remainder": remainder, "negate": negate, "less": less, "less_or_equal": less_or_equal, "greater": greater,
    "greater_or_equal": greater_or_equal, "contains": contains, "too_deep": too_deep, "no_value": no_value,
}  # fmt: skip
"""All that compiled code can name, beside filters, tests, constants and macros. There are no builtins."""
