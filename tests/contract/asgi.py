"""Asking an ASGI app in process, and the least that the middleware needs around it: answers, calls, an app."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import connexion
import orjson
from connexion.middleware.lifespan import LifespanMiddleware
from starlette.responses import Response

from handlers.engine.contract import ContractMiddleware, ContractResolver, load_document

SMALL = Path(__file__).with_name("small") / "openapi.yaml"
KEY = b"a-key-for-tests"
BEARER = (b"authorization", b"Bearer " + KEY)
JSON = (b"content-type", b"application/json")


class Plain(Response):
    """A JSON answer."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


@dataclass
class Reply:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    def header(self, name: str) -> str | None:
        found = [value.decode() for key, value in self.headers if key == name.encode()]
        assert len(found) <= 1, f"{name} is there twice"
        return found[0] if found else None


def identify(key: bytes) -> str | None:
    return "tester" if key == KEY else None


def make_call(operation, dialect_name, scope, receive, **more) -> SimpleNamespace:
    return SimpleNamespace(operation=operation, dialect_name=dialect_name, scope=scope, receive=receive, **more)


def render(error, dialect, request_id) -> Response:
    """The neutral error, and which dialect it should have been in."""
    return Plain({**error.as_neutral(), "dialect": dialect, "id": request_id}, status_code=error.status)


def small_app(
    document: dict | None = None, package: str = "contract.small", resolver: ContractResolver | None = None,
    **options: Any,
) -> connexion.AsyncApp:  # fmt: skip
    """The middleware on a contract, the small one unless told otherwise."""
    options = {"make_call": make_call, "render": render, "identify": identify, **options}
    app = connexion.AsyncApp(
        "small", middlewares=[LifespanMiddleware, partial(ContractMiddleware, **options)],
        resolver=resolver or ContractResolver(package),
    )  # fmt: skip
    app.add_api(document or load_document(SMALL))
    return app


async def ask(
    app, method: str, path: str, *, headers: Iterable[tuple[bytes, bytes]] = (BEARER,), body: bytes | None = None,
    pieces: list[bytes] | None = None, query: bytes = b"", root_path: str = "", leave: bool = False,
) -> Reply:  # fmt: skip
    """One request. `pieces` is a body in several messages; with `leave` the caller goes away after them."""
    sent = pieces if pieces is not None else [body or b""]
    incoming = [
        {"type": "http.request", "body": piece, "more_body": leave or number + 1 < len(sent)}
        for number, piece in enumerate(sent)
    ]
    gone = asyncio.Event()

    async def receive():
        if incoming:
            return incoming.pop(0)
        if not leave:
            await gone.wait()
        return {"type": "http.disconnect"}

    messages = []

    async def send(message):
        messages.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": root_path + path, "raw_path": path.encode(), "query_string": query,
        "root_path": root_path, "headers": list(headers), "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 5),
        "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    gone.set()
    if not messages:
        return Reply(0, [], b"")
    return Reply(messages[0]["status"], list(messages[0]["headers"]), b"".join(m["body"] for m in messages[1:]))


def ask_now(app, method: str, path: str, **more: Any) -> Reply:
    return asyncio.run(ask(app, method, path, **more))


def post(app, path: str, value: Any = None, **more: Any) -> Reply:
    """POST a JSON value, or the bytes in `body`."""
    if value is not None:
        more["body"] = orjson.dumps(value)
    return ask_now(app, "POST", path, headers=more.pop("headers", (BEARER, JSON)), **more)
