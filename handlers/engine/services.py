"""What can be asked of a provider beside a conversation, passed through: embeddings, pictures, sounds, rankings …

The contract says what an operation is called (`x-pass-through: {service: rerank}`), providers.yaml who has it and where
(`services: {rerank: {path: /rerank}}`). The body goes through with the provider's own name for the model, in JSON or in
a form; the answer comes back as it is, whatever its media type, JSON with the caller's name for the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from .answers import JSON_HEADERS, Answer, RelayedAnswer, StreamAnswer
from .attending import attended
from .call import LEAVING
from .errors import GatewayError, NotFound, TemplateError, UpstreamError
from .exchange import carry, exchange
from .forms import Form
from .gateway_headers import answer_headers
from .losses import check
from .passthrough import PassThrough
from .provider_errors import parsed
from .query import with_query
from .resolving import resolve
from .token_counting import own_count
from .translation import Translation, dumped, misread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .bodies import Upload
    from .call import Call
    from .providers import Door, Target
    from .upstream import UpstreamAnswer

NOT_THERE = frozenset({404, 405, 501})
"""What a provider answers that speaks the dialect, but does not count."""

Served = Answer | RelayedAnswer | StreamAnswer


async def serve(
    call: Call, rule: Mapping[str, Any], body: dict[str, Any] | None, provider_id: str | None = None
) -> Served:
    """Answer with the provider that serves the model, which the body names, or the form that is still coming in.

    `rule` is what the contract says: `service`, and `else`, which is what happens where the provider does not declare
    that service: `converse` asks for the same in a conversation, `{count: member}` counts the body's tokens here.
    Without it the service is not to be had: NotFound.
    """
    service, otherwise = rule["service"], rule.get("else")
    if body is None:
        return await serve_form(call, service, provider_id)
    target = resolved(call, call.model_of(body), provider_id)
    door = target.provider.serving(service, call.dialect.family)
    if door is None and otherwise == "converse":
        return await exchange(call, body, provider_id)
    counting = otherwise["count"] if isinstance(otherwise, dict) else None
    if counting is None:
        return await attended(call, ask(call, service, body, target, door or nowhere(call, service)))
    if door is not None and (door.dialect.family == call.dialect.family or translates(call, door, service)):
        answer = await attended(call, ask(call, service, body, target, door, counting=True))
        if answer.status_code not in NOT_THERE:
            return answer
    return await own_count(call, body, target.provider.door(call.dialect.family), counting)


async def serve_form(call: Call, service: str, provider_id: str | None) -> Served:
    """The same for a form. Its caller can only be watched by the server: whoever waits for him takes his bytes."""
    form = Form(call.receive, dict(call.scope["headers"]))
    try:
        target = resolved(call, await form.model(), provider_id)
        door = target.provider.serving(service, call.dialect.family) or nowhere(call, service)
        journey = ServiceJourney(call, {}, target, door, service)
        work = send(journey, form.upload(target.model_id.encode()))
        if LEAVING in call.scope.get("extensions", {}):
            return await attended(call, work)
        return await work
    finally:
        form.close()


def resolved(call: Call, model: str, provider_id: str | None) -> Target:
    """Who is asked, for the log too."""
    target = resolve(call.engine.configuration, model, provider_id)
    call.provider, call.model = target.provider.id, target.model_id
    return target


def nowhere(call: Call, service: str) -> Door:
    """There is no such door. Raises NotFound, which names those who have one."""
    having = sorted(one.id for one in call.engine.configuration.on.values() if one.serving(service, ""))
    hint = f"Those that do: {', '.join(having)}." if having else "None of those that are on does."
    raise NotFound(
        f"The provider '{call.provider}' does not declare the service '{service}'. {hint}",
        code="service_not_found", param="model",
    )  # fmt: skip


def translates(call: Call, door: Door, service: str) -> bool:
    """Whether the door has words of its own for what is asked in the caller's."""
    return door.dialect.family != call.dialect.family and service in door.dialect.service_templates


async def ask(
    call: Call, service: str, body: dict[str, Any], target: Target, door: Door, *, counting: bool = False
) -> Served:
    """Send a JSON body, and bring the answer back. `counting`: the body is a conversation, which is asked about."""
    if translates(call, door, service):
        journey: ServiceJourney = await ServiceTranslation.prepare(call, body, target, door, service, counting=counting)
        try:
            return await send(journey, journey.outgoing)
        except GatewayError as error:
            if counting and error.status in NOT_THERE:
                return Answer(error.status, [])
            raise
    journey = await call.engine.run(len(call.raw), ServiceJourney, call, body, target, door, service)
    if journey.stream:
        return await carry(call, journey, target, door)
    return await send(journey, journey.outgoing)


