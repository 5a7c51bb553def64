"""The contract, enforced: one middleware that connexion feeds with the specification.

connexion loads and checks the document, resolves every operationId and owns the stack. In `add_api()` each operation is
compiled once; a request is then decided by look-ups and compiled validators, in this order: route, key, parameters,
body (type, size, encoding, syntax, depth, schema), handler. Whatever refuses a request on the way does so with a
GatewayError, and one place turns those into answers in the caller's own dialect.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Protocol

from connexion.middleware.abstract import SpecMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import GatewayError, InvalidRequest, TooLarge
from .bodies import (
    CLOSE,
    LARGE,
    MOST_BYTES,
    CallerLeftError,
    check_length,
    decode,
    encoding_of,
    parse,
    read_body,
    unknown_encoding,
)
from .credentials import Identify, check
from .document import operations
from .explaining import Failure, find_failure
from .large import in_thread, parse_large
from .lingering import linger
from .operation import Binder, Body, DialectRule, JsonBody, Operation, dialect_rule
from .origins import METHODS, Origins, check_local, preflight
from .routing import Routes, unknown_path
from .spelling import Shape, respelt

log = logging.getLogger("morello.contract")

JSON = b"application/json"

Respond = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI response."""

Render = Callable[[GatewayError, str, str], Respond]
"""From an error, the name of a dialect and the request's id to a response."""


class MakeCall(Protocol):
    """Builds what a handler gets as `call`."""

    def __call__(
        self, operation: Operation, dialect_name: str, scope: Scope, receive: Receive, *,
        request_id: str, caller: str | None, raw: bytes, body: Any, parameters: dict[str, Any],
    ) -> Any: ...  # fmt: skip


class Answering:
    """One request while it is answered: what came, the ASGI `send`, and what is known about it for the log.

    `headers` are the request's, by lower-case name. As a `send` it adds the headers that every response carries;
    `status` is 0 until the response has started.
    """

    __slots__ = (
        "added", "call", "caller", "dialect_name", "headers", "operation", "receive", "request_id", "scope", "send",
        "started", "status",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self.started = time.perf_counter()
        self.request_id = "req_" + os.urandom(12).hex()
        self.status = 0
        self.dialect_name = ""
        self.operation: Operation | None = None
        self.caller: str | None = None
        self.call: Any = None
        identifier = self.request_id.encode()
        self.added: list[tuple[bytes, bytes]] = [(b"request-id", identifier), (b"x-request-id", identifier)]

    def __call__(self, message: MutableMapping[str, Any]) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self.added]
        return self.send(message)

    def carry(self, headers: Iterable[tuple[bytes, bytes]], response: Any) -> None:
        """Add an error's headers, unless the response has them already."""
        present = {name for name, _ in getattr(response, "raw_headers", ())}
        self.added += [(name, value) for name, value in headers if name not in present]


