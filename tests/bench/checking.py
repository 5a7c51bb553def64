"""Whether an answer is whole: the text to the last letter, every event of a stream in its place.

JSON is read, always. Of streams the first of a connection are read as a client reads them, event by event; the others are
looked through for the numbers of their words and for their end, which finds what is missing, doubled or out of order.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import orjson
from wire_words import arguments_of, text_of

WORD = re.compile(rb" word(\d+)")
STAMPED = re.compile(r" @\d+;")
ENDS = {"openai": re.compile(rb"data: ?\[DONE\]\s*\Z"), "anthropic": re.compile(rb'"message_stop"[^\n]*\s*\Z')}


class Wrong(AssertionError):
    """An answer that is not what the provider said."""


@dataclass
class Check:
    """What a scenario's answers must hold, in the dialect of the client."""

    dialect: str
    kilobytes: int = 1
    events: int = 0
    tools: bool = False
    numbers: list[bytes] = field(init=False)
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.numbers = [b"%d" % n for n in range(self.events)]
        words = arguments_of(self.events) if self.tools else [f" word{n}" for n in range(self.events)]
        self.text = "".join(words) if self.events else text_of(self.kilobytes)
        if self.tools and not self.events:
            self.text = json.dumps({"city": self.text})

    def quick(self, body: bytes) -> None:
        """Raises Wrong if words are missing or out of order, or the end is not the end."""
        if not self.events:
            self.thorough(body)
            return
        if (found := WORD.findall(body)) != self.numbers:
            raise Wrong(f"{len(found)} of {self.events} events, or not in order")
        if not ENDS[self.dialect].search(body[-400:]):
            raise Wrong(f"the stream has no end: …{body[-80:]!r}")

    def thorough(self, body: bytes) -> None:
        """Raises Wrong if it is not what a client could read, to the provider's last letter."""
        if self.events:
            self.quick(body)
        try:
            found = self._of_stream(body) if self.events else self._of_answer(orjson.loads(body))
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise Wrong(f"it cannot be read: {error!r}") from error
        if self.tools:
            found, wanted = json.loads(STAMPED.sub("", found)), json.loads(self.text)
        else:
            found, wanted = STAMPED.sub("", found), self.text
        if found != wanted:
            raise Wrong(f"another text: {str(found)[:200]!r}")

    def _of_answer(self, body: dict[str, Any]) -> str:
        if self.dialect == "openai":
            message = body["choices"][0]["message"]
            text = message["tool_calls"][0]["function"]["arguments"] if self.tools else message["content"]
            return str(text)
        blocks = [block for block in body["content"] if block["type"] == ("tool_use" if self.tools else "text")]
        return json.dumps(blocks[0]["input"]) if self.tools else str(blocks[0]["text"])

    def _of_stream(self, body: bytes) -> str:
        found = []
        for event in re.split(r"\r?\n\r?\n", body.decode().strip()):
            data = [line[5:].lstrip() for line in event.splitlines() if line.startswith("data:")]
            if data and data[0] != "[DONE]":
                found.append(json.loads("\n".join(data)))
        return self._of_chunks(found) if self.dialect == "openai" else self._of_events(found)

    def _of_chunks(self, chunks: list[dict[str, Any]]) -> str:
        choices = [choice for chunk in chunks for choice in chunk["choices"]]
        if not any(choice.get("finish_reason") for choice in choices):
            raise Wrong("the stream has no finish_reason")
        if not self.tools:
            return "".join(choice["delta"].get("content") or "" for choice in choices)
        calls = [call for choice in choices for call in choice["delta"].get("tool_calls") or ()]
        return "".join(call["function"].get("arguments") or "" for call in calls)

    def _of_events(self, events: list[dict[str, Any]]) -> str:
        order = [event["type"] for event in events if event["type"] not in ("ping", "content_block_delta")]
        if order != ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]:
            raise Wrong(f"events in this order: {order}")
        deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
        return "".join(delta["partial_json" if self.tools else "text"] for delta in deltas)
