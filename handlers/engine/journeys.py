"""What the two ways through the gateway have in common: whom they serve, and how they fail."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from .frame_writer import FrameWriter
from .gateway_headers import answer_headers
from .provider_errors import provider_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .answers import Answer, Headers
    from .call import Call
    from .errors import GatewayError
    from .providers import Door, Target
    from .upstream import UpstreamAnswer


class Journey(ABC):
    """One call on its way to a door and back. `outgoing` and `headers` are what the provider gets."""

    __slots__ = ("call", "client", "door", "headers", "outgoing", "provider", "requested", "stream", "target", "writer")

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
        self.writer = FrameWriter(self.client.stream)

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
        frames = self.events_of({"type": "ping"})
        return self.writer.write(frames) if frames else self.writer.quiet

    def error_frames(self, error: GatewayError) -> bytes:
        """The last frames of a stream that fails."""
        neutral = self.call.engine.neutral_error(error, self.call.request_id)
        return self.writer.write(self.events_of({"type": "error", "error": neutral}))

    def events_of(self, event: dict[str, Any]) -> list[Any]:
        """The caller's frames for an event of the gateway's own."""
        write = self.client.write_event
        if write is None:
            return []
        known = {"id": self.call.request_id, "model": self.requested}
        return write({"event": event, "response": known, "request": {}, "values": self.client.values}) or []

    async def failure(self, upstream: UpstreamAnswer) -> GatewayError:
        """What a provider's answer of 400 or more means."""
        return self.error_of(upstream, await upstream.read())

    def error_of(self, upstream: UpstreamAnswer, raw: bytes) -> GatewayError:
        error = provider_error(
            self.provider, self.door, upstream.status, upstream.header_map(), raw, self.call.engine.secrets
        )
        error.headers = (*error.headers, *self.answer_headers(upstream))
        return error
