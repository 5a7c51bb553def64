"""One call: who is calling, what was asked, and the watch over the caller's connection.

A call is attended from the moment its work begins: when the caller leaves, the task that works for it is cancelled,
and with it the request to the provider, before the first byte as well as after it. A shutdown ends calls the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .errors import GatewayError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from .answers import Answer, StreamAnswer
    from .contract.operation import Operation
    from .dialects import Dialect, Framing
    from .engine import Engine
    from .losses import Loss
    from .services import Served

LEFT, SHUTDOWN = "left", "shutdown"
LEAVING = "morello.leaving"
"""An extension of the ASGI scope: the functions to call when the caller's connection is lost. Where the server has it
(guard.py), no task needs to wait for `http.disconnect`."""
NOTHING: dict[str, Any] = {}


class Call:
    """What a handler is given beside the body.

    `raw` is the body's bytes, unpacked, `body` the parsed JSON (both are nothing where the body is no JSON: then
    `receive` has it), `parameters` the validated path, query and header parameters by name, `caller` the name of the
    key that was used.
    """

    __slots__ = (
        "_attended", "_reason",
        "_task",
        "_watcher",
        "body",
        "caller",
        "dialect",
        "dialect_name",
        "engine",
        "error",
        "hears",
        "losses",
        "model",
        "operation",
        "parameters",
        "provider",
        "raw",
        "receive",
        "request_id",
        "scope",
        "upstream_request_id",
        "usage",
        "violations",
    )  # fmt: skip

    def __init__(
        self, engine: Engine, operation: Operation, dialect_name: str, scope: Scope, receive: Receive, *,
        request_id: str, caller: str | None = None, raw: bytes = b"", body: Any = None,
        parameters: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.engine = engine
        self.operation = operation
        self.dialect_name = dialect_name
        self.dialect: Dialect = engine.configuration.dialects[dialect_name]
        """What the caller speaks here."""
        self.scope = scope
        self.receive = receive
        self.request_id = request_id
        self.caller = caller
        self.raw = raw
        self.body = body
        self.parameters = parameters or {}
        self.provider: str | None = None
        self.model: str | None = None
        self.usage: dict[str, int] = {}
        self.losses: list[Loss] = []
        self.violations = 0
        self.error: GatewayError | None = None
        self.hears = False
        """Whether the head of a streamed answer has been sent: from then on failures are told in the stream."""
        self.upstream_request_id: str | None = None
        self._reason: str | None = None
        self._task: asyncio.Task[Any] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._attended = False

    def model_of(self, body: dict[str, Any]) -> str:
        """The model that is asked for: in the body, or in the path where the contract has it there."""
        model: str = self.parameters["model"] if "model" in self.parameters else body["model"]
        return model

    def wants_stream(self, body: dict[str, Any]) -> bool:
        """Whether a stream is asked for: by the operation itself (`x-stream: true`), else by the body.

        `x-stream: {default: true}` says what holds where the body says nothing.
        """
        declared = self.operation.extensions.get("x-stream")
        if isinstance(declared, bool):
            return declared
        asked = body.get("stream")
        if asked is None:  # null says nothing, too
            return isinstance(declared, dict) and declared.get("default") is True
        return asked is True

    @property
    def framing(self) -> Framing:
        """How a stream reaches this caller: as his dialect frames it, unless the operation says otherwise.

        `x-framing: {by-query: {alt: {sse: sse}}, else: json-array}` chooses by the value of a query parameter.
        """
        declared = self.operation.extensions.get("x-framing")
        if declared is None:
            return self.dialect.stream
        name = declared["else"]
        for parameter, framings in declared.get("by-query", {}).items():
            name = framings.get(self.parameters.get(parameter), name)
        return replace(self.dialect.stream, name=name)

    def path(self, body: dict[str, Any]) -> dict[str, Any]:
        """What a reader of requests learns from elsewhere than the body."""
        return {**self.parameters, "stream": self.wants_stream(body)}

    @property
    def on_loss(self) -> str | None:
        """What the caller wants done when a translation loses something (`report`, `refuse`), if he said."""
        wanted = self.parameters.get("gateway_on_loss")
        return wanted if isinstance(wanted, str) else None

    @property
    def gone(self) -> bool:
        """Whether the caller left before the answer was complete."""
        return self._reason == LEFT

    def failed(self, error: GatewayError) -> None:
        """Remember why this call failed, for the log: its answer may be on its way already."""
        self.error = error

    def header(self, name: bytes) -> str | None:
        """The first value of a request header; `name` in lower case."""
        for key, value in self.scope["headers"]:
            if key == name:
                return str(value.decode("latin-1"))
        return None

    def exchange(
        self, body: dict[str, Any], provider_id: str | None = None
    ) -> Coroutine[Any, Any, Answer | StreamAnswer]:
        """Answer with whichever provider serves the model that `body` names (exchange.py)."""
        return self.engine.exchange(self, body, provider_id)

    def serve(
        self, rule: Mapping[str, Any], body: dict[str, Any] | None, provider_id: str | None = None
    ) -> Coroutine[Any, Any, Served]:
        """Pass this call through to a service of the provider that serves the model (services.py)."""
        return self.engine.serve(self, rule, body, provider_id)

    # ---- the watch --------------------------------------------------------------------------------------------

    def attend(self, receive: Receive | None = None) -> None:
        """From now on the current task is cancelled when the caller leaves."""
        self._task = asyncio.current_task()
        if self._attended:
            return
        self._attended = True
        self.engine.calls.add(self)
        leaving = self.scope.get("extensions", NOTHING).get(LEAVING)
        if leaving is not None:
            leaving.add(self._left)
        else:
            self._watcher = asyncio.ensure_future(self._watch(receive or self.receive))

    def release(self) -> None:
        """The work is done, or given up: nobody needs to watch any more."""
        if not self._attended:
            return
        self._attended = False
        self.engine.calls.discard(self)
        leaving = self.scope.get("extensions", NOTHING).get(LEAVING)
        if leaving is not None:
            leaving.discard(self._left)
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.cancel()

    def _left(self) -> None:
        self.interrupt(LEFT)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.interrupt(LEFT)

    def interrupt(self, reason: str) -> None:
        """Stop the work: `reason` is `left` (the caller is gone) or `shutdown`."""
        if self._reason is None and self._task is not None:
            self._reason = reason
            self._task.cancel()

    def interrupted(self, error: BaseException) -> str | None:
        """Why `error` (a cancellation) came, if it was our own doing; the cancellation is then used up."""
        if not isinstance(error, asyncio.CancelledError) or self._reason is None or self._task is None:
            return None
        self._task.uncancel()
        return self._reason

    def left(self, error: BaseException) -> bool:
        """Whether `error` only says that the caller has gone."""
        return self.interrupted(error) == LEFT


def shutting_down() -> GatewayError:
    """What a caller hears whose call does not end before the server does."""
    return GatewayError("overloaded", "The gateway is shutting down; try again in a moment.", code="shutting_down")
