"""Filters of JSON and text."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any

import orjson

from .vocabulary_kinds import a_list, a_text

DEEPEST = 100
"""How deep JSON inside a text may nest; deeper, it could not be written again."""

STANDARD_ALPHABET = str.maketrans("-_", "+/")
LONG_NUMBER = b"0" * 16
DIGITS_AS_ZERO = bytes(ord("0") if 48 <= byte <= 57 else byte for byte in range(256))


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
    if has_long_number(value) and _inexact(value):
        return value
    return result


def has_long_number(text: str, digits: bytes = LONG_NUMBER) -> bool:
    """Whether so many digits stand in a row: the search of a pattern for them takes ten times as long."""
    return digits in text.encode("utf-8", "replace").translate(DIGITS_AS_ZERO)


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
    return None if value is None else a_text(value, "lower").lower()


def upper(value: Any) -> Any:
    """A text in capital letters.

    >>> upper("abc")
    'ABC'
    """
    return None if value is None else a_text(value, "upper").upper()


def join(value: Any, separator: str = "") -> Any:
    """The texts of a list as one text.

    >>> join(["a", "b"], ", ")
    'a, b'
    """
    if value is None:
        return None
    return separator.join(a_text(element, "join") for element in a_list(value, "join"))


def split(value: Any, separator: str) -> Any:
    """The pieces of a text between separators.

    >>> split("a/b", "/")
    ['a', 'b']
    """
    return None if value is None else a_text(value, "split").split(separator)


def trim(value: Any) -> Any:
    """A text without the white space around it.

    >>> trim("  a ")
    'a'
    """
    return None if value is None else a_text(value, "trim").strip()


def base64_text(value: Any) -> Any:
    """The UTF-8 text that base64 holds; absent where it holds none.

    >>> base64_text("aGVsbG8="), base64_text("?")
    ('hello', None)
    """
    try:
        return None if value is None else base64.b64decode(a_text(value, "base64_text"), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def text_base64(value: Any) -> Any:
    """The base64 of a text in UTF-8.

    >>> text_base64("hello")
    'aGVsbG8='
    """
    return None if value is None else base64.b64encode(a_text(value, "text_base64").encode()).decode()


def standard_base64(value: Any) -> Any:
    """Base64 in its standard alphabet and with its padding; some packages write that of URLs.

    >>> standard_base64("-_8"), standard_base64("+/8=")
    ('+/8=', '+/8=')
    """
    if value is None:
        return None
    text = a_text(value, "standard_base64")
    if "-" in text or "_" in text:
        text = text.translate(STANDARD_ALPHABET)
    return text + "=" * (-len(text) % 4)


def base64_hex(value: Any) -> Any:
    """The hexadecimal digits of what base64 holds; absent where it holds nothing that can be read.

    >>> base64_hex("AP8="), base64_hex("?")
    ('00ff', None)
    """
    try:
        return None if value is None else base64.b64decode(a_text(value, "base64_hex"), validate=True).hex()
    except binascii.Error:
        return None


def hex_base64(value: Any) -> Any:
    """The base64 of what hexadecimal digits hold; absent where they hold nothing that can be read.

    >>> hex_base64("00ff"), hex_base64("0g")
    ('AP8=', None)
    """
    try:
        return None if value is None else base64.b64encode(bytes.fromhex(a_text(value, "hex_base64"))).decode()
    except ValueError:
        return None


def replaced(value: Any, pattern: str, other: str) -> Any:
    """A text in which every match of a regular expression is replaced; absent where nothing is left.

    >>> replaced("a.b/c.pdf", "[^a-z]+", "-")
    'a-b-c-pdf'
    """
    return None if value is None else re.sub(pattern, other, a_text(value, "replaced")) or None


def shortened(value: Any, most: int) -> Any:
    """A text of at most so many characters; of a longer one, its SHA-256 digest, cut to so many.

    >>> shortened("short", 64), shortened("ab" * 40, 8)
    ('short', 'a8a0b75e')
    """
    if value is None or len(a_text(value, "shortened")) <= most:
        return value
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:most]