async def send(journey: ServiceJourney, outgoing: bytes | Upload) -> Served:
    """Send what is asked. JSON and failures are read whole; everything else is relayed as it comes."""
    upstream_of = journey.call.engine.upstream(journey.provider)
    answer: Served | None = None
    upstream: UpstreamAnswer | None = None
    try:
        upstream = await upstream_of.open("POST", journey.url(), journey.headers, outgoing)
        if upstream.status >= 400 or upstream.media_type.endswith(("json", "html")):
            answer = await journey.whole(upstream)
        else:
            answer = RelayedAnswer(journey.call, journey.relayed_headers(upstream), upstream)
    except GatewayError as error:
        journey.sign(error, upstream)
        raise
    finally:
        if upstream is not None and not isinstance(answer, RelayedAnswer):
            await upstream.aclose()
    return answer


class ServiceJourney(PassThrough):
    """A body that passes through to a service of a door."""

    __slots__ = ("service",)

    is_conversation = False

    def __init__(self, call: Call, body: dict[str, Any], target: Target, door: Door, service: str) -> None:
        self.service = service
        super().__init__(call, body, target, door)
        if call.body is None:
            own = next((value for name, value in call.scope["headers"] if name == b"content-type"), b"")
            kept = [pair for pair in self.headers if pair[0] != b"content-type"]
            self.headers = [*kept, (b"content-type", own)]

    def changed(self, body: dict[str, Any], target: Target) -> dict[str, Any]:
        """But for seals nothing: defaults and patches are about conversations."""
        return self.unsealed(body)

    def url(self) -> str:
        url = self.door.service_url(self.service, self.target.model_id)
        return with_query(url, self.call.scope["query_string"])

    def streams(self, upstream: UpstreamAnswer) -> bool:
        return upstream.status < 400 and upstream.media_type == "text/event-stream"

    async def whole(self, upstream: UpstreamAnswer) -> Answer:
        """JSON with the caller's name for the model, or a failure in his words."""
        raw = await upstream.read()
        if upstream.status >= 400:
            return self.refused(upstream, raw)
        if not upstream.media_type.endswith(("json", "html")):
            return Answer(upstream.status, self.relayed_headers(upstream), raw)
        answer = await self.call.engine.run(len(raw), self.renamed, raw)
        return Answer(upstream.status, [*JSON_HEADERS, *self.answer_headers(upstream)], answer)

    def refused(self, upstream: UpstreamAnswer, raw: bytes) -> Answer:
        """An error's own bytes where the door speaks the caller's dialect, else what they say."""
        if self.door.dialect.family != self.call.dialect.family and isinstance(parsed(raw), dict):
            raise self.error_of(upstream, raw)
        return super().refused(upstream, raw)

    def relayed_headers(self, upstream: UpstreamAnswer) -> list[tuple[bytes, bytes]]:
        """What goes before bytes that are passed on as they are."""
        kind = upstream.header(b"content-type") or b"application/octet-stream"
        return [(b"content-type", kind), *JSON_HEADERS[1:], *answer_headers(self.call, self.door, upstream)]




class ServiceTranslation(ServiceJourney):
    """A service that is asked in the door's own words, and whose answer is told in the caller's."""

    __slots__ = ("conversation",)

    def __init__(
        self, call: Call, body: dict[str, Any], target: Target, door: Door, service: str, conversation: Any = None
    ) -> None:
        self.conversation = conversation
        super().__init__(call, body, target, door, service)

    @classmethod
    async def prepare(
        cls, call: Call, body: dict[str, Any], target: Target, door: Door, service: str, *, counting: bool
    ) -> ServiceTranslation:
        """What the template does not carry is told or refused; a conversation is translated first."""
        conversation = None
        if counting:
            conversation = orjson.loads((await Translation.begin(call, body, target, door)).outgoing)
        else:
            table = await call.engine.losses.service_table(call, target, door, service)
            call.losses += table(body) if table is not None else []
            check(call.losses, call.on_loss or target.provider.on_loss)
        return await call.engine.run(len(call.raw), cls, call, body, target, door, service, conversation)

    def prepared(self, body: dict[str, Any], target: Target) -> bytes:
        """The body that the provider gets."""
        given = {"body": body, "model": target.model_id, "values": target.values(self.door)}
        if self.conversation is not None:
            given["conversation"] = self.conversation
        return dumped(self.door.dialect.service_templates[self.service].write(given), len(self.call.raw))

    async def whole(self, upstream: UpstreamAnswer) -> Answer:
        raw = await upstream.read()
        if upstream.status >= 400:
            raise self.error_of(upstream, raw)
        answer = await self.call.engine.run(len(raw), self.told, raw)
        return Answer(200, [*JSON_HEADERS, *self.answer_headers(upstream)], answer)

    def told(self, raw: bytes) -> bytes:
        """The caller's answer."""
        body = parsed(raw)
        if isinstance(body, str):
            raise UpstreamError(f"The provider {self.provider.id} answered with what is no JSON.", code="not_json")
        given = {"body": body, "request": self.call.body, "model": self.requested,
                 "values": self.target.values(self.door)}  # fmt: skip
        try:
            answer = self.door.dialect.service_templates[self.service].read(given)
        except TemplateError as error:
            raise misread(self.provider.id, error) from error
        if not isinstance(answer, dict):
            raise UpstreamError(f"The answer of the provider {self.provider.id} is no answer.", code="misread_answer")
        return dumped(answer, len(raw))
