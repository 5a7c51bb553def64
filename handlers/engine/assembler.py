"""From the loose events of a reader to the strict ones a writer gets.

A reader of stream events is stateless: it says what one frame of the wire holds, in the wire's order. The assembler
opens, numbers and closes the parts, one open at a time, and keeps what must wait: shreds of parallel calls that come
interleaved, the finish and the token counts, which end the stream whenever they came. So an answer cannot be
ill-formed, whoever wrote the reader. The events obey this grammar:

    stream = start part* (finish | error) | error
    part   = part_start part_delta* part_end          an error may come at any place, and is the last
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from .parts import SPOKEN, GrowingPart, Json, joined
from .routes import Routes
from .snapshots import Known, shred_of

FINISH_REASONS = frozenset(("stop", "length", "tool_call", "content_filter", "error", "other"))
USAGE = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens",
    "reasoning_tokens", "input_audio_tokens", "output_audio_tokens",
)  # fmt: skip
TRUNCATED: Json = {
    "type": "upstream",
    "code": "stream_truncated",
    "message": "The provider's stream broke off before the answer was complete.",
    "status": 502,
}
Seal = Callable[[Json], str | None]
"""Gives the signature that a reasoning part carries to the client, from the whole part; None: it carries none."""


class Assembler:
    """Makes one streamed answer well-formed.

    `id`, `model` and `created` (seconds) stand in for what the provider does not say; `answer_as` is the model's name
    for the client, whatever the provider says. `dialect` is the family of the provider. With `seal`, signatures of
    reasoning parts are replaced: one comes just before the part's end, whether the provider signed or not.

    `response` is the neutral response as far as it is known: parts are in it once they have ended. `lost` names what
    the reader left behind, in order.
    """

    def __init__(
        self,
        *,
        id: str = "",
        model: str = "",
        created: int = 0,
        answer_as: str = "",
        dialect: str = "",
        seal: Seal | None = None,
    ) -> None:
        self.response: Json = {"id": id, "model": answer_as or model, "created": created, "parts": [], "usage": {}}
        self.finished = False
        """The provider has said why it stopped; only token counts are still to be expected."""
        self.over = False
        """The last event is out. Whatever is fed now is ignored."""
        self.lost: dict[str, None] = {}
        self._answer_as = answer_as
        self._dialect = dialect
        self._seal = seal
        self._started = False
        self._named = False
        self.open: GrowingPart | None = None
        """The part that is begun, of text or a call, and alone: whose shreds go through at once."""
        self._line: list[GrowingPart] = []
        """The open part, and behind it those that wait for its end."""
        self._routes = Routes(self._line)
        self._ids: set[str] = set()
        self._counts: dict[str, int] = {}
        self._index = 0
        self._raw_reason = ""
        self.snapshots: Known = {}

    # ---- in -------------------------------------------------------------------------------------------------

    def feed(self, loose: Json) -> list[Json]:
        """Take one loose event, give the events that are ready for it.

        A start waits for the first event that is neither start nor usage, so that it carries the counts which come
        with it; `feed_frame` does not let it wait beyond its frame.
        """
        if self.over:
            return []
        kind = loose.get("type")
        if kind == "delta":
            part = self.open
            if part is not None and part.takes(loose):
                text = loose[part.grows]
                part.text.append(text)
                return [self.changed(part, {part.grows: text})]
            return self._delta(loose)
        if kind == "usage":
            self._count(loose)
        elif kind == "finish":
            return self._finish(loose)
        elif kind == "start":
            self._start(loose)
        elif kind == "error":
            return self.interrupted(loose.get("error") or {})
        elif kind == "lost":
            self.lost[str(loose.get("name"))] = None
        return []

    def feed_frame(self, loose_events: Iterable[Json]) -> list[Json]:
        """Take all loose events of one frame of the wire. The start leaves with the frame that named the answer."""
        events: list[Json] = []
        for loose in loose_events:
            events += self.feed(loose)
        if self._named and not self._started and not self.over:
            events += self._started_event()
        return events

    def start(self) -> list[Json]:
        """The start now, for a client who must not wait for the provider's, which then comes too late."""
        return [] if self.over else self._started_event()

    def end(self, *, complete: bool = False) -> list[Json]:
        """The stream has ended. `complete`: by its end marker, which counts as a finish if the provider gave none."""
        if self.over:
            return []
        response = self.response
        reason = response.get("finish_reason")
        if reason is None:
            if not complete and not self._raw_reason:
                return self.interrupted(TRUNCATED)
            reason = response["finish_reason"] = "other"
            if self._raw_reason:
                response["raw_finish_reason"] = self._raw_reason
        events = self._started_event()
        self._drain(events, cut=reason == "length")
        if reason in ("stop", "other") and "tool_call" in self._counts:
            response["finish_reason"] = "tool_call"
        self.over = self.finished = True
        self.open = None
        names = ("finish_reason", "raw_finish_reason", "stop_sequence", "service_tier", "extra")
        finish = {"type": "finish", **{name: response[name] for name in names if name in response}}
        events.append(finish | {"usage": response["usage"].copy()})
        return events

    def interrupted(self, error: Json) -> list[Json]:
        """The stream broke: nothing is closed, nothing follows."""
        if self.over:
            return []
        self.over = True
        self.open = None
        self.response["finish_reason"] = "error"
        return [{"type": "error", "error": {"type": "upstream", "message": "The provider reported an error.", **error}}]

    # ---- what is kept ---------------------------------------------------------------------------------------

    def _start(self, loose: Json) -> None:
        response = self.response
        if not self._started:
            for name in ("id", "created"):
                if loose.get(name):
                    response[name] = loose[name]
            if loose.get("model") and not self._answer_as:
                response["model"] = loose["model"]
            self._named = self._named or bool(loose.get("id") or loose.get("model"))
        if loose.get("service_tier"):
            response["service_tier"] = loose["service_tier"]
        self._extend(loose.get("extra"))

    def _extend(self, extra: dict[str, Json] | None) -> None:
        if extra:
            known = self.response.setdefault("extra", {})
            for family, members in extra.items():
                known[family] = known.get(family, {}) | members

    def _count(self, loose: Json) -> None:
        """Counts are totals, not sums. A zero says that a server does not count there, so it replaces nothing."""
        usage = self.response["usage"]
        for name in USAGE:
            value = loose.get(name)
            if isinstance(value, int | float) and value >= 0 and (value or name not in usage):
                usage[name] = int(value)

    def _finish(self, loose: Json) -> list[Json]:
        reason = loose.get("finish_reason")
        if reason in FINISH_REASONS:
            self.finished = True
            for name in ("finish_reason", "raw_finish_reason", "stop_sequence"):
                if loose.get(name) is not None:
                    self.response[name] = loose[name]
            self._extend(loose.get("extra"))
        elif isinstance(reason, str) and reason:
            # A word nobody translated. It does not end the stream, but an end after it is no accident.
            self._raw_reason = reason
        return []

    # ---- deltas ---------------------------------------------------------------------------------------------

    def _delta(self, loose: Json) -> list[Json]:
        if "snapshot" in loose:
            shred = shred_of(loose, self.snapshots)
            return self.feed(shred) if shred else []
        part = self._routes.part_of(loose)
        if part is None or part.closed:
            return []
        events: list[Json] = []
        changes = part.absorb(loose)
        if self._seal is not None and part.kind == "reasoning":
            changes = [change for change in changes if "signature" not in change]
        if part.begun:
            events += [self.changed(part, change) for change in changes]
        else:
            part.pending += changes
            if part.ready and part not in self._line:
                self._line.append(part)
        if loose.get("end") or (part.redacted and part.key is None):
            part.ended = True
        self._advance(events)
        return events

    # ---- out ------------------------------------------------------------------------------------------------

    def _advance(self, events: list[Json]) -> None:
        """Begin what is first in line; close it when it has ended, or when others wait and no more can come."""
        line = self._line
        while line:
            part = line[0]
            if not part.begun and not part.redacted:
                self._begin(part, events)
            waited_for = len(line) > 1
            if part.ended:
                # A call that ends without arguments waits: only the finish tells whether the answer was cut there.
                done = waited_for or part.kind != "tool_call" or bool(part.text)
            else:
                done = waited_for and not part.may_grow
            if not done:
                break
            self._close(part, events)
        alone = len(line) == 1 and line[0].begun and line[0].kind in SPOKEN
        self.open = line[0] if alone else None
        if alone:
            self._routes.last = line[0]

    def _drain(self, events: list[Json], *, cut: bool) -> None:
        self._line += self._routes.nameless()
        while self._line:
            part = self._line[0]
            if not part.begun and not part.redacted:
                self._begin(part, events)
            self._close(part, events, cut=cut and len(self._line) == 1)

    def _started_event(self) -> list[Json]:
        if self._started:
            return []
        self._started = True
        response = self.response
        start = {"type": "start", "id": response["id"], "model": response["model"], "created": response["created"]}
        for name in ("service_tier", "extra"):
            if name in response:
                start[name] = response[name]
        return [start | {"usage": response["usage"].copy()}]

    def _begin(self, part: GrowingPart, events: list[Json]) -> None:
        events += self._started_event()
        part.begun = True
        part.index = self._index
        self._index += 1
        part.nth = self._counts.get(part.kind, -1) + 1
        self._counts[part.kind] = part.nth
        if part.kind == "tool_call":
            taken = not part.wire_id or part.wire_id in self._ids
            part.id = self._make_id(part.index) if taken else part.wire_id
            self._ids.add(part.id)
        head = part.whole(self._dialect) if part.redacted else part.show(self._dialect)
        events.append({"type": "part_start", "index": part.index, "nth": part.nth, "part": head})
        if not part.redacted:
            events += [self.changed(part, change) for change in joined(part.pending)]
        part.pending = []

    def _close(self, part: GrowingPart, events: list[Json], *, cut: bool = False) -> None:
        self._line.pop(0)
        part.closed = part.ended = True
        if part.kind == "reasoning" and self._seal is not None:
            whole = part.whole(self._dialect)
            sealed = self._seal(whole)
            part.signature = [sealed] if sealed else []
            if sealed and not part.redacted:
                events.append(self.changed(part, {"signature": sealed}))
        if part.redacted:
            self._begin(part, events)
        whole = part.whole(self._dialect, cut=cut)
        if whole.get("arguments") == {} and not "".join(part.text).strip():
            events.append(self.changed(part, {"arguments": "{}"}))  # a call of a tool without parameters
        self.response["parts"].append(whole)
        events.append({"type": "part_end", "index": part.index, "nth": part.nth, "part": whole})

    @staticmethod
    def changed(part: GrowingPart, change: Json) -> Json:
        """The event for a change of a part."""
        return {"type": "part_delta", "index": part.index, "nth": part.nth, "part": part.head, **change}

    def _make_id(self, index: int) -> str:
        """An id for a call that came without one: stable for this answer, and no other answer has it."""
        seed = f"{self.response['id']}:{self.response['created']}:{index}"
        return "call_" + hashlib.blake2b(seed.encode("utf-8", "replace"), digest_size=12).hexdigest()
