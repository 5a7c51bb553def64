"""One loss: what a translation does not carry, in the words of whoever wrote it; and how losses are told.

A loss is told in the header `Gateway-Warnings`, or refused with 400 where it would change what the answer means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import InvalidRequest

HEADER_LIMIT = 2048
"""Bytes of the header at most; what does not fit is counted (`+12 more`) and stands in the log."""

LOG_LIMIT = 16384
"""Bytes of the same in a line of the log: a body may name as many unheard-of members as fit into it."""

NAME_LIMIT = 160
"""Characters of one name at most: a member's name is the client's own and may be of any length."""

UNSAFE = re.compile(r"[^\x21-\x7e]|[%,]")
INDEX = re.compile(r"\[\d+\]")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """`word` says how: `unsupported` (not carried), `compatibility` (something like it is), `default` (added by us).

    `name` is the place in the client's words (`messages[3].audio`), `detail` a value worth telling (`8192`),
    `refuse` whether it changes what the answer means, `pointer` the place as a JSON pointer ("" if it has none),
    `times` how many places are meant, where they are told as one (`messages[*].name`), `advice` what the caller can do
    where it is refused.
    """

    word: str
    name: str
    detail: str = ""
    refuse: bool = False
    pointer: str = ""
    times: int = 1
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.word} {self.name}{' ' + self.detail if self.detail else ''}"

    @classmethod
    def at(cls, word: str, path: Path, *, refuse: bool = False, more: bool = False, advice: str = "") -> Loss:
        """A loss at a place in the client's request. `more`: all elements but the first of the array there."""
        name = place(path)
        pointer = "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)
        return cls(word, name + "[1:]" if more else name, refuse=refuse, pointer=pointer, advice=advice)


def place(path: tuple[str | int | None, ...]) -> str:
    """`messages[3].audio`; an index that is None means all of them (`messages[*].audio`)."""
    return "".join(
        f".{key}" if isinstance(key, str) else "[*]" if key is None else f"[{key}]" for key in path
    ).removeprefix(".")


def header_value(losses: Iterable[Loss], limit: int = HEADER_LIMIT) -> str:
    """The value of the header that names the losses: visible ASCII and spaces, `limit` bytes at most.

    Places that differ only by their indices fold into one (`unsupported messages[*].audio x28`).
    """
    items, length, told = folded(losses), 0, 0
    for item in items:
        room = limit - len(f", +{len(items)} more")
        if length + len(item) + 2 > room:
            break
        length += len(item) + 2
        told += 1
    left = len(items) - told
    return ", ".join([*items[:told], f"+{left} more"] if left else items)


def folded(losses: Iterable[Loss]) -> list[str]:
    """Each loss as text that is safe in a header, in the order of first occurrence, equal ones once."""
    groups: dict[tuple[str, str, str], list[Loss]] = {}
    for loss in losses:
        groups.setdefault((loss.word, INDEX.sub("[*]", loss.name), loss.detail), []).append(loss)
    found = []
    for (word, pattern, detail), group in groups.items():
        single = {loss.name for loss in group if loss.times == 1}
        count = len(single) + sum(loss.times for loss in group if loss.times > 1)
        name = group[0].name if count == 1 else pattern
        found.append(" ".join(
            [word, safe(name), *([safe(detail)] if detail else []), *([f"x{count}"] if count > 1 else [])]
        ))
    return found


def safe(text: str) -> str:
    """Percent-encoded where it is not visible ASCII, or would end an item of the list; long texts are cut."""
    if len(text) > NAME_LIMIT:
        text = text[:NAME_LIMIT] + "..."
    return UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode("utf-8", "replace")), text)


def check(losses: Sequence[Loss], on_loss: str = "report") -> None:
    """Refuse what must not be lost: 400 `unsupported_loss` if a loss is marked so, or if `on_loss` is "refuse".

    The error names all losses that are refused, and says what can be done about them where the contract does; its
    `param` is the pointer of the first.
    """
    refused = [loss for loss in losses if loss.refuse or on_loss == "refuse"]
    if not refused:
        return
    names = folded(refused)
    told = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    advice = "".join(f" {one}" for one in dict.fromkeys(loss.advice for loss in refused) if one)
    raise InvalidRequest(
        f"This request cannot be translated for this provider without losing what it asks for: {told}.{advice}",
        code="unsupported_loss",
        param=refused[0].pointer or refused[0].name,
    )