class ContractMiddleware(SpecMiddleware):
    """Binds the operations of the contract and answers every request.

    `make_call` builds the call for a handler, `render` the answer for an error. `identify` tells whose key it is; None
    means that no key is asked for (then only this machine may call). `pages` are responses by path beside the
    contract. `ended` is told of every request when it is over.
    """

    def __init__(
        self, app: ASGIApp, *, make_call: MakeCall, render: Render, identify: Identify | None,
        origins: Iterable[str] = (), most_bytes: int = MOST_BYTES, pages: Mapping[str, Respond] | None = None,
        ended: Callable[[Answering], None] | None = None,
    ) -> None:  # fmt: skip
        self.app = app
        self.make_call = make_call
        self.render = render
        self.identify = identify
        self.origins = Origins(origins)
        self.most_bytes = most_bytes
        self.pages = dict(pages or {})
        self.ended = ended
        self.routes = Routes()
        self.dialect = DialectRule("")

    # ---- binding, once ----------------------------------------------------------------------------------------

    def add_api(self, specification: Any, *, resolver: Any = None, **_: Any) -> None:
        """Compile every operation of the specification. Raises ConfigurationError for what cannot be bound."""
        document = specification.raw
        self.dialect = dialect_rule(document.get("x-dialect", document["info"].get("x-dialect")), self.dialect)
        binder = Binder(document, self.dialect)
        for path, method, item, raw in operations(document):
            bound = specification.operation_cls.from_spec(specification, path=path, method=method, resolver=resolver)
            operation = binder.bind(path, method, item, raw, bound.function)
            declared = {each["name"]: each["schema"] for each in bound.parameters if each["in"] == "path"}
            self.routes.add(operation, declared)

    # ---- a request --------------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; the lifespan is the app's."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answering = Answering(scope, receive, send)
        try:
            await self.answer(answering)
        finally:
            if self.ended is not None:
                self.ended(answering)

    async def answer(self, answering: Answering) -> None:
        """Answer one request, failures included. After the first byte a failure cuts the connection."""
        if self.origins:
            answering.added += self.origins.headers(answering.headers.get(b"origin"))
        try:
            response = await self.decide(answering)
            await response(answering.scope, answering.receive, answering)
            return
        except CallerLeftError:
            return
        except GatewayError as error:
            if answering.status:
                raise
            failure = error
        except Exception:
            if answering.status:
                raise
            log.exception("%s: unexpected failure", answering.request_id)
            failure = GatewayError("internal", "The gateway failed on this request; its log says why.")
        await self.refuse(failure, answering)

    async def refuse(self, failure: GatewayError, answering: Answering) -> None:
        """Answer with an error in the caller's dialect."""
        dialect = answering.dialect_name or self.dialect.choose(answering.headers)
        response = self.render(failure, dialect, answering.request_id)
        answering.carry(failure.headers, response)
        if CLOSE in failure.headers:
            await linger(response, answering.scope, answering.receive, answering)
        else:
            await response(answering.scope, answering.receive, answering)

    async def decide(self, answering: Answering) -> Respond:
        """The response to a request. Raises GatewayError for whatever the contract refuses."""
        scope, headers = answering.scope, answering.headers
        path: str = scope["path"]
        if scope.get("root_path"):
            path = below_prefix(path, scope["root_path"])
        method: str = scope["method"]
        found = self.routes.find(path)
        if found is None and path in self.pages and method in ("GET", "HEAD"):
            return self.pages[path]
        if method == "OPTIONS" and self.origins and b"access-control-request-method" in headers:
            return preflight(self.origins, headers, found[0].allow if found else METHODS)
        if found is None:
            raise self.unknown_path(path, answering)
        route, path_values = found
        operation = route.methods.get(method)
        if operation is None:
            answering.dialect_name = route.any.dialect_for(headers)
            raise InvalidRequest(
                f"{method[:20]} is not a method of {route.path}.", status=405, code="method_not_allowed",
                headers=[(b"allow", route.allow)],
            )  # fmt: skip
        answering.operation = operation
        answering.dialect_name = operation.dialect_for(headers)
        return await self.handle(operation, path_values, answering)

    def unknown_path(self, path: str, answering: Answering) -> GatewayError:
        """The 404, in the dialect of the path that was probably meant."""
        near = self.routes.near(path)
        if near is None:
            return unknown_path(path, None)
        answering.dialect_name = near[1].any.dialect_for(answering.headers)
        return unknown_path(path, near[0])

    async def handle(self, operation: Operation, path_values: Mapping[str, str], answering: Answering) -> Respond:
        """Check the request against its operation and call the handler."""
        scope, headers = answering.scope, answering.headers
        if operation.security is not None:
            if self.identify is not None:
                answering.caller = check(operation.security, headers, scope["headers"], self.identify)
            else:
                check_local(headers, self.origins)
        parameters: dict[str, Any] = {}
        if operation.parameters:
            parameters = operation.parameters.read(path_values, scope["query_string"], headers)
        raw, body = b"", None
        if operation.body is not None:
            raw, body = await self.read(operation.body, operation.shape, answering.receive, headers)
        arguments = {name: value for name, value in parameters.items() if name in operation.arguments}
        if "body" in operation.arguments:
            arguments["body"] = body
        if "call" in operation.arguments:
            arguments["call"] = answering.call = self.make_call(
                operation, answering.dialect_name, scope, answering.receive, request_id=answering.request_id,
                caller=answering.caller, raw=raw, body=body, parameters=parameters,
            )  # fmt: skip
        response: Respond = await operation.handler(**arguments)
        return response

    async def read(
        self, declared: Body, shape: Shape | None, receive: Receive, headers: Mapping[bytes, bytes]
    ) -> tuple[bytes, Any]:
        """The body's bytes, decompressed, and what they say. Raises GatewayError where it is not as declared.

        With a `shape`, what they say is in the contract's own spelling.
        """
        media_type = check_media_type(declared, headers.get(b"content-type"))
        encoding = encoding_of(headers)
        json = declared.json
        if json is None or media_type != JSON:
            if encoding is not None:
                raise unknown_encoding("identity")
            return b"", None  # the handler reads it, as it comes
        check_length(headers, self.most_bytes)
        raw = await read_body(receive, self.most_bytes)
        if encoding is not None and raw:
            raw = await decompress(raw, encoding, self.most_bytes)
        if not raw and not declared.required:
            return raw, None
        if len(raw) > LARGE:
            return raw, await in_thread(parse_and_check, json, shape, raw)
        body = respelt(parse(raw), shape)
        if not json.validator.is_valid(body):
            failure = find_failure(json.validator, body)
            if failure is not None:
                raise invalid_body(failure)
        return raw, body


def below_prefix(path: str, prefix: str) -> str:
    """The path without the prefix that the server put before it, nor the one that a proxy has left on it."""
    for _ in range(2):
        if path == prefix or path.startswith(prefix + "/"):
            path = path[len(prefix) :] or "/"
    return path


async def decompress(raw: bytes, encoding: bytes, most: int) -> bytes:
    """The decompressed body: at once if it is not large, else in a thread. Raises GatewayError."""
    if len(raw) <= LARGE <= most:
        with contextlib.suppress(TooLarge):
            return decode(raw, encoding, LARGE)
    return await in_thread(decode, raw, encoding, most)


def check_media_type(declared: Body, written: bytes | None) -> bytes:
    """The body's media type. A missing one counts as JSON; a charset says nothing, since JSON is UTF-8."""
    media_type = (written or JSON).split(b";", 1)[0].strip().lower()
    if media_type not in declared.media_types:
        accepted = b", ".join(sorted(declared.media_types)).decode()
        raise InvalidRequest(
            f"The Content-Type of the request body is not accepted: send {accepted}.", status=415,
            code="unsupported_media_type",
        )  # fmt: skip
    return media_type


def parse_and_check(declared: JsonBody, shape: Shape | None, raw: bytes) -> Any:
    """A large body, parsed and checked in slices. Raises GatewayError 400."""
    sliced = parse_large(raw)
    failure = declared.sliced.find_failure(sliced)
    if failure is not None:
        raise invalid_body(failure)
    return respelt(sliced.value, shape)


def invalid_body(failure: Failure) -> InvalidRequest:
    """The refusal of a body that breaks its schema."""
    return InvalidRequest(failure.sentence, code=failure.code, param=failure.pointer or None)
