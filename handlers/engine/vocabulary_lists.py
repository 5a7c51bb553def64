"""Filters of parts, objects and lists."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote_to_bytes

from .vocabulary_kinds import a_list, a_text, an_object, unfit

# ---- parts --------------------------------------------------------------------------------------------------------
# These run several times for each message, so they are loops: in CPython 3.11 a comprehension costs a call more.


def text(value: Any, kind: str = "text", separator: str = "") -> Any:
    """The text of all parts of one kind, joined. Absent if there is no such part. A text stays as it is.

    >>> text([{"type": "text", "text": "a"}, {"type": "file"}, {"type": "text", "text": "b"}])
    'ab'
    >>> text([{"type": "reasoning", "text": "hm"}], "reasoning")
    'hm'
    """
    if value is None or type(value) is str:
        return value
    found = []
    for part in value if type(value) is list else a_list(value, "text"):
        if type(part) is dict and part.get("type") == kind and type(words := part.get("text")) is str:
            found.append(words)
    return separator.join(found) if found else None


def only(value: Any, *kinds: str) -> Any:
    """The parts (any objects with a `type`) of these kinds.

    >>> only([{"type": "text"}, {"type": "file"}], "file")
    [{'type': 'file'}]
    """
    if value is None:
        return None
    found = []
    for part in value if type(value) is list else a_list(value, "only"):
        if type(part) is dict and part.get("type") in kinds:
            found.append(part)
    return found or None


def without(value: Any, *kinds: str) -> Any:
    """The parts of all other kinds.

    >>> without([{"type": "text"}, {"type": "file"}], "file")
    [{'type': 'text'}]
    """
    if value is None:
        return None
    found = []
    for part in value if type(value) is list else a_list(value, "without"):
        if type(part) is not dict or part.get("type") not in kinds:
            found.append(part)
    return found or None


def read_url(value: Any, default_media_type: str | None = None) -> Any:
    """What a URL tells about a file, to be spread into it: media type and base64 data of a data: URL, else the URL.

    >>> read_url("data:image/png;base64,AAAA")
    {'media_type': 'image/png', 'data': 'AAAA'}
    >>> read_url("https://example.com/a.png")
    {'url': 'https://example.com/a.png'}
    """
    if value is None:
        return None
    url = a_text(value, "read_url")
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
    part = an_object(value, "write_url")
    if part.get("data") is not None:
        return f"data:{part.get('media_type') or 'application/octet-stream'};base64,{part['data']}"
    return part.get("url")


# ---- objects and lists --------------------------------------------------------------------------------------------


def omit(value: Any, *names: str) -> Any:
    """An object without some members.

    >>> omit({"a": 1, "b": 2}, "b")
    {'a': 1}
    """
    return without_members(value, frozenset(names))


def without_members(value: Any, names: frozenset[str]) -> Any:
    """What `omit` does, where the names are known beforehand."""
    if value is None or names.issuperset(an_object(value, "omit")):
        return None
    return {name: member for name, member in value.items() if name not in names}


def pick(value: Any, *names: str) -> Any:
    """Some members of an object.

    >>> pick({"a": 1, "b": 2, "c": 3}, "a", "c")
    {'a': 1, 'c': 3}
    """
    if value is None:
        return None
    members = an_object(value, "pick")
    return {name: members[name] for name in names if name in members} or None


def keys(value: Any) -> Any:
    """The names of an object's members.

    >>> keys({"a": 1, "b": 2})
    ['a', 'b']
    """
    return None if value is None else list(an_object(value, "keys")) or None


def items(value: Any) -> Any:
    """The members of an object as a list to run over.

    >>> items({"a": 1})
    [{'key': 'a', 'value': 1}]
    """
    if value is None:
        return None
    return [{"key": name, "value": member} for name, member in an_object(value, "items").items()] or None


def numbered(value: Any) -> Any:
    """The elements of a list, each with its place in it.

    >>> numbered(["a"])
    [{'index': 0, 'value': 'a'}]
    """
    if value is None:
        return None
    return [{"index": index, "value": element} for index, element in enumerate(a_list(value, "numbered"))] or None


NO_KEY: Any = object()


def merged(value: Any, key: str, content: str, *alike: str) -> Any:
    """Neighbours alike in one member (in one of these values, if any) become one, their lists in another one list.

    >>> merged([{"role": "user", "content": [1]}, {"role": "user", "content": [2]}], "role", "content")
    [{'role': 'user', 'content': [1, 2]}]
    >>> merged([{"role": "a", "content": [1]}, {"role": "a", "content": [2]}], "role", "content", "b")
    [{'role': 'a', 'content': [1]}, {'role': 'a', 'content': [2]}]
    """
    if value is None:
        return None
    found: list[Any] = []
    known: Any = NO_KEY
    for element in a_list(value, "merged"):
        own = element.get(key) if type(element) is dict else NO_KEY
        if own == known and own is not NO_KEY and (not alike or own in alike):
            before = found[-1]
            one, other = before.get(content), element.get(content)
            if type(one) is list and type(other) is list:
                found[-1] = {**before, **element, content: one + other}
                continue
        known = own
        found.append(element)
    return found or None


def joined(value: Any) -> Any:
    """Parts of which neighbouring texts of one kind are one; a part that has more than a text ends its text.

    >>> one, two = {"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache": {}}
    >>> joined([one, two, {"type": "text", "text": "c"}])
    [{'type': 'text', 'text': 'ab', 'cache': {}}, {'type': 'text', 'text': 'c'}]
    """
    if value is None:
        return None
    found: list[Any] = []
    for part in a_list(value, "joined"):
        before = found[-1] if found else None
        if (
            type(part) is dict and type(before) is dict and len(before) == 2
            and before.get("type") == part.get("type")
            and type(before.get("text")) is str and type(part.get("text")) is str
        ):  # fmt: skip
            found[-1] = {**part, "text": before["text"] + part["text"]}
        else:
            found.append(part)
    return found or None


def first(value: Any) -> Any:
    """The first element of a list.

    >>> first([1, 2])
    1
    """
    return a_list(value, "first")[0] if value else None


def last(value: Any) -> Any:
    """The last element of a list.

    >>> last([1, 2])
    2
    """
    return a_list(value, "last")[-1] if value else None


def take(value: Any, count: int) -> Any:
    """The first so many elements of a list.

    >>> take([1, 2, 3], 2), take([1], 2), take([1], 0)
    ([1, 2], [1], None)
    """
    return None if value is None else a_list(value, "take")[: max(count, 0)] or None


def length(value: Any) -> Any:
    """How many elements, members or characters there are; 0 where it is absent.

    >>> length([1, 2]), length("abc"), length(None)
    (2, 3, 0)
    """
    if value is None:
        return 0
    if type(value) not in (list, dict, str):
        raise unfit(value, "length")
    return len(value)


def before(value: Any, item: Any) -> Any:
    """The elements before one of them (that very element, not one like it); all of them where it is absent.

    >>> first, second = {"a": 1}, {"a": 1}; before([first, second], second) == [first], before([first], None)
    (True, [{'a': 1}])
    """
    if value is None:
        return None
    elements = value if type(value) is list else a_list(value, "before")
    for index, element in enumerate(elements):
        if element is item:
            return elements[:index] or None
    return elements[:] or None


def since(value: Any, item: Any) -> Any:
    """One of the elements and those after it; none where it is absent.

    >>> first, second = {"a": 1}, {"a": 1}; since([first, second], second) == [second], since([first], None)
    (True, None)
    """
    if value is None:
        return None
    elements = value if type(value) is list else a_list(value, "since")
    for index, element in enumerate(elements):
        if element is item:
            return elements[index:]
    return None
