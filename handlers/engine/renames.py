"""Names and ids of tools that a provider would refuse, replaced on the way out and put back on the way home.

A rule says what a provider takes: at most `max` characters, matching `pattern`. A name that fits is never touched.
One that does not becomes what is readable of it and a short hash of the whole: the same name becomes the same new
name in every request (so prompts stay cacheable and the model stays consistent), two names never become one, and the
map back lives only as long as the call.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Protocol

from .errors import GatewayError

HASH_LENGTH = 8
LONGEST = 512     # characters; where a rule sets no length
LETTERS = str.maketrans("0123456789", "ghijklmnop")     # a hash for rules that allow no digits

WITH_TOOLS = ("assistant", "tool")
PARTS = ("tool_call", "tool_result")


class Rule(Protocol):
    """What a provider accepts: `max` characters, `pattern` for the whole name; either may be None."""

    @property
    def max(self) -> int | None: ...
    @property
    def pattern(self) -> str | re.Pattern[str] | None: ...


class Names:
    """One kind of name under one rule: which ones were replaced, and by what."""

    __slots__ = ("anything", "back", "longest", "out", "pattern")

    def __init__(self, rule: Rule | None) -> None:
        self.longest = (rule.max if rule else None) or LONGEST
        self.pattern = compiled(rule.pattern) if rule and rule.pattern else None
        self.anything = rule is None or (rule.max is None and self.pattern is None)
        self.out: dict[str, str] = {}
        self.back: dict[str, str] = {}

    def fits(self, name: str) -> bool:
        return len(name) <= self.longest and (self.pattern is None or self.pattern.fullmatch(name) is not None)

    def learn(self, names: set[str]) -> None:
        """Find a new name for each that does not fit; no new name is one that occurs already."""
        if self.anything:
            return
        wrong = [name for name in names if not self.fits(name)]
        taken = set(names) if wrong else names
        for name in sorted(wrong):        # sorted: a collision ends the same whatever order the names come in
            new = next(candidate for candidate in self.candidates(name) if candidate not in taken)
            taken.add(new)
            self.out[name], self.back[new] = new, name

    def candidates(self, name: str) -> Iterator[str]:
        """New names that fit, best first. Raises GatewayError if the rule lets nothing through."""
        stem = "".join(letter if self.keeps(letter) else "_" for letter in name[: self.longest])
        found = False
        for attempt in range(1000):
            text = f"{attempt}:{name}" if attempt else name
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            letters = digest.translate(LETTERS)
            for candidate in self.shapes(stem, (digest, letters, letters.upper())):
                if candidate and self.fits(candidate):
                    found = True
                    yield candidate
                    break
            if not found:
                break
        raise GatewayError("internal", "No name that this provider's rule for tools allows could be made; see the log.")

    def keeps(self, letter: str) -> bool:
        """Whether the pattern has room for this letter: as the first one, or after one that is surely allowed."""
        pattern = self.pattern
        if pattern is None:
            return True
        return any(pattern.fullmatch(text) is not None for text in (letter, f"a{letter}", f"A{letter}"))

    def shapes(self, stem: str, digests: tuple[str, ...]) -> Iterator[str]:
        """From the most readable to what even a rule for exactly nine letters and digits accepts."""
        room = self.longest - HASH_LENGTH
        if room > 1:
            for digest in digests:
                yield f"{stem[: room - 1]}_{digest[:HASH_LENGTH]}"
                yield f"t{stem[: room - 2]}_{digest[:HASH_LENGTH]}"
        plain = "".join(letter for letter in stem if letter.isalnum())
        if room > 0:
            for digest in digests:
                yield f"{plain[:room]}{digest[:HASH_LENGTH]}"
        for length in range(min(self.longest, len(digests[0])), 0, -1):
            for digest in digests:
                yield digest[:length]
                yield f"t{digest[: length - 1]}"


class Renaming:
    """The names and ids of one call. `request` first, then `part`, `parts`, `delta` or `event` for the answer."""

    __slots__ = ("ids", "names")

    def __init__(self, names: Rule | None = None, ids: Rule | None = None) -> None:
        self.names, self.ids = Names(names), Names(ids)

    @property
    def active(self) -> bool:
        """Whether anything was replaced; if not, answers need not pass through here."""
        return bool(self.names.back or self.ids.back)

    def request(self, request: dict[str, Any]) -> dict[str, Any]:
        """The neutral request as the provider takes it: the same object if every name fits."""
        if self.names.anything and self.ids.anything:
            return request
        names, ids = used(request)
        self.names.learn(names)
        self.ids.learn(ids)
        if not self.active:
            return request
        changed = dict(request)
        if "messages" in request:
            changed["messages"] = [self.message(message) for message in request["messages"]]
        if "tools" in request:
            changed["tools"] = [self.named(tool) for tool in request["tools"]]
        if "tool_choice" in request:
            changed["tool_choice"] = self.named(request["tool_choice"])
        return changed

    def message(self, message: dict[str, Any]) -> dict[str, Any]:
        if message.get("role") not in WITH_TOOLS:
            return message
        return {**message, "parts": [self.outward(part) for part in message.get("parts", ())]}

    def outward(self, part: dict[str, Any]) -> dict[str, Any]:
        if part.get("type") not in PARTS:
            return part
        named = self.named(part)
        return {**named, "id": self.ids.out[part["id"]]} if part.get("id") in self.ids.out else named

    def named(self, thing: dict[str, Any]) -> dict[str, Any]:
        name = thing.get("name")
        return {**thing, "name": self.names.out[name]} if name in self.names.out else thing

    # ---- home again -----------------------------------------------------------------------------------------------

    def name(self, back: str) -> str:
        """A tool's name in an answer, as the client knows it."""
        return self.names.back.get(back, back)

    def id(self, back: str) -> str:
        """A call's id in an answer, as the client knows it."""
        return self.ids.back.get(back, back)

    def part(self, part: dict[str, Any]) -> dict[str, Any]:
        if part.get("type") not in PARTS:
            return part
        return self.home(part)

    def home(self, thing: dict[str, Any]) -> dict[str, Any]:
        changed = dict(thing)
        if isinstance(thing.get("name"), str):
            changed["name"] = self.name(thing["name"])
        if isinstance(thing.get("id"), str):
            changed["id"] = self.id(thing["id"])
        return changed

    def response(self, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The parts of an answer, as the client knows their names."""
        return [self.part(part) for part in parts] if self.active else parts

    def delta(self, loose: dict[str, Any]) -> dict[str, Any]:
        """A loose event, before the assembler. It works where a name comes whole; else use `event` behind it."""
        if self.active and loose.get("type") == "delta" and ("name" in loose or "id" in loose):
            return self.home(loose)
        return loose

    def event(self, event: dict[str, Any]) -> dict[str, Any]:
        """An event, behind the assembler."""
        if self.active and event.get("part", {}).get("type") == "tool_call":
            return {**event, "part": self.part(event["part"])}
        return event


def used(request: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Every name of a tool in a neutral request (definitions, choice, calls, results), and every id of a call."""
    names = {tool["name"] for tool in request.get("tools", ()) if "name" in tool}
    ids: set[str] = set()
    chosen = request.get("tool_choice", {}).get("name")
    if chosen is not None:
        names.add(chosen)
    for message in request.get("messages", ()):
        if message.get("role") in WITH_TOOLS:
            for part in message.get("parts", ()):
                if part.get("type") in PARTS:
                    if "id" in part:
                        ids.add(part["id"])
                    if "name" in part:
                        names.add(part["name"])
    return names, ids


@lru_cache(maxsize=256)
def compiled(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(pattern)
