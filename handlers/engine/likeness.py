"""What one event of a stream became tells what the events like it become, as long as they differ in their text alone.

Nearly all events of a stream are the same bytes around another shred of text, and so are the frames that they become.
Where the shred stands in both is found out once: the templates translate the event with a value in its place that they
can carry and cannot look at (templates/blind.py). If they manage, what they did holds for every text, and the next
events need no more than a look at their beginning, their end and the JSON text between. What else differs from one
event to the next (its number, random padding) may differ as long as no template touches it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from .errors import GatewayError
from .event_shapes import MARKS, TEXT_MARK, Event, EventShape, shape_of
from .reasoning import before_calls
from .templates import SHRED, UNREAD, holds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .frame_writer import FrameWriter
    from .parts import GrowingPart
    from .translated_stream import TranslatedStream

LONGEST = 1 << 14
"""Bytes of an event: longer ones are no shreds."""
PATIENCE = 4
PAYS = 16
"""Events that have to be alike for a likeness to have been worth its finding."""
BEFORE_AND_AFTER = 2


class Likeness(NamedTuple):
    """`shape` is that of the provider's events. `before` and `after` are the caller's bytes around the shred; where he
    numbers his frames, the number and then `last` follow. `texts` is where the part keeps its shreds."""

    shape: EventShape
    before: bytes
    after: bytes
    last: bytes | None
    texts: list[str]

    def follow(self, events: Sequence[bytes], at: int, pieces: list[bytes], writer: FrameWriter) -> int:
        """Translate the events from `at` on as long as they are alike: add the caller's bytes, remember the shreds.
        Gives how many there were."""
        if not events[at].startswith(self.shape.prefix):
            return 0
        found = self.shape.texts(events[at:] if at else events, self.texts)
        if not found:
            return 0
        before, after, last = self.before, self.after, self.last
        if last is None:
            pieces += (before, (after + before).join(found), after)
        else:
            for quoted in found:
                pieces += (before, quoted, after, b"%d" % writer.count, last)
                writer.count += 1
        return len(found)


class Learner:
    """Finds the likenesses of one stream. `patience` is how often it tries before it has paid."""

    __slots__ = ("known", "patience", "reader", "seen", "since", "stream", "writer")

    def __init__(self, stream: TranslatedStream) -> None:
        self.stream = stream
        reader = stream.journey.door.dialect.templates.get("read_event")
        writer = stream.journey.client.templates.get("write_event")
        able = reader is not None and writer is not None and stream.tags is None and stream.writer.joins
        self.patience = PATIENCE if able else 0
        self.reader: Any = reader
        self.writer: Any = writer
        self.seen: Event | None = None
        self.known: Likeness | None = None
        self.since = 0

    def forget(self) -> None:
        """Something else came: what was alike need not be so any more."""
        self.seen = None
        if self.known is not None:
            if len(self.known.texts) - self.since > PAYS:
                self.patience += 1
            self.known = None

    def learn(self, raw: bytes, name: str | None, data: Any, found: list[dict[str, Any]]) -> Likeness | None:
        """What is known after one more event, of which `found` was read."""
        if not found:
            return self.known
        part = self.stream.assembler.open
        if self.patience <= 0 or len(found) != 1 or part is None or not part.takes(found[0]) or len(raw) > LONGEST:
            self.forget()
            return None
        before, self.seen = self.seen, Event(raw, name, data)
        text = found[0][part.grows]
        if before is None or raw.count(orjson.dumps(text)) != 1:
            self.known = None
            return None
        self.patience -= 1
        try:
            self.known = self.likeness(before, self.seen, text, part)
        except (GatewayError, ValueError, TypeError, LookupError, AttributeError):
            self.known = None
        self.since = len(part.text)
        return self.known

    def likeness(self, before: Event, event: Event, text: str, part: GrowingPart) -> Likeness | None:
        stream = self.stream
        found = shape_of(before, event, text, stream.parse, SHRED, UNREAD)
        loose = self.read_blindly(found[1], event.name) if found is not None else None
        if found is None or loose is None or not part.takes(loose) or loose[part.grows] is not SHRED:
            return None
        frames: list[Any] = []
        stream.told_of([stream.assembler.changed(part, {part.grows: SHRED})], frames, self.writer.blind)
        around = self.around(frames)
        return Likeness(found[0], *around, part.text) if around is not None else None

    def read_blindly(self, data: Any, name: str | None) -> dict[str, Any] | None:
        """The one delta that is read of an event, with nothing opaque in it that anybody looks at."""
        found = self.reader.blind({**self.stream.read, "data": data, "event": name}) or []
        if self.stream.before:
            found = before_calls(found)
        if len(found) != 1:
            return None
        loose: dict[str, Any] = found[0]
        rest = {member: value for member, value in loose.items() if member not in ("text", "arguments", "data")}
        return None if holds(rest, SHRED) or holds(rest, UNREAD) else loose

    def around(self, frames: list[Any]) -> tuple[bytes, bytes, bytes | None] | None:
        """The caller's bytes before and behind a shred, and behind the number of its frame."""
        writer = self.stream.writer
        if len(frames) != 1 or holds(frames[0], SHRED) != 1 or not isinstance(frames[0].get("data"), dict):
            return None
        frame = replaced(frames[0])
        if writer.number is not None:
            frame["data"] = {**frame["data"], writer.number: MARKS[int]}
        pieces = writer.unnumbered([frame]).split(TEXT_MARK)
        if len(pieces) != BEFORE_AND_AFTER:
            return None
        if writer.number is None:
            return pieces[0], pieces[1], None
        numbered = pieces[1].split(b"%d" % MARKS[int])
        return (pieces[0], numbered[0], numbered[1]) if len(numbered) == BEFORE_AND_AFTER else None


def replaced(value: Any) -> Any:
    """A frame with the mark in place of the shred."""
    if value is SHRED:
        return MARKS[str]
    if isinstance(value, dict):
        return {name: replaced(member) for name, member in value.items()}
    return [replaced(element) for element in value] if isinstance(value, list) else value
