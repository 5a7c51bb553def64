"""Where everything is put together: contract, handlers, engine, keys → one ASGI app.

connexion loads and checks openapi/openapi.yaml, resolves every operationId to a function of this package and owns app,
stack and lifespan; ContractMiddleware decides each request.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connexion import AsyncApp
from connexion.middleware.lifespan import LifespanMiddleware
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .engine.call import Call
from .engine.configuration import Configuration, load_configuration
from .engine.contract import Answering, ContractMiddleware, ContractResolver, load_document
from .engine.engine import Engine
from .engine.request_log import RequestLog, line_of
from .engine.resources import BUNDLED
from .engine.upstreams import Upstreams
from .security import Access

if TYPE_CHECKING:
    from .large_requests import LargeRequests

Lifespan = Callable[[Any], contextlib.AbstractAsyncContextManager[None]]
CONTRACT = BUNDLED / "openapi" / "openapi.yaml"


class FrontDoor:
    """The ASGI app: connexion's, which binds the contract and owns stack and lifespan.

    Once the stack is built, requests go straight to the middleware in it that answers them all: what stands around it
    would only pass them on.
    """

    def __init__(self, enforcing: Callable[[Any], ContractMiddleware], lifespan: Lifespan) -> None:
        self.contract: ContractMiddleware | None = None

        def innermost(app: Any) -> ContractMiddleware:
            self.contract = enforcing(app)
            return self.contract

        self.app = AsyncApp(
            __name__, middlewares=[LifespanMiddleware, innermost], resolver=ContractResolver(), lifespan=lifespan
        )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and self.contract is not None:
            return self.contract(scope, receive, send)
        return self.app(scope, receive, send)


class Morello:
    """The gateway as an ASGI app (`asgi`), and what is behind it."""

    def __init__(
        self, configuration: Configuration, access: Access, *, document: dict[str, Any] | None = None,
        cors_origins: Iterable[str] = (), log: RequestLog | None = None,
        upstreams: Upstreams | None = None, ping_after: float = 15.0,
    ) -> None:  # fmt: skip
        self.configuration = configuration
        self.document = document or load_document(CONTRACT)
        self.engine = Engine(configuration, self.document, upstreams=upstreams, ping_after=ping_after)
        self.log = log
        self.large: LargeRequests | None = None
        """Who else may answer requests with large bodies."""
        identify = access.keys.identify if access.keys is not None else None
        enforcing = partial(
            ContractMiddleware,
            make_call=partial(Call, self.engine),
            render=self.engine.error_answer,
            identify=identify,
            open_paths=access.open_paths,
            origins=tuple(cors_origins),
            pages=self.engine.documentation.files,
            ended=self.ended,
            elsewhere=self.elsewhere,
        )
        self.asgi = FrontDoor(enforcing, self.lifespan)
        self.asgi.app.add_api(self.document)

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Any) -> AsyncIterator[None]:
        await self.engine.start()
        try:
            yield
        finally:
            await self.engine.close()
            if self.log is not None:
                self.log.close()

    def ended(self, answering: Answering) -> None:
        """One line for each request, however it ended; from the process that has answered it."""
        if self.log is not None and not answering.elsewhere:
            self.log.add(line_of(answering))

    async def elsewhere(self, answering: Answering, raw: bytes) -> Response | None:
        """The answer to a large body from another process, where there is one for it."""
        return None if self.large is None else await self.large.answer(answering, raw)


def create_morello(
    home: Path, access: Access, environment: Mapping[str, str] | None = None, **options: Any
) -> Morello:
    """The gateway for a home folder. Raises ConfigurationError for what an operator wrote wrong."""
    configuration = load_configuration(home, os.environ if environment is None else environment)
    return Morello(configuration, access, **options)
