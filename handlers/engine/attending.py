"""Work that ends when nobody waits for its answer any more: the caller has gone, or the server goes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from .answers import GONE, Answer, RelayedAnswer, StreamAnswer
from .call import LEFT, SHUTDOWN, shutting_down

if TYPE_CHECKING:
    from .call import Call

Made = TypeVar("Made", bound=Answer | StreamAnswer | RelayedAnswer)


async def attended(call: Call, work: Coroutine[Any, Any, Made]) -> Made | Answer:
    """The answer that `work` makes. One that still has to be sent goes on being attended by itself."""
    call.attend()
    answer: Made | None = None
    try:
        answer = await work
    except asyncio.CancelledError as error:
        return ended(call, error)
    finally:
        if not isinstance(answer, StreamAnswer | RelayedAnswer):
            call.release()
    return answer


def ended(call: Call, cancelled: asyncio.CancelledError) -> Answer:
    """What is answered to a caller whose call was cut short: nothing, if he has gone.

    Raises GatewayError if the server goes, and the cancellation itself if it came from elsewhere.
    """
    reason = call.interrupted(cancelled)
    if reason == LEFT:
        return Answer(GONE, [])
    if reason == SHUTDOWN:
        raise shutting_down() from None
    raise cancelled
