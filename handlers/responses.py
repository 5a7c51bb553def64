"""OpenAI's Responses API: the operations under the tag `responses`."""

from __future__ import annotations

from typing import Any

from .engine.answers import Answer, StreamAnswer
from .engine.call import Call


async def create_response(body: dict[str, Any], call: Call) -> Answer | StreamAnswer:
    """Answer with whichever provider serves the model."""
    return await call.exchange(body)


async def create_provider_response(provider_id: str, body: dict[str, Any], call: Call) -> Answer | StreamAnswer:
    """The same, with the provider named in the path."""
    return await call.exchange(body, provider_id)
