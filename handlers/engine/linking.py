"""Calls and results of tools, brought into order once a conversation is neutral.

Four laws. A call without an id gets one, the same each time; a result without one is that of the first open call of its
name. A `tool_result` carries the name of its call. Adjacent `tool` messages are one message. Each call has one id, and
each result one call before it: what was merely sent twice is repaired and reported, anything else is refused
with the ids in the message, because the provider would refuse it on every later turn with less helpful words.
A call whose result is missing is left to the provider: some accept it.
"""

from __future__ import annotations

from typing import Any

from .errors import InvalidRequest
from .losses import Loss

Part = dict[str, Any]
OF_TURNS = ("tool_call", "tool_result", "reasoning")


def is_plain(request: dict[str, Any]) -> bool:
    """Whether no tool was called and no thought was told in a conversation, so that nothing in it needs order."""
    for message in request.get("messages", ()):
        role = message.get("role")
        if role == "tool":
            return False
        if role == "assistant":
            for part in message.get("parts", ()):
                if part.get("type") in OF_TURNS:
                    return False
    return True


def link(request: dict[str, Any]) -> tuple[dict[str, Any], list[Loss]]:
    """The neutral request in order, and what was repaired. The request itself if there is nothing to do.

    Raises InvalidRequest (codes `tool_result_without_call`, `conflicting_tool_ids`) that names the ids.
    """
    linker = Linker()
    messages: list[dict[str, Any]] = []
    changed = False
    for message in request.get("messages", ()):
        role = message.get("role")
        if role not in ("assistant", "tool"):
            messages.append(message)
            continue
        parts = linker.read(role, message.get("parts", ()))
        if role == "tool" and messages and messages[-1].get("role") == "tool":
            more = message["parts"] if parts is None else parts
            messages[-1] = {**messages[-1], "parts": [*messages[-1]["parts"], *more]}
            changed = True
        elif parts is None:
            messages.append(message)
        else:
            changed = True
            if parts:
                messages.append({**message, "parts": parts})
    linker.check()
    return ({**request, "messages": messages} if changed else request), linker.losses


class Linker:
    """Goes through the parts in the order of the conversation and remembers the calls."""

    def __init__(self) -> None:
        self.calls: dict[str, Part] = {}        # by id: the latest call
        self.results: dict[str, Part] = {}      # by id: the result of that call, once it was given
        self.losses: list[Loss] = []
        self.orphans: list[str] = []
        self.conflicts: list[str] = []
        self.open: list[tuple[str, str]] = []   # names and ids of this turn's calls that have no result yet
        self.made = 0
        self.last_role = ""

    def read(self, role: str, parts: Any) -> list[Part] | None:
        """The parts as they should be; None if they are so already."""
        kept: list[Part] = []
        changed = False
        if role == "assistant" and self.last_role != role:
            self.open = []
        self.last_role = role
        for given in parts:
            part = given
            kind = part.get("type")
            if kind in ("tool_call", "tool_result") and "id" not in part:
                part = {**part, "id": self.id_of(part)}
            known: Part | None = part
            if role == "assistant" and kind == "tool_call":
                known = self.call(part)
            elif role == "tool" and kind == "tool_result":
                known = self.result(part)
            changed = changed or known is not given
            if known is not None:
                kept.append(known)
        return kept if changed else None

    def id_of(self, part: Part) -> str:
        """The id of a call or a result that came without one: some formats tell them apart by name and order."""
        name = part.get("name", "")
        if part["type"] == "tool_call":
            self.made += 1
            while f"call_{self.made}" in self.calls:
                self.made += 1
            return f"call_{self.made}"
        found = next((one for one in self.open if name in ("", one[0])), None)
        return found[1] if found is not None else name or "unnamed"

    def call(self, part: Part) -> Part | None:
        name = part["id"]
        earlier = self.calls.get(name)
        if earlier is not None and name not in self.results:
            # Two calls under one id, and no result between them. An id used again after its result is a new call:
            # there are models that number their calls from nought in each turn.
            if without_cache(earlier) != without_cache(part):
                self.conflicts.append(name)
                return part
            self.losses.append(Loss("compatibility", f"tool_call:{name}"))
            return None
        self.calls[name] = part
        self.open.append((part.get("name", ""), name))
        self.results.pop(name, None)
        return part

    def result(self, part: Part) -> Part | None:
        name = part["id"]
        call = self.calls.get(name)
        if call is None:
            self.orphans.append(name)
            return part
        earlier = self.results.get(name)
        if earlier is not None:
            if without_cache(earlier) != without_cache(part):
                self.conflicts.append(name)
                return part
            self.losses.append(Loss("compatibility", f"tool_result:{name}"))
            return None
        self.results[name] = part
        self.open = [one for one in self.open if one[1] != name]
        return part if "name" in part else {**part, "name": call["name"]}

    def check(self) -> None:
        if self.orphans:
            raise InvalidRequest(
                f"The conversation holds results of tools that nothing before them called: ids {listed(self.orphans)}. "
                "Send the assistant's message with these calls before them, or leave the results out.",
                code="tool_result_without_call",
                param="messages",
            )
        if self.conflicts:
            raise InvalidRequest(
                f"The conversation uses the same id for different calls or results of tools: {listed(self.conflicts)}. "
                "Each call needs an id of its own, and one result.",
                code="conflicting_tool_ids",
                param="messages",
            )


def without_cache(part: Part) -> Part:
    """What makes two parts the same: a cache hint moves from turn to turn, and says nothing about the content."""
    return {key: value for key, value in part.items() if key != "cache"}


def listed(ids: list[str]) -> str:
    distinct = list(dict.fromkeys(ids))
    told = ", ".join(f"{name[:80]!r}" for name in distinct[:10])
    return told + (f" and {len(distinct) - 10} more" if len(distinct) > 10 else "")
