"""Google's Gemini API: the operations under the tag `gemini`. The model stands in the path, where the call finds it."""

from __future__ import annotations

from typing import Any

import orjson

from .engine.answers import JSON_HEADERS, Answer, StreamAnswer
from .engine.call import Call
from .engine.resolving import provider_of

METHODS = ["generateContent", "streamGenerateContent"]
PREFIX = "models/"


async def create_generated_content(model: str, body: dict[str, Any], call: Call) -> Answer | StreamAnswer:
    """Answer with whichever provider serves the model."""
    return await call.exchange(body)


async def stream_generated_content(model: str, body: dict[str, Any], call: Call) -> Answer | StreamAnswer:
    """The same, in pieces."""
    return await call.exchange(body)


async def create_provider_generated_content(
    provider_id: str, model: str, body: dict[str, Any], call: Call
) -> Answer | StreamAnswer:
    """The same, with the provider named in the path."""
    return await call.exchange(body, provider_id)


async def stream_provider_generated_content(
    provider_id: str, model: str, body: dict[str, Any], call: Call
) -> Answer | StreamAnswer:
    """The same, in pieces, with the provider named in the path."""
    return await call.exchange(body, provider_id)


async def create_stable_generated_content(model: str, body: dict[str, Any], call: Call) -> Answer | StreamAnswer:
    """The same, under the version that newer clients name."""
    return await call.exchange(body)


async def stream_stable_generated_content(model: str, body: dict[str, Any], call: Call) -> Answer | StreamAnswer:
    """The same, in pieces."""
    return await call.exchange(body)


async def create_provider_stable_generated_content(
    provider_id: str, model: str, body: dict[str, Any], call: Call
) -> Answer | StreamAnswer:
    """The same, with the provider named in the path."""
    return await call.exchange(body, provider_id)


async def stream_provider_stable_generated_content(
    provider_id: str, model: str, body: dict[str, Any], call: Call
) -> Answer | StreamAnswer:
    """The same, in pieces, with the provider named in the path."""
    return await call.exchange(body, provider_id)


async def list_generative_models(call: Call) -> Answer:
    """All models of all providers that are on, in one page."""
    return listed(call, None)


async def list_provider_generative_models(provider_id: str, call: Call) -> Answer:
    """Those of one provider."""
    provider_of(call.engine.configuration, provider_id, "provider_id")
    return listed(call, provider_id)


async def retrieve_generative_model(model: str, call: Call) -> Answer:
    """One model, by its full id or an alias."""
    return Answer(200, JSON_HEADERS, orjson.dumps(entry_of(call.engine.catalogue.entry(model))))


async def retrieve_provider_generative_model(provider_id: str, model: str, call: Call) -> Answer:
    """The same under one provider's path, where the model may stand alone."""
    return Answer(200, JSON_HEADERS, orjson.dumps(entry_of(call.engine.catalogue.entry(model, provider_id))))


def listed(call: Call, provider_id: str | None) -> Answer:
    models = [entry_of(entry) for entry in call.engine.catalogue.entries(provider_id)]
    return Answer(200, JSON_HEADERS, orjson.dumps({"models": models}))


def entry_of(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": PREFIX + entry["id"],
        "displayName": entry["display_name"],
        "version": "1",
        "supportedGenerationMethods": METHODS,
    }
