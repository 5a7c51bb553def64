"""The contract, enforced: one middleware that connexion feeds with the specification.

connexion loads and checks the document, resolves every operationId and owns the stack. In `add_api()` each operation is
compiled once; a request is then decided by look-ups and compiled validators, in this order: route, key, parameters,
body (type, size, encoding, syntax, depth, schema), handler. Whatever refuses a request on the way does so with a
GatewayError, and one place turns those into answers in the caller's own dialect.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Protocol

from connexion.middleware.abstract import SpecMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import GatewayError, InvalidRequest
from .bodies import CLOSE, MOST_BYTES, CallerLeftError
from .credentials import Identify, check, open_path
from .declared_bodies import LATER, read_declared, read_large
from .document import operations
from .lingering import linger
from .names import next_name
from .operation import Binder, Credential, DialectRule, Operation, dialect_rule
from .origins import METHODS, Origins, check_local, preflight
from .routing import Routes, unknown_path

log = logging.getLogger("morello.contract")

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


class Elsewhere(Protocol):
    """Has a large body answered somewhere else, or says that nobody else does."""

    async def __call__(self, answering: Answering, raw: bytes, /) -> Respond | None: ...


class Answering:
    """One request while it is answered: what came, the ASGI `send`, and what is known about it for the log.

    `headers` are the request's, by lower-case name. As a `send` it adds the headers that every response carries;
    `status` is 0 until the response has started.
    """

    __slots__ = (
        "added", "call", "caller", "dialect_name", "elsewhere", "error", "headers", "operation", "receive",
        "request_id", "scope", "send", "started", "status",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self.started = time.perf_counter()
        self.request_id = next_name()
        self.status = 0
        self.dialect_name = ""
        self.operation: Operation | None = None
        self.caller: str | None = None
        self.call: Any = None
        self.error: GatewayError | None = None
        self.elsewhere = False
        """Whether another process answers, and tells the log."""
        identifier = self.request_id.encode("ascii")
        self.added: list[tuple[bytes, bytes]] = [(b"request-id", identifier), (b"x-request-id", identifier)]

    def __call__(self, message: MutableMapping[str, Any]) -> Awaitable[None]:
        if "status" in message:  # the start of an answer, or a whole one
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
    means that no key is asked for (then only this machine may call); `open_paths` are globs of paths where this is so.
    `pages` are responses by path beside the contract. `ended` is told of every request when it is over. `elsewhere` is
    asked first about every large body.
    """

    def __init__(
        self, app: ASGIApp, *, make_call: MakeCall, render: Render, identify: Identify | None,
        origins: Iterable[str] = (), most_bytes: int = MOST_BYTES, pages: Mapping[str, Respond] | None = None,
        ended: Callable[[Answering], None] | None = None, open_paths: Iterable[str] = (),
        elsewhere: Elsewhere | None = None,
    ) -> None:  # fmt: skip
        self.app = app
        self.make_call = make_call
        self.render = render
        self.identify = identify
        self.opens = open_path(open_paths)
        self.origins = Origins(origins)
        self.with_origins = bool(self.origins)
        self.most_bytes = most_bytes
        self.pages = dict(pages or {})
        self.ended = ended
        self.elsewhere = elsewhere
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
        self.routes.link()

    # ---- a request --------------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; the lifespan is the app's."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answering = Answering(scope, receive, send)
        try:
            if self.with_origins:
                answering.added += self.origins.headers(answering.headers.get(b"origin"))
            response = await self.decide(answering)
            await response(scope, receive, answering)
        except CallerLeftError:
            pass
        except Exception as error:
            if answering.status:
                raise  # after the first byte a failure cuts the connection
            await self.refuse(self.failure(error, answering), answering)
        finally:
            if self.ended is not None:
                self.ended(answering)

    def failure(self, error: Exception, answering: Answering) -> GatewayError:
        """What a caller hears of an error."""
        if isinstance(error, GatewayError):
            return error
        log.error("%s: unexpected failure", answering.request_id, exc_info=error)
        return GatewayError("internal", "The gateway failed on this request; its log says why.")

    async def refuse(self, failure: GatewayError, answering: Answering) -> None:
        """Answer with an error in the caller's dialect."""
        answering.error = failure
        dialect = answering.dialect_name or self.dialect.choose(answering.headers)
        response = self.render(failure, dialect, answering.request_id)
        answering.carry(failure.headers, response)
        if CLOSE in failure.headers:
            await linger(response, answering.scope, answering.receive, answering)
        else:
            await response(answering.scope, answering.receive, answering)

    def decide(self, answering: Answering) -> Awaitable[Respond]:
        """The response to a request. Raises GatewayError, now or when awaited, for whatever the contract refuses."""
        scope, headers = answering.scope, answering.headers
        path: str = scope["path"]
        if scope.get("root_path"):
            path = below_prefix(path, scope["root_path"])
        method: str = scope["method"]
        found = self.routes.find(path)
        if found is None and path in self.pages and method in ("GET", "HEAD"):
            return ready(self.pages[path])
        if method == "OPTIONS" and self.origins and b"access-control-request-method" in headers:
            return ready(preflight(self.origins, headers, found[0].allow if found else METHODS))
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
        if operation.instead:
            operation = operation.for_caller(headers)
        answering.operation = operation
        answering.dialect_name = operation.dialect_for(headers)
        return self.handle(operation, path_values, answering)

    def unknown_path(self, path: str, answering: Answering) -> GatewayError:
        """The 404, in the dialect of the path that was probably meant."""
        near = self.routes.near(path)
        if near is None:
            answering.dialect_name = self.dialect.choose(answering.headers, path)
            return unknown_path(path, None)
        answering.dialect_name = near[1].any.dialect_for(answering.headers)
        return unknown_path(path, near[0])

    async def handle(self, operation: Operation, path_values: Mapping[str, str], answering: Answering) -> Respond:
        """Check the request against its operation and call the handler."""
        scope, headers = answering.scope, answering.headers
        if operation.security is not None:
            answering.caller = self.caller(operation.security, scope, headers)
        parameters: dict[str, Any] = {}
        if operation.has_parameters:
            parameters = operation.parameters.read(path_values, scope["query_string"], headers)
        raw, body = b"", None
        if operation.body is not None:
            raw, body = await read_declared(
                operation.body, operation.shape, answering.receive, headers, self.most_bytes
            )
            if body is LATER:
                if self.elsewhere is not None and (answer := await self.elsewhere(answering, raw)) is not None:
                    return answer
                body = await read_large(operation.body, operation.shape, raw)
        wanted = operation.arguments
        arguments = {name: value for name, value in parameters.items() if name in wanted} if parameters else {}
        if "body" in wanted:
            arguments["body"] = body
        if "call" in wanted:
            arguments["call"] = answering.call = self.make_call(
                operation, answering.dialect_name, scope, answering.receive, request_id=answering.request_id,
                caller=answering.caller, raw=raw, body=body, parameters=parameters,
            )  # fmt: skip
        response: Respond = await operation.handler(**arguments)
        return response

    def caller(
        self, security: Sequence[Credential], scope: Scope, headers: Mapping[bytes, bytes]
    ) -> str | None:
        """The caller's name, if a key says it. Raises GatewayError for who shows none where one is needed, and for
        strangers where none is."""
        if self.identify is not None:
            try:
                return check(security, headers, scope["headers"], self.identify)
            except GatewayError:
                if not self.opens(below_prefix(scope["path"], scope.get("root_path", ""))):
                    raise
        check_local(headers, self.origins)
        return None


async def ready(response: Respond) -> Respond:
    """A response that needs no more thought."""
    return response


def below_prefix(path: str, prefix: str) -> str:
    """The path without the prefix that the server put before it, nor the one that a proxy has left on it."""
    for _ in range(2):
        if path == prefix or path.startswith(prefix + "/"):
            path = path[len(prefix) :] or "/"
    return path
