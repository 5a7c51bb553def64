"""What all calls share: the configuration in force, the connections to providers, the tables of losses, the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from .answers import JSON_HEADERS, Answer
from .call import SHUTDOWN, Call
from .configuration import spellings
from .contract.bodies import LARGE
from .contract.integers import integer_beyond_64_bits, may_hold_one
from .contract.large import in_thread, is_light
from .contract.pages import Documentation
from .defaults import Defaults
from .errors import GatewayError, InvalidRequest, TemplateError
from .exchange import exchange
from .exchange_losses import LossTables
from .model_catalogue import Catalogue
from .resources import BUNDLED
from .services import serve
from .token_counting import Tokenizers
from .upstreams import Upstreams

if TYPE_CHECKING:
    from .configuration import Configuration
    from .providers import Provider
    from .upstream import Upstream
PING_AFTER = 15.0
"""Seconds of a provider's silence after which the caller hears a ping; clients give up after 300."""

Result = TypeVar("Result")


class Engine:
    """The machine behind the handlers. Made once for a configuration; `start` and `close` bracket its life."""

    exchange = staticmethod(exchange)
    serve = staticmethod(serve)

    def __init__(
        self, configuration: Configuration, document: dict[str, Any], *, ping_after: float = PING_AFTER,
        upstreams: Upstreams | None = None,
    ) -> None:  # fmt: skip
        self.configuration = configuration
        self.log = logging.getLogger("morello")
        self.ping_after = ping_after
        self.calls: set[Call] = set()
        self.looks_ahead = True
        """Whether what calls are likely to need is found out before they come."""
        self.secrets = configuration.secrets
        self.secret_bytes = [secret.encode() for secret in self.secrets]
        self.upstreams = upstreams or Upstreams()
        self.upstreams.learn = self.learn
        self.losses = LossTables(configuration, document)
        self.defaults = Defaults()
        self.tokenizers = Tokenizers()
        self.documentation = Documentation(document, BUNDLED / "handlers" / "assets")
        self.catalogue = Catalogue(configuration, self.upstreams)
        self._tasks: set[asyncio.Task[Any]] = set()

    # ---- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin the work in the background: losses of the likely pairs, lists of the providers that have their own."""
        await self.upstreams.prepare(self.configuration.on.values())
        self.catalogue.refresh()
        if not self.looks_ahead:
            return
        task = asyncio.ensure_future(self.losses.probe_all())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def interrupt_calls(self) -> None:
        """End what is still running with an error of the caller's own kind."""
        for call in tuple(self.calls):
            call.interrupt(SHUTDOWN)

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.losses.close()
        await self.catalogue.close()
        await self.upstreams.close()

    def learn(self, secrets: Sequence[str]) -> None:
        """Keep secrets that came up while we run out of all texts, too."""
        new = [secret for secret in spellings(secrets) if secret not in self.secrets]
        self.secrets += new
        self.secret_bytes += [secret.encode() for secret in new]

    # ---- for journeys -----------------------------------------------------------------------------------------

    def upstream(self, provider: Provider) -> Upstream:
        return self.upstreams.of(provider)

    async def run(self, size: int, function: Callable[..., Result], *arguments: Any) -> Result:
        """Do pure work on `size` bytes: here, or in a thread if it would hold the loop."""
        if size <= LARGE:
            return function(*arguments)
        return await in_thread(function, *arguments)

    # ---- errors -----------------------------------------------------------------------------------------------

    def error_answer(self, error: GatewayError, dialect_name: str, request_id: str) -> Answer:
        """The whole answer that tells `error` in the caller's dialect."""
        neutral = self.neutral_error(error, request_id)
        present = {key for key, _ in error.headers}
        headers = [*JSON_HEADERS, *error.headers]
        if error.retry_after is not None and b"retry-after" not in present:
            headers.append((b"retry-after", b"%d" % error.retry_after))
        return Answer(error.status, headers, orjson.dumps(self.error_body(neutral, dialect_name)))

    def error_body(self, neutral: dict[str, Any], dialect_name: str) -> Any:
        dialect = self.configuration.dialects.get(dialect_name)
        if dialect is None or dialect.write_error is None:
            return {"error": neutral}
        return dialect.write_error({**neutral, "values": dialect.values})

    def neutral_error(self, error: GatewayError, request_id: str) -> dict[str, Any]:
        """The neutral `error` of a failure; what is for nobody's eyes but ours goes to the log."""
        if isinstance(error, TemplateError):
            self.log.error("%s: %s:%s: %s", request_id, error.path, error.line, error.reason)
        return {**error.as_neutral(), "request_id": request_id}

    def refuse_big_integers(self, call: Call) -> None:
        """JSON integers beyond 64 bits would reach the provider as floats: refuse them where we write the body."""
        if len(call.raw) > LARGE and is_light(call.raw) and not may_hold_one(call.body):
            return
        pointer = integer_beyond_64_bits(call.raw)
        if pointer is not None:
            raise InvalidRequest(
                f"The integer at {pointer} does not fit into 64 bits, which a translation cannot carry.",
                code="integer_too_large", param=pointer,
            )  # fmt: skip
