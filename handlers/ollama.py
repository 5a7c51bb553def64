"""Ollama's API: the operations under the tag `ollama`, for tools that know no other."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from .engine.answers import JSON_HEADERS, Answer, StreamAnswer
from .engine.call import Call
from .engine.resolving import provider_of

SPOKEN_VERSION = "0.12.0"
"""The version whose API is spoken; tools refuse older ones."""
CAPABILITIES = ["completion", "tools", "vision", "thinking"]
"""What a model may be able to do: nobody knows here, and tools offer nothing that is not named."""


VERSION = orjson.dumps({"version": SPOKEN_VERSION})


async def create_local_chat(body: dict[str, Any], call: Call) -> Answer | StreamAnswer:
    """Answer with whichever provider serves the model."""
    return await call.exchange(body)


async def create_provider_local_chat(provider_id: str, body: dict[str, Any], call: Call) -> Answer | StreamAnswer:
    """The same, with the provider named in the path."""
    return await call.exchange(body, provider_id)


async def list_local_models(call: Call) -> Answer:
    """All models of all providers that are on."""
    return listed(call, None)


async def list_provider_local_models(provider_id: str, call: Call) -> Answer:
    """Those of one provider."""
    provider_of(call.engine.configuration, provider_id, "provider_id")
    return listed(call, provider_id)


async def show_local_model(body: dict[str, Any], call: Call) -> Answer:
    """What is known of one model, by its full id or an alias."""
    return shown(call, body, None)


async def show_provider_local_model(provider_id: str, body: dict[str, Any], call: Call) -> Answer:
    """The same under one provider's path, where the model may stand alone."""
    return shown(call, body, provider_id)


async def get_local_version() -> Answer:
    """The version whose API is spoken here."""
    return Answer(200, JSON_HEADERS, VERSION)


async def get_provider_local_version(provider_id: str, call: Call) -> Answer:
    """The same, under one provider's path."""
    provider_of(call.engine.configuration, provider_id, "provider_id")
    return Answer(200, JSON_HEADERS, VERSION)


def listed(call: Call, provider_id: str | None) -> Answer:
    models = [entry_of(entry) for entry in call.engine.catalogue.entries(provider_id)]
    return Answer(200, JSON_HEADERS, orjson.dumps({"models": models}))


def shown(call: Call, body: dict[str, Any], provider_id: str | None) -> Answer:
    """What is known of the model that a body names."""
    entry = call.engine.catalogue.entry(body["model"], provider_id)
    known = {
        "modified_at": entry["created_at"],
        "modelfile": "",
        "template": "",
        "parameters": "",
        "details": details_of(entry),
        "model_info": {"general.architecture": entry["provider_type"]},
        "capabilities": CAPABILITIES,
    }
    return Answer(200, JSON_HEADERS, orjson.dumps(known))


def entry_of(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": entry["id"],
        "model": entry["id"],
        "modified_at": entry["created_at"],
        "size": 0,
        "digest": hashlib.sha256(entry["id"].encode()).hexdigest(),
        "details": details_of(entry),
    }


def details_of(entry: dict[str, Any]) -> dict[str, Any]:
    family = entry["provider_type"]
    return {
        "parent_model": "", "format": "", "family": family, "families": [family], "parameter_size": "",
        "quantization_level": "",
    }  # fmt: skip
