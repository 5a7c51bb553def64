"""The words a template may use beside Jinja's operators: filters (`x | word`) and tests (`x is word`).

A filter of what is absent is absent, unless it says otherwise; what a filter leaves empty is absent too. A value of
a kind that a filter is not made for is an error. Each example is run as a test, and the README's table is made from
these docstrings (`table()`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import inspect
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

# ---- JSON and text ------------------------------------------------------------------------------------------------

DEEPEST = 100
"""How deep JSON inside a text may nest; deeper, it could not be written again."""

LONG_NUMBER = re.compile(r"\d{16}")


def from_json(value: Any) -> Any:
    """The value that a JSON text holds. A text that is no JSON, or holds what cannot be kept exactly, stays text.

    >>> from_json('{"a": 1}'), from_json("not JSON")
    ({'a': 1}, 'not JSON')
    """
    if type(value) is not str:
        return value
    try:
        result = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    if value.count("[") + value.count("{") > DEEPEST and _deep(result, DEEPEST):
        return value
    if LONG_NUMBER.search(value) and _inexact(value):
        return value
    return result


def _deep(value: Any, most: int) -> bool:
    if type(value) is dict:
        return most == 0 or any(_deep(member, most - 1) for member in value.values())
    if type(value) is list:
        return most == 0 or any(_deep(element, most - 1) for element in value)
    return False


def _inexact(text: str) -> bool:
    """Whether an integer in a JSON text does not fit into 64 bits: it would become a float."""
    outside_texts = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    whole = re.findall(r"(?<![\d.eE+-])-?\d+(?![\d.eE])", outside_texts)
    return any(not -(2**63) <= int(number[:25]) < 2**64 for number in whole)


def to_json(value: Any) -> Any:
    """The compact JSON text of a value. A text stays as it is.

    >>> to_json({"a": [1, True]}), to_json("text")
    ('{"a":[1,true]}', 'text')
    """
    if value is None or type(value) is str:
        return value
    return orjson.dumps(value).decode()


def lower(value: Any) -> Any:
    """A text in small letters.

    >>> lower("ABC")
    'abc'
    """
    return None if value is None else _text(value, "lower").lower()


def upper(value: Any) -> Any:
    """A text in capital letters.

    >>> upper("abc")
    'ABC'
    """
    return None if value is None else _text(value, "upper").upper()


def join(value: Any, separator: str = "") -> Any:
    """The texts of a list as one text.

    >>> join(["a", "b"], ", ")
    'a, b'
    """
    if value is None:
        return None
    return separator.join(_text(element, "join") for element in _list(value, "join"))


def split(value: Any, separator: str) -> Any:
    """The pieces of a text between separators.

    >>> split("a/b", "/")
    ['a', 'b']
    """
    return None if value is None else _text(value, "split").split(separator)


def trim(value: Any) -> Any:
    """A text without the white space around it.

    >>> trim("  a ")
    'a'
    """
    return None if value is None else _text(value, "trim").strip()


def base64_text(value: Any) -> Any:
    """The UTF-8 text that base64 holds; absent where it holds none.

    >>> base64_text("aGVsbG8="), base64_text("?")
    ('hello', None)
    """
    try:
        return None if value is None else base64.b64decode(_text(value, "base64_text"), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def text_base64(value: Any) -> Any:
    """The base64 of a text in UTF-8.

    >>> text_base64("hello")
    'aGVsbG8='
    """
    return None if value is None else base64.b64encode(_text(value, "text_base64").encode()).decode()


def shortened(value: Any, most: int) -> Any:
    """A text of at most so many characters; of a longer one, its SHA-256 digest, cut to so many.

    >>> shortened("short", 64), shortened("ab" * 40, 8)
    ('short', 'a8a0b75e')
    """
    if value is None or len(_text(value, "shortened")) <= most:
        return value
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:most]


# ---- parts --------------------------------------------------------------------------------------------------------


def text(value: Any, kind: str = "text", separator: str = "") -> Any:
    """The text of all parts of one kind, joined. Absent if there is no such part. A text stays as it is.

    >>> text([{"type": "text", "text": "a"}, {"type": "file"}, {"type": "text", "text": "b"}])
    'ab'
    >>> text([{"type": "reasoning", "text": "hm"}], "reasoning")
    'hm'
    """
    if value is None or type(value) is str:
        return value
    found = [
        part["text"] for part in _list(value, "text") if _type_of(part) == kind and type(part.get("text")) is str
    ]
    return separator.join(found) if found else None


def only(value: Any, *kinds: str) -> Any:
    """The parts (any objects with a `type`) of these kinds.

    >>> only([{"type": "text"}, {"type": "file"}], "file")
    [{'type': 'file'}]
    """
    if value is None:
        return None
    return [part for part in _list(value, "only") if type(part) is dict and part.get("type") in kinds] or None


def without(value: Any, *kinds: str) -> Any:
    """The parts of all other kinds.

    >>> without([{"type": "text"}, {"type": "file"}], "file")
    [{'type': 'text'}]
    """
    if value is None:
        return None
    return [part for part in _list(value, "without") if type(part) is not dict or part.get("type") not in kinds] or None


def _type_of(part: Any) -> Any:
    return part.get("type") if type(part) is dict else None


def read_url(value: Any, default_media_type: str | None = None) -> Any:
    """What a URL tells about a file, to be spread into it: media type and base64 data of a data: URL, else the URL.

    >>> read_url("data:image/png;base64,AAAA")
    {'media_type': 'image/png', 'data': 'AAAA'}
    >>> read_url("https://example.com/a.png")
    {'url': 'https://example.com/a.png'}
    """
    if value is None:
        return None
    url = _text(value, "read_url")
    if url[:5].lower() != "data:":
        return {"url": url}
    head, comma, data = url[5:].partition(",")
    if not comma:
        return {"url": url}
    media_type, _, more = head.partition(";")
    if "base64" not in more.lower().split(";"):
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    media_type = media_type or default_media_type or ""
    return {"media_type": media_type, "data": data} if media_type else {"data": data}


def write_url(value: Any) -> Any:
    """The URL of a file part: a data: URL of its data, else its own.

    >>> write_url({"media_type": "image/png", "data": "AAAA"})
    'data:image/png;base64,AAAA'
    """
    if value is None:
        return None
    part = _object(value, "write_url")
    if part.get("data") is not None:
        return f"data:{part.get('media_type') or 'application/octet-stream'};base64,{part['data']}"
    return part.get("url")


# ---- objects and lists --------------------------------------------------------------------------------------------


def omit(value: Any, *names: str) -> Any:
    """An object without some members.

    >>> omit({"a": 1, "b": 2}, "b")
    {'a': 1}
    """
    if value is None:
        return None
    return {name: member for name, member in _object(value, "omit").items() if name not in names} or None


def pick(value: Any, *names: str) -> Any:
    """Some members of an object.

    >>> pick({"a": 1, "b": 2, "c": 3}, "a", "c")
    {'a': 1, 'c': 3}
    """
    if value is None:
        return None
    members = _object(value, "pick")
    return {name: members[name] for name in names if name in members} or None


def keys(value: Any) -> Any:
    """The names of an object's members.

    >>> keys({"a": 1, "b": 2})
    ['a', 'b']
    """
    return None if value is None else list(_object(value, "keys")) or None


def items(value: Any) -> Any:
    """The members of an object as a list to run over.

    >>> items({"a": 1})
    [{'key': 'a', 'value': 1}]
    """
    if value is None:
        return None
    return [{"key": name, "value": member} for name, member in _object(value, "items").items()] or None


def merged(value: Any, key: str, content: str) -> Any:
    """Neighbours that agree in one member become one object, their lists in another member one list.

    >>> merged([{"role": "user", "content": [1]}, {"role": "user", "content": [2]}], "role", "content")
    [{'role': 'user', 'content': [1, 2]}]
    """
    if value is None:
        return None
    found: list[Any] = []
    for element in _list(value, "merged"):
        before = found[-1] if found else None
        if type(before) is dict and type(element) is dict and before.get(key) == element.get(key):
            one, other = before.get(content), element.get(content)
            if type(one) is list and type(other) is list:
                found[-1] = {**before, **element, content: one + other}
                continue
        found.append(element)
    return found or None


def first(value: Any) -> Any:
    """The first element of a list.

    >>> first([1, 2])
    1
    """
    return _list(value, "first")[0] if value else None


def last(value: Any) -> Any:
    """The last element of a list.

    >>> last([1, 2])
    2
    """
    return _list(value, "last")[-1] if value else None


def take(value: Any, count: int) -> Any:
    """The first so many elements of a list.

    >>> take([1, 2, 3], 2), take([1], 2), take([1], 0)
    ([1, 2], [1], None)
    """
    return None if value is None else _list(value, "take")[: max(count, 0)] or None


def length(value: Any) -> Any:
    """How many elements, members or characters there are; 0 where it is absent.

    >>> length([1, 2]), length("abc"), length(None)
    (2, 3, 0)
    """
    if value is None:
        return 0
    if type(value) not in (list, dict, str):
        raise _unfit(value, "length")
    return len(value)


def before(value: Any, item: Any) -> Any:
    """The elements before one of them (that very element, not one like it); all of them where it is absent.

    >>> first, second = {"a": 1}, {"a": 1}; before([first, second], second) == [first], before([first], None)
    (True, [{'a': 1}])
    """
    if value is None:
        return None
    elements = _list(value, "before")
    return elements[: _position(elements, item)] or None


def since(value: Any, item: Any) -> Any:
    """One of the elements and those after it; none where it is absent.

    >>> first, second = {"a": 1}, {"a": 1}; since([first, second], second) == [second], since([first], None)
    (True, None)
    """
    if value is None:
        return None
    elements = _list(value, "since")
    return elements[_position(elements, item) :] or None


def _position(elements: list[Any], item: Any) -> int:
    return next((index for index, element in enumerate(elements) if element is item), len(elements))


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
    return [int(digits) for digits in re.findall(r"[0-9]+", _text(value, "numbers")) if len(digits) <= 18] or None


def rounded(value: Any, digits: int = 0) -> Any:
    """A number rounded to so many digits; without digits, a whole number.

    >>> rounded(2.6), rounded(2.345, 1)
    (3, 2.3)
    """
    if value is None:
        return None
    return round(_number(value, "round"), digits) if digits else round(_number(value, "round"))


def at_most(value: Any, limit: float) -> Any:
    """A number, or the limit where the number is larger.

    >>> at_most(3, 2), at_most(1, 2)
    (2, 1)
    """
    return None if value is None else min(_number(value, "at_most"), limit)


def at_least(value: Any, limit: float) -> Any:
    """A number, or the limit where the number is smaller.

    >>> at_least(3, 2), at_least(1, 2)
    (3, 2)
    """
    return None if value is None else max(_number(value, "at_least"), limit)


def timestamp(value: Any) -> Any:
    """The RFC 3339 text of a time in seconds since 1970.

    >>> timestamp(1735689600)
    '2025-01-01T00:00:00Z'
    """
    if value is None:
        return None
    return datetime.fromtimestamp(int(_number(value, "timestamp")), UTC).isoformat().replace("+00:00", "Z")


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
        moment = datetime.fromisoformat(_text(value, "seconds"))
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


def default(value: Any, other: Any) -> Any:
    """Another value where this one is absent. (`or` also replaces 0, false and empty values.)

    >>> default(None, 1), default(0, 1)
    (1, 0)
    """
    return other if value is None else value


# ---- tests --------------------------------------------------------------------------------------------------------


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


# ---- wrong kinds --------------------------------------------------------------------------------------------------


def _unfit(value: Any, word: str) -> TypeError:
    names = {str: "a text", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return TypeError(f"`{word}` is not for {names.get(type(value), 'such a value')}")


def _text(value: Any, word: str) -> str:
    if type(value) is not str:
        raise _unfit(value, word)
    return value


def _list(value: Any, word: str) -> list[Any]:
    if type(value) is not list:
        raise _unfit(value, word)
    return value


def _object(value: Any, word: str) -> dict[str, Any]:
    if type(value) is not dict:
        raise _unfit(value, word)
    return value


def _number(value: Any, word: str) -> float:
    if type(value) is not int and type(value) is not float:
        raise _unfit(value, word)
    return value


# ---- the tables ---------------------------------------------------------------------------------------------------

FILTERS: dict[str, Callable[..., Any]] = {
    "or_null": or_null, "or_empty": or_empty, "default": default,
    "from_json": from_json, "to_json": to_json, "lower": lower, "upper": upper, "join": join, "split": split,
    "trim": trim, "base64_text": base64_text, "text_base64": text_base64,
    "text": text, "only": only, "without": without, "read_url": read_url, "write_url": write_url,
    "omit": omit, "pick": pick, "keys": keys, "items": items, "merged": merged, "first": first, "last": last,
    "take": take, "length": length,
    "before": before, "since": since, "shortened": shortened,
    "integer": integer, "numbers": numbers, "round": rounded, "at_most": at_most, "at_least": at_least,
    "timestamp": timestamp, "seconds": seconds,
}  # fmt: skip

TESTS: dict[str, Callable[..., bool]] = {
    "string": is_string, "number": is_number, "integer": is_integer, "boolean": is_boolean, "mapping": is_mapping,
    "sequence": is_sequence, "none": is_absent, "undefined": is_absent, "defined": is_present, "true": is_true,
    "false": is_false, "blank": blank, "media": media, "starting": starting, "ending": ending, "containing": containing,
}  # fmt: skip


def table() -> str:
    """The filters and tests as a table in Markdown, for the README."""
    rows = ["| word | gives | example |", "|---|---|---|"]
    for name, function in FILTERS.items():
        rows.append(_row(f"`{name}{_parameters(function)}`", function))
    for name, function in TESTS.items():
        rows.append(_row(f"`is {name}{_parameters(function)}`", function))
    return "\n".join(rows) + "\n"


def _parameters(function: Callable[..., Any]) -> str:
    names = [
        f"{name}…" if parameter.kind is parameter.VAR_POSITIONAL else name
        for name, parameter in list(inspect.signature(function).parameters.items())[1:]
    ]
    return f"({', '.join(names)})" if names else ""


def _row(word: str, function: Callable[..., Any]) -> str:
    lines = [line.strip() for line in (function.__doc__ or "").splitlines() if line.strip()]
    example = next((f"`{line[4:]}` → `{lines[at + 1]}`" for at, line in enumerate(lines) if line[:4] == ">>> "), "")
    return f"| {word} | {lines[0]} | {example} |"
