"""Thoughts that a model writes into its text, between tags such as <think> and </think>.

Servers that do not tell a model's thoughts from its answer leave the tags in. Where a dialect (`reasoning: {tags: …}`)
or a provider (`thought_tags: …`) declares them, what stands between them becomes reasoning, and what follows is the
answer. An opening tag counts only where a text begins: at the start, after another thought, or after something that is
no text. So an answer that merely talks about such tags keeps its words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Event = dict[str, Any]
Tags = tuple[str, str]
TOLD = frozenset(("type", "part", "key", "text", "end", "logprobs"))
END = "\0"
Piece = tuple[str, str]
"""A kind of part, `text` or `reasoning`, and more of its text; an empty `reasoning` says that the thought is over."""


class TagSplitter:
    """Tells thought from answer in a text that comes in shreds. What may yet turn out to be a tag is held back."""

    __slots__ = ("_after_thought", "_answering", "_closing", "_held", "_opening", "_said", "thinking")

    def __init__(self, tags: Tags) -> None:
        self._opening, self._closing = tags
        self.begin_again()

    def begin_again(self) -> None:
        """What comes next is the beginning of a text."""
        self._held = ""
        self.thinking = self._answering = self._said = self._after_thought = False

    def feed(self, shred: str) -> list[Piece]:
        """What is certain after one more shred."""
        if self._answering:
            return [("text", shred)]
        pieces: list[Piece] = []
        self._held += shred
        while self._step(pieces):
            pass
        return pieces

    def _step(self, pieces: list[Piece]) -> bool:
        """Take one thing from what is held; False if more must come first."""
        if self.thinking:
            return self._think(pieces)
        begun = self._held.lstrip()
        if begun.startswith(self._opening):
            self._held = begun[len(self._opening) :]
            self.thinking, self._said = True, False
            return True
        if self._opening.startswith(begun):
            return False
        pieces.append(("text", begun if self._after_thought else self._held))
        self._held, self._answering = "", True
        return False

    def _think(self, pieces: list[Piece]) -> bool:
        thought, closing, rest = self._held.partition(self._closing)
        kept = "" if closing else beginning_at_end(thought, self._closing)
        # The line breaks around a thought are the tags', not its own.
        bare = thought[: len(thought) - len(kept)].rstrip()
        if not self._said:
            bare = bare.lstrip()
        if bare:
            pieces.append(("reasoning", bare))
            self._said = True
        if not closing:
            self._held = thought[len(thought[: len(thought) - len(kept)].rstrip()) :]
            return False
        if self._said:
            pieces.append(("reasoning", ""))
        self._held, self.thinking, self._after_thought = rest, False, True
        return True

    def finish(self) -> list[Piece]:
        """What was held back and is no tag after all; then a text may begin again."""
        held = self._held if self.thinking or not self._after_thought else self._held.strip()
        thinking = self.thinking
        self.begin_again()
        if thinking:
            held = held.rstrip()
        return [("reasoning" if thinking else "text", held)] if held else []


class ThoughtTags:
    """Loose events in, loose events out: text with tags in it becomes reasoning and text."""

    __slots__ = ("_keys", "_splitters", "_tags")

    def __init__(self, tags: Tags) -> None:
        self._tags = tags
        self._splitters: dict[object, TagSplitter] = {}
        self._keys: set[object] = set()
        """The keys under which texts are open, for deltas that say no more than their key."""

    def loose(self, events: Iterable[Event]) -> list[Event]:
        """The events of one frame, thoughts told apart."""
        found: list[Event] = []
        for event in events:
            if event.get("type") == "delta":
                found += self._delta(event)
                continue
            if event.get("type") == "finish":
                found += self.finish()
            found.append(event)
        return found

    def finish(self) -> list[Event]:
        """What is still held back, at the end of the answer."""
        return [event for key in tuple(self._splitters) for event in self._ended(key)]

    def _delta(self, event: Event) -> list[Event]:
        key, kind, shred = event.get("key"), event.get("part"), event.get("text", "")
        if kind is None and (key not in self._keys if key is not None else "text" not in event):
            return [event]
        if kind not in (None, "text") or not isinstance(shred, str):
            return [*self.finish(), event]
        if key is not None:
            self._keys.add(key)
        splitter = self._splitters.get(key)
        if splitter is None:
            splitter = self._splitters[key] = TagSplitter(self._tags)
        pieces = splitter.feed(shred)
        if event.get("end"):
            pieces += self._splitters.pop(key).finish()
        if pieces == [("text", shred)]:
            # A key that a thought used before must not lead to that.
            return [event if kind is not None or key is None else {**event, "part": "text"}]
        found = [told(piece, key) for piece in pieces]
        rest = {name: value for name, value in event.items() if name not in TOLD}
        if rest or event.get("end"):
            # What else the shred says (a citation, say) is about the answer.
            found.append({**event, "part": "text", "text": ""})
        return found

    def _ended(self, key: object) -> list[Event]:
        return [told(piece, key) for piece in self._splitters.pop(key).finish()]


def told(piece: Piece, key: object) -> Event:
    """A piece as a loose event."""
    kind, text = piece
    event: Event = {"type": "delta", "part": kind}
    if key is not None:
        event["key"] = key
    if kind == "reasoning" and not text:
        return {**event, "end": True}
    return {**event, "text": text}


def beginning_at_end(text: str, tag: str) -> str:
    """The longest end of `text` that `tag` may begin with, whole tags excluded."""
    for length in range(min(len(text), len(tag) - 1), 0, -1):
        if text.endswith(tag[:length]):
            return tag[:length]
    return ""


def told_apart(parts: list[Event], tags: Tags) -> list[Event]:
    """The parts of a whole answer, thoughts in texts told apart."""
    found: list[Event] = []
    for part in parts:
        if part.get("type") != "text" or not isinstance(part.get("text"), str):
            found.append(part)
            continue
        splitter = TagSplitter(tags)
        pieces = [*splitter.feed(part["text"]), *splitter.finish()]
        told = "".join(text or END for kind, text in pieces if kind == "reasoning")
        thoughts = [thought for thought in told.split(END) if thought]
        answer = "".join(text for kind, text in pieces if kind == "text")
        found += [{"type": "reasoning", "text": text} for text in thoughts]
        if answer or not thoughts:
            found.append({**part, "text": answer})
    return found
