"""The contract on both stacks, the fast one and connexion's own, with calls whose exchange is over at once."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import orjson
from contract.asgi import identify, small_app
from contract.reference_mode import reference_app

from handlers.engine.answers import JSON_HEADERS, Answer
from handlers.engine.contract import load_document
from handlers.engine.forms import Form
from handlers.engine.resources import BUNDLED

DOCUMENT = load_document(BUNDLED / "openapi" / "openapi.yaml")


class StubCall:
    """A call whose exchange is over at once: only the decision counts here. Every model is known."""

    heard: ClassVar[list[Any]] = []
    """The body of the last exchange."""
    engine = SimpleNamespace(catalogue=SimpleNamespace(entry=lambda *_: {"created_at": "", "provider_type": ""}))

    def __init__(self, operation: Any, dialect_name: str, scope: Any, receive: Any, **more: Any) -> None:
        self.operation, self.dialect_name, self.scope, self.receive = operation, dialect_name, scope, receive
        self.__dict__.update(more)

    async def exchange(self, body: dict[str, Any], provider_id: str | None = None) -> Answer:
        self.heard[:] = [body]
        return Answer(200, JSON_HEADERS, orjson.dumps([body.get("model"), provider_id]))

    async def serve(self, rule: Any, body: dict[str, Any] | None, provider_id: str | None = None) -> Answer:
        if body is not None:
            return await self.exchange(body, provider_id)
        form = Form(self.receive, dict(self.scope["headers"]))
        try:
            model = await form.model()
            return await self.exchange({"model": model, "sent": b"".join([piece async for piece in form.pieces(b"m")])})
        finally:
            form.close()


@contextlib.contextmanager
def both_stacks() -> Iterator[tuple[Any, Any]]:
    """The fast stack and the stock one, on the same contract, resolver and handlers; connexion says nothing meanwhile."""
    quiet = [logging.getLogger("connexion"), logging.getLogger("root")]
    levels = [each.level for each in quiet]
    for each in quiet:
        each.setLevel(logging.CRITICAL)
    yield small_app(DOCUMENT, package="handlers", make_call=StubCall), reference_app(DOCUMENT, StubCall, identify)
    for each, level in zip(quiet, levels, strict=True):
        each.setLevel(level)
