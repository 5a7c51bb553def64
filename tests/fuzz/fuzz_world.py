"""The server that is fuzzed: `demo` and one lenient provider of each dialect behind it, all on real sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fuzz.lenient_servers import Lenient, LenientAnthropic, LenientOpenAI
from fuzz.plain_bodies import plain
from schemathesis import Case
from schemathesis.core.parameters import ParameterLocation
from serving import gateway, served

from handlers.engine.answers import Answer
from handlers.engine.engine import Engine
from handlers.engine.errors import GatewayError

PROVIDERS = """
providers:
  demo: {{type: demo, transport: demo, models: {{echo: {{name: Echo}}}}}}
  chat: {{type: openai, base_url: "{chat}/v1", key: sk-of-chat, models: {{m: {{name: M}}}}}}
  messages: {{type: anthropic, base_url: "{messages}", key: sk-of-messages, models: {{m: {{name: M}}}}}}
"""
"""One provider for each dialect; the wire of `demo` is the neutral conversation."""
TARGETS = ("demo:echo", "chat:m", "messages:m")
"""For each caller one of them speaks the caller's own dialect, so that bodies pass through; the others are translated."""


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

    first, second = LenientOpenAI(), LenientAnthropic()
    with pytest.MonkeyPatch.context() as patch, served(first) as chat, served(second) as messages:
        patch.setattr("handlers.app.Engine", TellingEngine)
        with gateway(home, PROVIDERS.format(chat=chat, messages=messages)) as url:
            yield World(url, codes, {"chat": first, "messages": second})


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


def aimed(case: Case, target: str, stream: bool | None = None, *, wild: bool = True) -> Case:
    """The case of a conversation with a model that exists, and with or without `stream`; what is wrong with it on purpose stays wrong."""
    body, positive = case.body, case.meta is None or case.meta.generation.mode.is_positive
    if isinstance(body, dict) and isinstance(body.get("model"), str) and body["model"]:
        body = {**body, "model": target}
        if positive and stream is not None:
            body["stream"] = stream
        case.body = body if wild or not positive else plain(body)
    if positive and not wild:
        case.headers.pop("Gateway-On-Loss", None)
    wrong_path = case.meta is not None and case.meta.is_negative_at(ParameterLocation.PATH)
    if "provider_id" in case.path_parameters and not wrong_path:
        case.path_parameters = {**case.path_parameters, "provider_id": provider_of(target)}
    return case
