"""Same family on both sides: the body goes through, byte for byte but for `model` and what `patch:` touches.

On the way back the caller finds the model's name as he sent it, in a whole answer and in every event; everything else
stays as the provider wrote it. What is checked is the frame: status, media type, that JSON is JSON, the grammar of the
stream. A violation is counted and logged, never mended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from . import raw_reasoning
from .answer_checks import error_in, lack_of, plainly_sound
from .answers import JSON_HEADERS, Answer
from .errors import TemplateError, UpstreamError
from .gateway_headers import request_headers
from .journeys import Journey
from .losses import check
from .provider_errors import own_credential, parsed, provider_error, scrub_bytes
from .query import with_query
from .recorded_usage import usage_of_answer
from .relay import Relay, replaced_models
from .splicing import NotSpliceable, appended, replace_text, splice, top_level
from .streams import OF_JSON
from .translation import Translation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from .call import Call
    from .providers import Door, Target
    from .upstream import UpstreamAnswer


ONLY_MODEL = {"model"}


class PassThrough(Journey):
    """The journey of a body whose provider speaks the caller's family."""

    __slots__ = ("withhold_usage",)

    is_conversation = True
    """Whether the provider's answer is one of the dialect's: what it must have is known then, and how it ends."""

    def __init__(self, call: Call, body: dict[str, Any], target: Target, door: Door) -> None:
        super().__init__(call, target, door)
        self.stream = call.wants_stream(body)
        self.withhold_usage = False
        self.headers = request_headers(call, door, target.model_id, self.stream)
        self.outgoing: Any = self.prepared(body, target)

    @classmethod
    async def begin(cls, call: Call, body: dict[str, Any], target: Target, door: Door) -> PassThrough:
        """Prepare the request; a large body is prepared in a thread, so that no other call waits for it."""
        if door.loses:
            table = await call.engine.losses.table(call, target, door, passing=True)
            call.losses += await call.engine.run(len(call.raw), table, body) if table is not None else []
            check(call.losses, call.on_loss or target.provider.on_loss)
        return await call.engine.run(len(call.raw), cls, call, body, target, door)

    # ---- the request ------------------------------------------------------------------------------------------

    def prepared(self, body: dict[str, Any], target: Target) -> bytes:
        """The bytes that the provider gets."""
        raw = self.call.raw
        changed = self.changed(body, target)
        asked = body.get("model")
        model = self.named(asked, target)
        if changed is body:
            if target.model_id == asked or "model" not in body:
                return raw
            try:
                old = target.requested_json if asked == target.requested else orjson.dumps(asked)
                return replace_text(raw, "model", old, model)
            except NotSpliceable:
                return orjson.dumps({**body, "model": target.model_id})
        edits: dict[str, bytes | None] = {name: None for name in body if name not in changed}
        edits |= {name: orjson.dumps(value) for name, value in changed.items()
                  if name not in body or value is not body[name]}  # fmt: skip
        if "model" in changed:
            edits["model"] = model
        try:
            if body.keys() <= changed.keys() and body.keys() & edits.keys() == ONLY_MODEL and asked == target.requested:
                named_anew = replace_text(raw, "model", target.requested_json, edits.pop("model") or b"")
                return appended(named_anew, {name: value for name, value in edits.items() if value is not None})
            return splice(raw, edits)
        except NotSpliceable:
            named = {"model": target.model_id} if "model" in changed else {}
            return orjson.dumps({**changed, **named})

    def named(self, asked: Any, target: Target) -> bytes:
        """The model's name as JSON, in the form in which the caller wrote it: `models/m`, where lists have it so."""
        listed = self.door.dialect.models
        if listed is None or not listed.prefix or not isinstance(asked, str) or not asked.startswith(listed.prefix):
            return target.model_json
        return orjson.dumps(listed.prefix + target.model_id)

    def changed(self, body: dict[str, Any], target: Target) -> dict[str, Any]:
        """The body with seals opened, defaults filled, patches done, usage asked for: itself, if there is nothing."""
        door, call = self.door, self.call
        changed = call.engine.defaults.fill(call, self.unsealed(body), target, door)
        if door.patch:
            changed = door.patch.apply(changed, target.model_id)
        option = door.dialect.usage_option
        if option is not None and self.stream:
            changed = self.with_usage(changed, option)
        return changed

    def unsealed(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body with its provider's own reasoning as that wrote it, and without anybody else's."""
        dialect, call = self.door.dialect, self.call
        carriers = dialect.reasoning.carriers
        if not carriers or not raw_reasoning.affected(call.raw) or dialect.write_request is None:
            return body
        body, losses = raw_reasoning.restore_messages(
            body, carriers, self.provider.reasoning_scope, dialect.write_request
        )
        call.losses += losses
        if not losses or dialect.reasoning.replay != "required" or dialect.read_request is None:
            return body
        given = {"body": body, "path": call.path(body), "values": self.client.values}
        return raw_reasoning.without_thinking(body, dialect.read_request(given), dialect.write_request)

    def with_usage(self, body: dict[str, Any], option: Any) -> dict[str, Any]:
        """Ask for the usage of a stream; its event is withheld from a caller who did not ask."""
        member, name = option.set.removeprefix("/").split("/")
        options = body.get(member)
        if isinstance(options, dict) and options.get(name) is True:
            return body
        self.withhold_usage = True
        return {**body, member: {**(options if isinstance(options, dict) else {}), name: True}}

    def url(self) -> str:
        url = self.door.url(model=self.target.model_id, stream=self.stream)
        return with_query(url, self.call.scope["query_string"])

    # ---- the answer -------------------------------------------------------------------------------------------

    def streams(self, upstream: UpstreamAnswer) -> bool:
        if self.door.dialect.stream.name in OF_JSON:  # of lines and arrays the media type tells little
            return upstream.status < 400 and not upstream.media_type.endswith("html")
        return upstream.status < 400 and not upstream.media_type.endswith(("json", "html"))

    async def whole(self, upstream: UpstreamAnswer) -> Answer:
        """The provider's answer with the caller's name for the model; an error's body as it is."""
        raw = await upstream.read()
        if upstream.status >= 400:
            return self.refused(upstream, raw)
        if self.stream != upstream.media_type.endswith(("event-stream", "ndjson")):
            return await self.converted(upstream, raw)
        answer = await self.call.engine.run(len(raw), self.renamed, raw)
        return Answer(upstream.status, [*JSON_HEADERS, *self.answer_headers(upstream)], answer)

    def renamed(self, raw: bytes) -> bytes:
        dialect, values = self.door.dialect, top_level(raw)
        try:
            if values is None:
                return self.looked_at(raw, orjson.loads(raw))
            self.count(values)
        except orjson.JSONDecodeError:
            raise self.no_json() from None
        if not plainly_sound(dialect, values):
            raw = self.looked_at(raw, orjson.loads(raw))
        return replaced_models(raw, values, dialect.model_in.response, self.target.requested_json)

    def count(self, values: Mapping[str, Any]) -> None:
        """Note the token counts; where they cannot be read, they are the caller's as they are."""
        try:
            self.call.usage = usage_of_answer(self.door.dialect, values)
        except TemplateError:
            self.call.violations += 1

    def looked_at(self, raw: bytes, body: Any) -> bytes:
        """An answer that may lack something, or tell an error: what is wrong is counted, what is secret goes."""
        dialect, secrets = self.door.dialect, self.call.engine.secrets
        if self.is_conversation and lack_of(dialect, body):
            self.call.violations += 1
        if error_in(dialect, body) is not None:
            self.call.failed(provider_error(self.provider, self.door, None, {}, raw, secrets))
            raw = scrub_bytes(raw, self.call.engine.secret_bytes)
        return raw

    async def converted(self, upstream: UpstreamAnswer, raw: bytes) -> Answer:
        """A stream where a whole answer was asked for, or the other way round: read it, and say it as it was asked."""
        told, self.call.losses = self.call.losses, []
        journey = Translation(self.call, self.call.body, self.target, self.door, [])
        self.call.losses = told
        read = journey.read if self.stream else journey.read_stream
        response = await self.call.engine.run(len(raw), read, raw)
        if self.stream:
            return journey.as_stream(response, self.answer_headers(upstream))
        return await self.call.engine.run(len(raw), journey.answered, response, upstream)

    def ping(self) -> bytes:
        """Before the provider's stream has begun, nothing that would look like its beginning."""
        return self.writer.quiet if self.client.stream.opens and not self.begun else super().ping()

    def refused(self, upstream: UpstreamAnswer, raw: bytes) -> Answer:
        """An error's own bytes, whose wording clients match on; but for our credential's, and what is no JSON."""
        call = self.call
        error = self.error_of(upstream, raw)
        if own_credential(upstream.status) or not isinstance(parsed(raw), dict):
            raise error
        if self.told_in_stream(error):
            raise error
        call.failed(error)
        body = scrub_bytes(raw, call.engine.secret_bytes)
        headers = [*JSON_HEADERS, *self.answer_headers(upstream)]
        return Answer(upstream.status, headers, body)

    def no_json(self) -> UpstreamError:
        return UpstreamError(f"The provider {self.provider.id} answered with what is no JSON.", code="not_json")

    # ---- the stream -------------------------------------------------------------------------------------------

    def frames(self, upstream: UpstreamAnswer) -> AsyncIterator[bytes]:
        return Relay(self).frames(upstream)
