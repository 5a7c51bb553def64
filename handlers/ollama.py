"""Ollama's API: the operations under the tag `ollama`, for tools that know no other."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from .engine.answers import JSON_HEADERS, Answer, StreamAnswer
from .engine.call import Call

SPOKEN_VERSION = "0.12.0"
"""The version whose API is spoken; tools refuse older ones."""
CAPABILITIES = ["completion", "tools", "vision", "thinking"]
"""What a model may be able to do: nobody knows here, and tools offer nothing that is not named."""


async def create_local_chat(body: dict[str, Any], call: Call) -> Answer | StreamAnswer:
    """Answer with whichever provider serves the model."""
    return await call.exchange(body)


async def list_local_models(call: Call) -> Answer:
    """All models of all providers that are on."""
    models = [entry_of(entry) for entry in call.engine.catalogue.entries()]
    return Answer(200, JSON_HEADERS, orjson.dumps({"models": models}))


async def show_local_model(body: dict[str, Any], call: Call) -> Answer:
    """What is known of one model, by its full id or an alias."""
    entry = call.engine.catalogue.entry(body["model"])
    shown = {
        "modified_at": entry["created_at"],
        "modelfile": "",
        "template": "",
        "parameters": "",
        "details": details_of(entry),
        "model_info": {"general.architecture": entry["provider_type"]},
        "capabilities": CAPABILITIES,
    }
    return Answer(200, JSON_HEADERS, orjson.dumps(shown))


async def get_local_version() -> Answer:
    """The version whose API is spoken here."""
    return Answer(200, JSON_HEADERS, orjson.dumps({"version": SPOKEN_VERSION}))


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
