"""What the two ways through the gateway have in common: whom they serve, and how they fail."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from .answers import Answer, stream_headers
from .frame_writer import FrameWriter
from .gateway_headers import answer_headers
from .provider_errors import provider_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .answers import Headers
    from .assembler import Assembler
    from .call import Call
    from .errors import GatewayError
    from .providers import Door, Target
    from .upstream import UpstreamAnswer


class Journey(ABC):
    """One call on its way to a door and back. `outgoing` and `headers` are what the provider gets.

    `answer` is the neutral answer as far as it is known, but for its parts: `parts` are those that have ended, as the
    caller got them. `begun`: the caller has heard the start of his stream.
    """

    __slots__ = (
        "_answer", "_writer", "assembler", "begun", "call", "client", "door", "headers", "outgoing", "parts",
        "provider",
        "requested", "stream", "target",
    )  # fmt: skip

    headers: Headers
    outgoing: Any
    stream: bool

    def __init__(self, call: Call, target: Target, door: Door) -> None:
        self.call = call
        self.client = call.dialect
        self.target = target
        self.door = door
        self.provider = target.provider
        self.requested: str = target.requested
        self._writer: FrameWriter | None = None
        self._answer: dict[str, Any] | None = None
        self.parts: list[dict[str, Any]] = []
        self.assembler: Assembler | None = None
        self.begun = False

    @property
    def writer(self) -> FrameWriter:
        """Writes the caller's frames. A whole answer needs none."""
        if self._writer is None:
            self._writer = FrameWriter(self.call.framing)
        return self._writer

    @property
    def answer(self) -> dict[str, Any]:
        """The neutral answer as far as it is known."""
        if self._answer is None:
            self._answer = {
                "id": self.call.request_id, "model": self.requested, "created": int(time.time()), "usage": {}
            }  # fmt: skip
        return self._answer

    @answer.setter
    def answer(self, known: dict[str, Any]) -> None:
        self._answer = known

    # ---- how the two differ -----------------------------------------------------------------------------------

    @abstractmethod
    def url(self) -> str:
        """Where the request goes."""

    @abstractmethod
    def streams(self, upstream: UpstreamAnswer) -> bool:
        """Whether the provider's answer is a stream: what it says of itself counts, not what it was asked for."""

    @abstractmethod
    async def whole(self, upstream: UpstreamAnswer) -> Answer:
        """The caller's whole answer."""

    @abstractmethod
    def frames(self, upstream: UpstreamAnswer) -> AsyncIterator[bytes]:
        """The caller's frames, in pieces."""

    # ---- what they share --------------------------------------------------------------------------------------

    def answer_headers(self, upstream: UpstreamAnswer | None) -> Headers:
        return answer_headers(self.call, self.door, upstream)

    def ping(self) -> bytes:
        """What the caller hears while the provider is silent."""
        frames = [*self.opening(), *self.events_of({"type": "ping"})]
        return self.writer.write(frames) if frames else self.writer.quiet

    def opening(self) -> list[Any]:
        """The start of the stream, in dialects where each has one, if it is still to come."""
        if self.begun or not self.client.stream.opens:
            return []
        self.begun = True
        if self.assembler is not None:
            return [frame for event in self.assembler.start() for frame in self.events_of(event)]
        return self.events_of({"type": "start", **self.answer})

    def error_frames(self, error: GatewayError) -> bytes:
        """The last frames of a stream that fails."""
        neutral = self.call.engine.neutral_error(error, self.call.request_id)
        return self.writer.write([*self.opening(), *self.events_of({"type": "error", "error": neutral})])

    def events_of(self, event: dict[str, Any]) -> list[Any]:
        """The caller's frames for an event of the gateway's own."""
        write = self.client.write_event
        if write is None:
            return []
        known, values = {**self.answer, "parts": self.parts}, self.client.values
        given = {"event": event, "response": known, "request": {}, "asked": self.call.body, "values": values}
        return write(given) or []

    def told_in_stream(self, error: GatewayError) -> bool:
        """Whether the caller, who gets no byte before it, hears of this failure in a stream and not by its status."""
        return self.stream and not self.client.errors_in_stream.isdisjoint((error.type, error.code))

    def failed_stream(self, error: GatewayError) -> Answer:
        """A stream that says nothing but why there is none."""
        self.call.failed(error)
        frames = self.error_frames(error) + self.writer.finish()
        return Answer(200, [*stream_headers(self.writer.media_type), *error.headers], frames)

    def sign(self, error: GatewayError, upstream: UpstreamAnswer | None) -> None:
        """Give an error the headers that an answer would have had: who was asked, and what he calls the request."""
        present = {name for name, _ in error.headers}
        headers = self.answer_headers(upstream)
        error.headers = (*error.headers, *(header for header in headers if header[0] not in present))

    async def failure(self, upstream: UpstreamAnswer) -> GatewayError:
        """What a provider's answer of 400 or more means."""
        return self.error_of(upstream, await upstream.read())

    def error_of(self, upstream: UpstreamAnswer, raw: bytes) -> GatewayError:
        error = provider_error(
            self.provider, self.door, upstream.status, upstream.header_map(), raw, self.call.engine.secrets
        )
        error.headers = (*error.headers, *self.answer_headers(upstream))
        return error
