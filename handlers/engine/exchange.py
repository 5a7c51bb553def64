"""One request's journey, from a body that satisfies the contract to the answer.

    exchange      1 resolve    "my-acme:large" → provider, model → the door of that provider that suits the caller
                  2 same family on both sides: passthrough.py, the body's bytes with a new `model`
                  3 else: translation.py, read_request → neutral → write_request
    carry         4 send, attended: a caller who leaves cancels the provider's work
                  5 whole answer, or frames as they come; a silent provider is covered by pings
                  6 any failure → GatewayError → the caller's own kind of error, or error event
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import TYPE_CHECKING, Any

from .answers import Answer, StreamAnswer, stream_headers
from .attending import ended
from .call import SHUTDOWN, shutting_down
from .contract.bodies import LARGE
from .errors import GatewayError
from .passthrough import PassThrough
from .resolving import resolve
from .translation import Translation

if TYPE_CHECKING:
    from .call import Call
    from .journeys import Journey
    from .providers import Door, Target
    from .upstream import UpstreamAnswer

async def exchange(call: Call, body: dict[str, Any], provider_id: str | None = None) -> Answer | StreamAnswer:
    """Answer `call` with the provider that serves the model named in `body` (or in the path, by `provider_id`)."""
    configuration = call.engine.configuration
    target = resolve(configuration, call.model_of(body), provider_id)
    call.provider, call.model = target.provider.id, target.model_id
    door = target.provider.door(call.dialect.family)
    call.attend()
    answer: Answer | StreamAnswer | None = None
    journey: Journey | None = None
    try:
        if passes(door, call) and (target.provider.broken_images == "send" or not await holds_broken(call, body)):
            if door.loses or len(call.raw) > LARGE:
                journey = await PassThrough.begin(call, body, target, door)
            else:
                journey = PassThrough(call, body, target, door)
        else:
            journey = await Translation.begin(call, body, target, door)
        answer = await carry(call, journey, target, door)
    except GatewayError as error:
        if journey is None:
            raise
        journey.sign(error, None)
        if not journey.told_in_stream(error):
            raise
        return journey.failed_stream(error)
    except asyncio.CancelledError as error:
        return ended(call, error)
    finally:
        if not isinstance(answer, StreamAnswer):
            call.release()
    return answer


def passes(door: Door, call: Call) -> bool:
    """Whether the body goes through as it is: within a family."""
    return door.dialect.passes_through and door.dialect.family == call.dialect.family


async def holds_broken(call: Call, body: dict[str, Any]) -> bool:
    """Whether something in the body is to be replaced."""
    return await call.engine.run(len(call.raw), Translation.holds_broken_images, call, body)


def carry(
    call: Call, journey: Journey, target: Target, door: Door
) -> Coroutine[Any, Any, Answer | StreamAnswer]:
    """Send what `journey` has prepared and bring the answer back."""
    return (streamed if journey.stream else unstreamed)(call, journey, target, door)


async def unstreamed(call: Call, journey: Journey, target: Target, door: Door) -> Answer | StreamAnswer:
    upstream_of = call.engine.upstream(target.provider)
    upstream = await upstream_of.open(door.dialect.method, journey.url(), journey.headers, journey.outgoing)
    return await whole(journey, upstream)


async def streamed(call: Call, journey: Journey, target: Target, door: Door) -> Answer | StreamAnswer:
    upstream_of = call.engine.upstream(target.provider)
    opening = asyncio.ensure_future(
        upstream_of.open(door.dialect.method, journey.url(), journey.headers, journey.outgoing)
    )
    try:
        await done_within(opening, call.engine.ping_after)
    except asyncio.CancelledError:
        await abandon(opening)
        raise
    if not opening.done():
        return stream_answer(call, journey, None, frames_of(call, journey, opening))
    upstream = opening.result()
    if not journey.streams(upstream):
        return await whole(journey, upstream)
    return stream_answer(call, journey, upstream, frames_of(call, journey, opening))


async def done_within(opening: asyncio.Future[UpstreamAnswer], seconds: float) -> None:
    """Until it is done, or the time is up. asyncio.wait, which does the same for many, costs three times as much."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake(_: object = None) -> None:
        if not waiter.done():
            waiter.set_result(None)

    opening.add_done_callback(wake)
    timer = loop.call_later(seconds, wake)
    try:
        await waiter
    finally:
        timer.cancel()
        opening.remove_done_callback(wake)


async def whole(journey: Journey, upstream: UpstreamAnswer) -> Answer:
    """The answer to what the provider says in one piece; a failure tells whose answer it was."""
    try:
        return await journey.whole(upstream)
    except GatewayError as error:
        journey.sign(error, upstream)
        raise
    finally:
        if not upstream.complete:
            await upstream.aclose()


def stream_answer(
    call: Call, journey: Journey, upstream: UpstreamAnswer | None, frames: AsyncGenerator[bytes, None]
) -> StreamAnswer:
    """The answer that relays `frames`; a late one starts with a ping, so that the caller hears something at once."""
    headers = [*stream_headers(journey.writer.media_type), *journey.answer_headers(upstream)]
    return StreamAnswer(call, headers, frames, ping=journey.ping, late=upstream is None)


async def frames_of(
    call: Call, journey: Journey, opening: asyncio.Future[UpstreamAnswer]
) -> AsyncGenerator[bytes, None]:
    """The frames of one streamed answer; every failure becomes its last frames, never a silent end.

    Raises GatewayError for a failure before the caller has heard anything: its status tells it.
    """
    upstream: UpstreamAnswer | None = None
    try:
        upstream = await opening
        if not journey.streams(upstream):
            yield await late_whole(journey, upstream)
            return
        async for piece in journey.frames(upstream):
            yield piece
        end = journey.writer.finish()
        if end:
            yield end
    except GatewayError as error:
        yield last_frames(call, journey, upstream, error)
    except asyncio.CancelledError as error:
        if call.interrupted(error) != SHUTDOWN:
            raise
        yield last_frames(call, journey, upstream, shutting_down())
    except Exception:
        call.engine.log.exception("%s failed in its stream", call.request_id)
        failure = GatewayError("internal", "The gateway failed while it translated the stream.")
        yield last_frames(call, journey, upstream, failure)
    finally:
        if upstream is not None:
            await upstream.aclose()
        else:
            await abandon(opening)


def last_frames(
    call: Call, journey: Journey, upstream: UpstreamAnswer | None, error: GatewayError
) -> bytes:
    """The frames that tell a failure. Raises it instead, if the caller has heard nothing yet and bears a status."""
    if not call.hears:
        journey.sign(error, upstream)
        if not journey.told_in_stream(error):
            raise error
    call.failed(error)
    return journey.error_frames(error) + journey.writer.finish()


async def late_whole(journey: Journey, upstream: UpstreamAnswer) -> bytes:
    """A late answer turned out to be no stream. Its headers are out: it is told as one, and so is an error."""
    if upstream.status >= 400:
        raise await journey.failure(upstream)
    return bytes((await journey.whole(upstream)).body)


async def abandon(opening: asyncio.Future[UpstreamAnswer]) -> None:
    """Give up a request that is under way, and wait until its connection is closed."""
    opening.cancel()
    try:
        upstream = await opening
    except (asyncio.CancelledError, Exception):
        return
    await upstream.aclose()
