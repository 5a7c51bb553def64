"""Two families: the caller's words become the neutral conversation, and that becomes the provider's words.

    request    read_request → link → seals opened → losses told or refused → defaults → names that fit → write_request
               → patch
    answer     read_response → names as the caller knows them → reasoning sealed → write_response
    stream     frames → read_event → assembler → the same → write_event → frames        (translated_stream.py)
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

from . import broken_images, reasoning
from .answer_checks import error_in, lack_of, left_behind, misshapen
from .answers import JSON_HEADERS, Answer, Headers, stream_headers
from .contract.bodies import LARGE
from .contract.large import write_large
from .declared_losses import losses_of, told_of
from .errors import TemplateError, UpstreamError
from .exchange_losses import UNKNOWN
from .gateway_headers import request_headers
from .journeys import Journey
from .linking import is_plain, link
from .losses import Loss, check
from .provider_errors import provider_error
from .raw_reasoning import told_by_seals
from .recorded_usage import counts_of
from .renames import Renaming
from .streams import OF_JSON, READ_ONLY
from .thought_tags import told_apart
from .translated_stream import TranslatedStream, assembled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .call import Call
    from .providers import Door, Target
    from .upstream import UpstreamAnswer


NO_RENAMING = Renaming()
"""Of calls in which no tool is named: there is nothing that it could learn."""


class Translation(Journey):
    """The journey of a body whose provider speaks another family."""

    __slots__ = ("renaming", "request", "values")

    def __init__(self, call: Call, body: dict[str, Any], target: Target, door: Door, losses: list[Loss]) -> None:
        super().__init__(call, target, door)
        self.values = target.values(door)
        self.renaming = NO_RENAMING
        self.request = self.neutral(body, losses)
        self.stream = self.request.get("stream") is True
        self.headers = request_headers(call, door, target.model_id, self.stream)
        self.outgoing: Any = self.prepared()

    @classmethod
    async def begin(cls, call: Call, body: dict[str, Any], target: Target, door: Door) -> Translation:
        """Prepare the request; a large body is prepared in a thread, so that no other call waits for it."""
        tables = call.engine.losses
        table = tables.known_table(call, target, door)
        if table is UNKNOWN:
            table = await tables.table(call, target, door)
        if len(call.raw) <= LARGE:
            return cls.made(call, body, target, door, table)
        return await call.engine.run(len(call.raw), cls.made, call, body, target, door, table)

    @classmethod
    def made(cls, call: Call, body: dict[str, Any], target: Target, door: Door, table: Any) -> Translation:
        call.engine.refuse_big_integers(call)
        return cls(call, body, target, door, table(body) if table is not None else [])

    @staticmethod
    def holds_broken_images(call: Call, body: dict[str, Any]) -> bool:
        """Whether the caller's body has an image in it that cannot be decoded."""
        client = call.dialect
        assert client.read_request is not None
        request = client.read_request({"body": body, "path": call.path(body), "values": client.values})
        return bool(broken_images.replaced(request)[1])

    # ---- the request ------------------------------------------------------------------------------------------

    def neutral(self, body: dict[str, Any], losses: list[Loss]) -> dict[str, Any]:
        """The neutral request as the provider's writer gets it; `call.losses` tells what did not come along."""
        call, door = self.call, self.door
        assert self.client.read_request is not None
        request = self.client.read_request({"body": body, "path": call.path(body), "values": self.client.values})
        if self.provider.broken_images == "replace":
            request, broken = broken_images.replaced(request)
            losses = [*losses, *broken]
        if losses:
            carriers = self.client.reasoning.carriers
            losses = [loss for loss in losses if not told_by_seals(body, loss, carriers)]
        plain = is_plain(request)
        if not plain:
            request, repaired = link(request)
            request, dropped = reasoning.restore(
                request, scope=self.provider.reasoning_scope, native=self.client.family == door.dialect.family,
                replay=door.dialect.reasoning.replay, signed=door.dialect.reasoning.signed,
            )  # fmt: skip
            losses = [*losses, *repaired, *dropped]
        call.losses += losses
        defaults = self.target.defaults(door)
        for name, value in defaults.items():
            if name not in request:
                request = {**request, name: value}
                call.losses.append(Loss("default", name, detail=shown(value)))
        if call.losses:
            check(call.losses, call.on_loss or self.provider.on_loss)
        if not plain or "tools" in request or "tool_choice" in request:
            self.renaming = Renaming(door.dialect.tool_names, door.dialect.tool_ids)
            request = self.renaming.request(request)
        return {**request, "model": self.target.model_id}

    def prepared(self) -> bytes:
        """The body that the provider gets."""
        assert self.door.dialect.write_request is not None
        body = self.door.dialect.write_request({**self.request, "values": self.values})
        if self.door.dialect.told:
            self.tell(body)
        if self.door.patch:
            body = self.door.patch.apply(body, self.target.model_id)
        return dumped(body, len(self.call.raw))

    def tell(self, written: Any) -> None:
        """Tell the losses that the dialect declares."""
        found = told_of(self.door.dialect.told, self.request, written)
        if not found:
            return
        call, read = self.call, self.client.read_request
        assert read is not None
        losses = losses_of(found, call.body, lambda body: read(
            {"body": body, "path": call.path(body), "values": self.client.values}
        ))
        call.losses += losses
        check(losses, call.on_loss or self.provider.on_loss)

    def url(self) -> str:
        return self.door.url(model=self.target.model_id, stream=self.stream)

    # ---- the answer -------------------------------------------------------------------------------------------

    def streams(self, upstream: UpstreamAnswer) -> bool:
        """Whether the provider streams: what it says of itself counts, not what it was asked for."""
        if upstream.status >= 400 or not self.stream or upstream.media_type.endswith("html"):
            return False
        return self.door.dialect.stream.name in OF_JSON or not upstream.media_type.endswith("json")

    async def whole(self, upstream: UpstreamAnswer) -> Answer:
        """The answer in the caller's words: JSON, or a stream in one go where one was asked for and not given."""
        raw = await upstream.read()
        if upstream.status >= 400:
            raise self.error_of(upstream, raw)
        streamed = upstream.media_type == "text/event-stream" or upstream.media_type.endswith("ndjson") or (
            self.door.dialect.stream.name in READ_ONLY and not upstream.media_type.endswith(("json", "html"))
        )
        read = self.read_stream if streamed else self.read
        small = len(raw) <= LARGE
        response = read(raw) if small else await self.call.engine.run(len(raw), read, raw)
        if self.stream:
            return self.as_stream(response, self.answer_headers(upstream))
        if small:
            return self.answered(response, upstream)
        return await self.call.engine.run(len(raw), self.answered, response, upstream)

    def read(self, raw: bytes) -> dict[str, Any]:
        """The neutral response that the provider's JSON is."""
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise UpstreamError(
                f"The provider {self.provider.id} answered with what is no JSON.", code="not_json"
            ) from None
        self.refuse_error_inside(body)
        if lack := lack_of(self.door.dialect, body) or misshapen(self.door.dialect, "response", body):
            raise self.no_answer(lack)
        read = self.door.dialect.read_response
        assert read is not None
        try:
            response = read({"body": body, "request": self.request, "values": self.values})
        except TemplateError as error:
            raise misread(self.provider.id, error) from error
        if not isinstance(response, dict) or "finish_reason" not in response:
            raise self.no_answer("its template finds no finish_reason in it")
        for part in response.get("parts") or ():
            if part.get("type") == "tool_call" and not part.get("name"):
                raise self.no_answer("it calls a tool and names none")
        self.call.losses += left_behind(self.door.dialect, body)
        self.call.losses += [Loss("unsupported", str(name)) for name in response.get("lost") or ()]
        if self.provider.thought_tags is not None:
            response = {**response, "parts": told_apart(response.get("parts") or [], self.provider.thought_tags)}
        return self.completed(response)

    def refuse_error_inside(self, body: Any) -> None:
        """Some providers say 200 and put an error into it."""
        if error_in(self.door.dialect, body) is not None:
            raise provider_error(self.provider, self.door, None, {}, orjson.dumps(body), self.call.engine.secrets)

    def no_answer(self, lack: str) -> UpstreamError:
        return UpstreamError(f"The answer of the provider {self.provider.id} is none: {lack}.", code="misread_answer")

    def read_stream(self, raw: bytes) -> dict[str, Any]:
        """A provider that streams although it was not asked to: the stream, put together."""
        return self.completed(assembled(self, raw))

    def completed(self, response: dict[str, Any]) -> dict[str, Any]:
        """What every answer has, whatever the provider left out; and the caller's own names again."""
        parts, finish_reason = response.get("parts") or [], response["finish_reason"]
        for part in parts:
            if part["type"] == "tool_call":
                parts = self.renaming.response(identified(parts, self.call.request_id))
                if self.client.reasoning.calls == "before" and self.client.family != self.door.dialect.family:
                    parts = reasoning.before_calls(parts)
                finish_reason = "tool_call" if finish_reason in ("stop", "other") else finish_reason
                break
        self.call.usage = counts_of(response.get("usage"))
        created = response.get("created")
        completed = {
            **response,
            "id": str(response.get("id") or self.call.request_id),
            "created": created if isinstance(created, int) and created else int(time.time()),
            "model": self.requested,
            "parts": parts,
            "finish_reason": finish_reason,
        }
        if "usage" in response:
            completed["usage"] = self.call.usage
        return completed

    def outward(self, response: dict[str, Any]) -> dict[str, Any]:
        """Reasoning sealed, where the caller's family is not the maker's."""
        if self.client.family == self.door.dialect.family:
            return response
        maker, form = self.provider.reasoning_scope, self.client.reasoning.seals
        sealed = reasoning.seal_parts(response["parts"], maker, form)
        return response if sealed is response["parts"] else {**response, "parts": sealed}

    def answered(self, response: dict[str, Any], upstream: UpstreamAnswer) -> Answer:
        assert self.client.write_response is not None
        outward = self.outward(response)
        self.call.losses += self.call.engine.losses.of_answer(self.client, response)
        given = {**outward, "request": self.request, "asked": self.call.body, "values": self.client.values}
        body = self.client.write_response(given)
        return Answer(200, [*JSON_HEADERS, *self.answer_headers(upstream)], dumped(body, 0))

    def as_stream(self, response: dict[str, Any], headers: Headers) -> Answer:
        """A whole answer, told as a stream."""
        frames = TranslatedStream(self).told(response) + self.writer.finish()
        return Answer(200, [*stream_headers(self.writer.media_type), *headers], frames)

    def frames(self, upstream: UpstreamAnswer) -> AsyncIterator[bytes]:
        return TranslatedStream(self).frames(upstream)


def identified(parts: list[dict[str, Any]], request_id: str) -> list[dict[str, Any]]:
    """The parts, each call with an id: some formats have none, and callers' own formats tell results apart by it."""
    if all(part.get("id") for part in parts if part["type"] == "tool_call"):
        return parts
    unique = request_id.removeprefix("req_")
    return [
        {**part, "id": part.get("id") or f"call_{unique}_{index}"} if part["type"] == "tool_call" else part
        for index, part in enumerate(parts)
    ]


def misread(provider: str, error: TemplateError) -> UpstreamError:
    """A provider's reader failed on what it got: the provider's answer is not what the dialect says it is."""
    found = UpstreamError(f"The answer of the provider {provider} could not be read.", code="misread_answer")
    found.__cause__ = error
    return found


def shown(value: Any) -> str:
    """A default's value for the header: short, and only if it is plain."""
    return str(value) if isinstance(value, (int, float, str, bool)) else ""


def dumped(body: Any, size: int) -> bytes:
    """JSON bytes. A large body is written in slices, in the thread that prepares it."""
    if size > LARGE:
        return b"".join(write_large(body))
    try:
        return orjson.dumps(body)
    except TypeError as error:
        raise TemplateError(f"what the template gave cannot be written as JSON: {error}") from error

