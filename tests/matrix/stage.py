"""The whole gateway in this process, between callers of every dialect and a played provider of every dialect.

Nothing here opens a socket: requests enter as ASGI messages and leave through a transport that keeps what it gets and
answers what it was told. `Stage.ask` is one cell of the matrix.
"""

from __future__ import annotations

import asyncio
import base64
import copy
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import orjson
from matrix.vendor_words import said_by
from rosetta.stories import ROOT, Json, Story, template

from handlers.app import CONTRACT, Morello
from handlers.engine.assembler import Assembler
from handlers.engine.configuration import load_configuration
from handlers.engine.contract.document import load_document
from handlers.engine.dialects import Dialect
from handlers.engine.frame_writer import FrameWriter
from handlers.engine.rehearsal import Heard, ask
from handlers.engine.templates import Kind
from handlers.engine.translated_stream import as_loose
from handlers.engine.upstreams import Upstreams
from handlers.security import Access

CLIENTS = ("openai", "anthropic", "responses", "gemini", "ollama")
REQUESTS = {
    "openai": "ChatCompletionRequest", "anthropic": "MessagesRequest", "responses": "ResponsesRequest",
    "gemini": "GenerateContentRequest", "ollama": "OllamaChatRequest",
}  # fmt: skip
"""The contract's component for what each client sends."""
PATHS = {
    "openai": "/v1/chat/completions", "anthropic": "/v1/messages", "responses": "/v1/responses", "ollama": "/api/chat",
}  # fmt: skip
MEDIA = {"sse": "text/event-stream", "ndjson": "application/x-ndjson"}
FINE: Json = {
    "id": "r1", "model": "m", "created": 1730000000, "parts": [{"type": "text", "text": "Fine."}], "finish_reason": "stop",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}  # fmt: skip

@cache
def contract() -> Json:
    return load_document(CONTRACT)


@cache
def dialects() -> dict[str, Dialect]:
    return load_configuration(ROOT, {}).dialects


@cache
def providers() -> tuple[str, ...]:
    """Every dialect with a root of its own that providers speak."""
    return tuple(name for name, one in dialects().items() if one.speaks_to_providers and one.name == one.family)


class Played(httpx.AsyncBaseTransport):
    """Whoever is asked: it keeps the body, and answers with `says`, bytes of this media type."""

    def __init__(self) -> None:
        self.body: Any = None
        self.headers: dict[str, str]
        self.says: tuple[str, bytes] = ("application/json", b"{}")
        self.status, self.headers = 200, {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.body = orjson.loads(await request.aread())
        return httpx.Response(self.status, headers={"content-type": self.says[0], **self.headers}, content=self.says[1])


class Stage:
    """The gateway with one provider `up-<dialect>` for each dialect, and `strict-<dialect>`, who wants no loss."""

    def __init__(self, home: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.played = Played()
        entries = [
            f"  {kind}-{name}: {{type: {name}, base_url: 'http://127.0.0.1:1', models: any{more}}}"
            for name in providers() for kind, more in (("up", ""), ("strict", ", on_loss: refuse"))
        ]
        (home / "providers.yaml").write_text("providers:\n" + "\n".join(entries) + "\n")
        configuration = load_configuration(home, {})
        transports: dict[str, Any] = dict.fromkeys(configuration.providers, self.played)
        gateway = Morello(configuration, Access(None), document=contract(), upstreams=Upstreams(transports))
        self.configuration, self.asgi = configuration, gateway.asgi

    def ask(
        self, client: str, provider: str, body: Json, *, stream: bool, says: tuple[str, bytes], kind: str = "up",
        **headers: str,
    ) -> tuple[Heard, Any]:
        """What a client hears, and the body that the provider got (None: it got none)."""
        self.played.body, self.played.says = None, says
        model = f"{kind}-{provider}:m"
        body = copy.deepcopy(body)
        path = PATHS.get(client)
        if path is None:
            path = f"/v1beta/models/{model}:{'streamGenerateContent' if stream else 'generateContent'}"
        else:
            body |= {"model": model, "stream": stream}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        heard = self.loop.run_until_complete(ask(self.asgi, path, named, body))
        return heard, self.played.body

    def close(self) -> None:
        self.loop.close()


# ---- what is said -----------------------------------------------------------------------------------------------------


def request_of(story: Story, client: str) -> Json:
    """A story as a client of this dialect sends it: the wire it tells, or what the dialect's own writer makes of it."""
    told = [wire for wire in story.read(client) if client in CLIENTS]
    if told:
        return told[0]
    speaker = dialects()[client]
    given = {**speaker.defaults, **copy.deepcopy(story.neutral), "values": dict(speaker.values)}
    written: Json = template(client, Kind.WRITE_REQUEST)(given)
    return written


def says(provider: str, response: Json, *, stream: bool, request: Json | None = None) -> tuple[str, bytes]:
    """An answer as a provider of this dialect gives it."""
    speaker = dialects()[provider]
    framing = speaker.stream
    if provider == "demo":
        if not stream:
            return "application/json", orjson.dumps(response)
        return MEDIA["ndjson"], b"".join(orjson.dumps(loose) + b"\n" for loose in as_loose(response))
    if speaker.write_response is None or speaker.write_event is None:
        return said_by(provider, response, stream=stream)
    response = {**response, "parts": [spoken(part, provider) for part in response.get("parts", ())
                                      if part["type"] != "unknown" or part["dialect"] == provider]}  # fmt: skip
    shared = {"request": request or {}, "asked": {}, "values": dict(speaker.values)}
    if not stream:
        return "application/json", orjson.dumps(speaker.write_response({**copy.deepcopy(response), **shared}))
    assembler, writer = Assembler(id=response["id"], model="m", created=response["created"], dialect=provider), FrameWriter(framing)
    events = [event for loose in as_loose(response) for event in assembler.feed(loose)] + assembler.end()
    frames = [frame for event in events
              for frame in speaker.write_event({"event": event, "response": assembler.response, **shared}) or []]  # fmt: skip
    return MEDIA[framing.name], writer.write(frames) + writer.finish()


def spoken(part: Json, provider: str) -> Json:
    """A part as this maker would sign it."""
    if provider == "gemini" and part.get("signature"):
        return {**part, "signature": base64.b64encode(part["signature"].encode()).decode()}
    return part
