"""The server that is fuzzed: `demo` and one lenient provider of each dialect behind it, all on real sockets."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from contract.contract_specimens import contract
from fuzz.fuzz_dialects import is_conversation
from fuzz.lenient_gemini import LenientGemini
from fuzz.lenient_others import ANSWERS, LenientCompletions, LenientOllama, LenientResponses, LenientServices
from fuzz.lenient_servers import Lenient, LenientAnthropic, LenientOpenAI
from fuzz.plain_bodies import plain
from schemathesis import Case
from schemathesis.core.parameters import ParameterLocation
from serving import gateway, served

from handlers.engine.answers import Answer
from handlers.engine.engine import Engine
from handlers.engine.errors import GatewayError

LENIENT: dict[str, type[Lenient]] = {
    "chat": LenientOpenAI, "messages": LenientAnthropic, "responses": LenientResponses, "gemini": LenientGemini,
    "ollama": LenientOllama, "texts": LenientCompletions, "services": LenientServices,
}  # fmt: skip
"""The providers by their ids."""
PROVIDERS = """
providers:
  demo: {{type: demo, transport: demo, models: {{echo: {{name: Echo}}}}}}
  chat: {{type: openai, base_url: "{chat}/v1", key: sk-of-chat, models: {{m: {{name: M}}}}}}
  messages: {{type: anthropic, base_url: "{messages}", key: sk-of-messages, models: {{m: {{name: M}}}}}}
  responses: {{type: responses, base_url: "{responses}/v1", key: sk-of-responses, models: {{m: {{name: M}}}}}}
  gemini: {{type: gemini, base_url: "{gemini}", key: key-of-gemini, models: {{m: {{name: M}}}}}}
  ollama: {{type: ollama, base_url: "{ollama}", models: {{m: {{name: M}}}}}}
  texts:
    type: openai
    base_url: "{texts}/v1"
    key: sk-of-texts
    models: {{m: {{name: M}}}}
    services: {{completions: {{path: /completions}}}}
  services:
    type: openai
    base_url: "{services}"
    key: sk-of-services
    models: {{m: {{name: M}}}}
    services: {declared}
"""
"""One provider for each dialect; the wire of `demo` is the neutral conversation."""
TARGETS = ("demo:echo", "chat:m", "messages:m", "responses:m", "gemini:m", "ollama:m")
"""For each caller one of them speaks the caller's own dialect, so that bodies pass through; the others are translated."""


def targets_of(operation: dict[str, Any]) -> tuple[str, ...]:
    """Who answers an operation."""
    rule = operation.get("x-pass-through")
    if rule is None:
        return TARGETS
    if "else" not in rule:
        return ("services:m",)
    return (*TARGETS, "texts:m") if is_conversation(operation) else TARGETS


@dataclass
class World:
    """The address of the gateway, with which code each of its own errors was told, and the providers by their ids."""

    url: str
    codes: dict[str, str | None]
    providers: dict[str, Lenient]


@contextlib.contextmanager
def world_in(home: Path) -> Iterator[World]:
    """The gateway and its providers, as long as the block lasts."""
    codes: dict[str, str | None] = {}

    class TellingEngine(Engine):
        """Notes the code of each error, which not every dialect shows."""

        def error_answer(self, error: GatewayError, dialect_name: str, request_id: str) -> Answer:
            codes[request_id] = error.code
            return super().error_answer(error, dialect_name, request_id)

    providers = {name: lenient() for name, lenient in LENIENT.items()}
    declared = json.dumps({service: {"path": f"/{service}"} for service in ANSWERS})
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr("handlers.app.Engine", TellingEngine)
        urls = {name: stack.enter_context(served(provider)) for name, provider in providers.items()}
        url = stack.enter_context(gateway(home, PROVIDERS.format(declared=declared, **urls)))
        yield World(url, codes, providers)


def provider_of(target: str) -> str:
    return target.split(":", maxsplit=1)[0]


def named(case: Case, target: str, *, by_place: bool, wild: bool) -> Case:
    """The case of a list or of one model with names that exist and one way of paging, unless it is wild or wrong."""
    if wild or (case.meta is not None and case.meta.generation.mode.is_negative):
        return case
    names = {"model": target, "provider_id": provider_of(target)}
    if names.keys() & case.path_parameters:
        case.path_parameters = {name: names[name] for name in case.path_parameters}
    ways = [way for way in ("offset", "after_id", "before_id") if way in case.query]
    if ways:
        chosen = "offset" if "offset" in ways and by_place else ways[-1]
        query = {name: value for name, value in case.query.items() if name not in ways or name == chosen}
        case.query = query if chosen == "offset" else {**query, chosen: target}
    return case


def spelt_once(value: Any) -> Any:
    """`value` without members in snake_case, which would be read as the declared ones of that name: no schema says so."""
    if isinstance(value, dict):
        return {name: spelt_once(member) for name, member in value.items() if "_" not in name}
    return [spelt_once(each) for each in value] if isinstance(value, list) else value


def aimed(case: Case, target: str, stream: bool | None = None, *, wild: bool = True) -> Case:
    """The case with a model that exists, and with or without `stream`; what is wrong with it on purpose stays wrong."""
    body, positive = case.body, case.meta is None or case.meta.generation.mode.is_positive
    if isinstance(body, dict) and "model" not in case.path_parameters:
        if isinstance(body.get("model"), str) and body["model"]:
            body = {**body, "model": target}
        if positive and stream is not None and "model" in body:
            body["stream"] = stream
    if isinstance(body, dict):
        case.body = body if wild or not positive else plain(body)
        operation = contract()["paths"][case.operation.path].get(case.method.lower(), {})
        if positive and "x-spelling" in operation:
            case.body = spelt_once(case.body)
    if positive and not wild:
        case.headers.pop("Gateway-On-Loss", None)
    if case.meta is None or not case.meta.is_negative_at(ParameterLocation.PATH):
        names = {"model": target, "provider_id": provider_of(target)}
        case.path_parameters = {name: names.get(name, value) for name, value in case.path_parameters.items()}
    if positive and stream is not None and case.path.endswith(":streamGenerateContent"):
        case.query = {**case.query, "alt": "sse" if stream else "json"}
    return case
