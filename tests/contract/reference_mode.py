"""Reference mode: the same contract, resolver and handlers on connexion's own middlewares.

Only tests use it. It shows that "connexion binds and validates" is meant literally: what the fast middleware decides is
compared with what connexion decides (test_differential.py). connexion's stack is taken as it comes; around it stands
only what it lacks: how keys are known, and who makes the `call` that handlers ask for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import connexion
from connexion.exceptions import ProblemException
from connexion.lifecycle import ConnexionResponse
from connexion.middleware import ConnexionMiddleware, MiddlewarePosition
from connexion.options import SwaggerUIOptions
from connexion.security import ApiKeySecurityHandler, BearerSecurityHandler
from starlette.exceptions import HTTPException

from handlers.engine.contract import ContractResolver
from handlers.engine.contract.document import operations
from handlers.engine.contract.operation import Binder, DialectRule, dialect_rule
from handlers.engine.errors import GatewayError

ROUTING, CONTEXT = "connexion_routing", "connexion_context"


def reference_app(
    document: dict[str, Any], make_call: Callable[..., Any], identify: Callable[[bytes], str | None], resolver: Any = None
) -> connexion.AsyncApp:
    """The stock stack for a contract."""
    resolver = resolver or ContractResolver()

    def known(key: str, **_: Any) -> dict[str, Any] | None:
        name = identify(key.encode("latin-1"))
        return {"sub": name} if name is not None else None

    app = connexion.AsyncApp(
        "reference",
        middlewares=list(ConnexionMiddleware.default_middlewares),
        resolver=resolver,
        pythonic_params=True,  # without it `providerType` arrives as None, silently
        swagger_ui_options=SwaggerUIOptions(swagger_ui=False, serve_spec=False),
        security_map={"bearer": handler(BearerSecurityHandler, known), "apiKey": handler(ApiKeySecurityHandler, known)},
    )
    app.add_middleware(
        CallRecorder, position=MiddlewarePosition.BEFORE_CONTEXT, document=document, make_call=make_call,
        resolver=resolver,
    )  # fmt: skip
    for kind in (ProblemException, HTTPException, GatewayError, Exception):
        app.add_error_handler(kind, refused)
    app.add_api(document)
    return app


def handler(kind: type, known: Callable[..., Any]) -> type:
    """connexion's handler of a kind of key, with a function of ours instead of a name to import."""

    class Known(kind):  # type: ignore[misc,valid-type]
        def _resolve_func(self, _scheme: dict[str, Any]) -> Callable[..., Any]:
            return known

    return Known


async def refused(_request: Any, error: Exception) -> ConnexionResponse:
    """An answer that only its status is looked at."""
    status = getattr(error, "status", None) or getattr(error, "status_code", None) or 500
    return ConnexionResponse(status_code=status, content_type="application/json", mimetype="application/json", body="{}")


class CallRecorder:
    """Makes the `call` for the handler and gives the body back to connexion, which reads it once more.

    `connexion.request.body()` inside a handler waits for ever, so the bytes must be taken here, on the way.
    """

    def __init__(self, app: Any, *, document: dict[str, Any], make_call: Callable[..., Any], resolver: Any) -> None:
        self.app = app
        self.make_call = make_call
        rule = dialect_rule(document.get("x-dialect"), DialectRule(""))
        binder = Binder(document, rule)
        found = resolver.check(document)
        self.operations = {
            raw["operationId"]: binder.bind(path, method, item, raw, found[raw["operationId"]])
            for path, method, item, raw in operations(document)
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        routing = scope.get("extensions", {}).get(ROUTING, {})
        operation = self.operations.get(routing.get("operation_id"))
        if operation is None:
            await self.app(scope, receive, send)
            return
        raw = b""
        more = True
        while more:
            message = await receive()
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        replayed = [{"type": "http.request", "body": raw, "more_body": False}]

        async def again() -> Any:
            return replayed.pop() if replayed else await receive()

        headers = dict(scope["headers"])
        dialect = operation.dialect_for(headers)
        query = operation.parameters.read(scope.get("path_params", {}), scope["query_string"], headers)
        context = scope["extensions"].setdefault(CONTEXT, {})
        caller = (context.get("user") or None) if context else None
        context["call"] = self.make_call(
            operation, dialect, scope, again, request_id="req_reference", caller=caller, raw=raw, body=None,
            parameters=query,
        )  # fmt: skip
        await self.app(scope, again, send)


