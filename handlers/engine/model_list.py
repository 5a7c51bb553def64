"""The lists of models that providers give themselves: asked for in the background, kept, never waited for.

A provider that is slow or down neither delays `/v1/models` nor loses its place: what was known stays, and it is asked
again after a while, and only when somebody wants the list.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from .dialects import ModelList
from .errors import GatewayError
from .pointers import ABSENT, look, parse_pointer
from .provider_errors import LONGEST, scrub
from .providers import Model, Provider

Fetch = Callable[[Provider], Awaitable[Any]]
"""Asks a provider (`provider.main.models_url()`, GET) and gives the parsed JSON; any exception means: not now."""

TIME_TO_LIVE = 300.0
"""Seconds for which a list is good."""
AGAIN_AFTER = 60.0
"""Seconds after which a provider that failed is asked again."""
MOST_MODELS = 20_000


class ModelLists:
    """What the providers say they have. Each is asked by at most one task at a time; `version` counts the changes."""

    def __init__(
        self, fetch: Fetch, *, time_to_live: float = TIME_TO_LIVE, clock: Callable[[], float] = time.monotonic,
        secrets: list[str] | None = None,
    ) -> None:  # fmt: skip
        """`secrets` are kept out of what is logged."""
        self.fetch = fetch
        self.secrets = secrets if secrets is not None else []
        self.time_to_live = time_to_live
        self.clock = clock
        self.log = logging.getLogger("morello")
        self.version = 0
        self._known: dict[str, list[Model]] = {}
        self._due: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    def models(self, provider: Provider) -> list[Model]:
        """The models of a provider as known now: the declared ones first. Starts asking where the list is old."""
        if provider.any_model and provider.off is None and self.clock() >= self._due.get(provider.id, 0.0):
            self.ask(provider)
        found = {model.id: model for model in self._known.get(provider.id, ())}
        return [*provider.models.values(), *(model for name, model in found.items() if name not in provider.models)]

    def ask(self, provider: Provider) -> asyncio.Task[None] | None:
        """Begin to ask in the background. None where the dialect has no list, or no event loop runs."""
        if provider.main.dialect.models is None or provider.transport != "http":
            return None
        running = self._asking.get(provider.id)
        if running is not None:
            return running
        try:
            task = asyncio.get_running_loop().create_task(self._ask(provider))
        except RuntimeError:
            return None
        self._asking[provider.id] = task
        task.add_done_callback(lambda _: self._asking.pop(provider.id, None))
        return task

    async def close(self) -> None:
        """Give up what is being asked."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, provider: Provider) -> None:
        asked = provider.main.dialect.models
        assert asked is not None
        try:
            found = read_models(await self.fetch(provider), asked)
            if found != self._known.get(provider.id):
                self._known[provider.id] = found
                self.version += 1
            self._due[provider.id] = self.clock() + self.time_to_live
        except Exception as error:
            # Whatever a provider does wrong here is no reason to stop anything else.
            self._due[provider.id] = self.clock() + min(self.time_to_live, AGAIN_AFTER)
            expected = isinstance(error, GatewayError | ValueError)
            reason = str(error) if expected else f"{type(error).__name__}: {error}"
            reason = " ".join(scrub(reason, self.secrets).split())[:LONGEST]
            level = logging.INFO if expected else logging.WARNING
            self.log.log(level, "%s gives no list of models: %s", provider.id, reason)


def read_models(answer: Any, asked: ModelList) -> list[Model]:
    """The models in a provider's answer, by the pointers of its dialect. Raises ValueError where there is no list."""
    found = {}
    for name, item in _items(answer, asked)[:MOST_MODELS]:
        model_id = name if name is not None else look(item, parse_pointer(asked.id))
        if isinstance(model_id, str) and model_id:
            model_id = model_id.removeprefix(asked.prefix)
            found[model_id] = Model(
                id=model_id,
                name=_text(item, asked.name) or model_id,
                created=_created(item, asked.created),
                owned_by=_text(item, asked.owned_by),
            )
    return list(found.values())


def _items(answer: Any, asked: ModelList) -> list[tuple[str | None, Any]]:
    """The entries of the list; with their names where it is an object of entries whose names are the ids."""
    items = look(answer, parse_pointer(asked.items))
    if isinstance(items, list):
        return [(None, item) for item in items]
    if isinstance(items, dict) and items and asked.id == "":
        return list(items.items())
    raise ValueError("There is no list of models in the answer.")


def _text(item: Any, pointer: str | None) -> str | None:
    value = look(item, parse_pointer(pointer)) if pointer is not None else ABSENT
    return value if isinstance(value, str) and value else None


def _created(item: Any, pointer: str | None) -> int | None:
    """Seconds since 1970, whether the provider says seconds or a date (RFC 3339)."""
    value = look(item, parse_pointer(pointer)) if pointer is not None else ABSENT
    if isinstance(value, bool) or value is ABSENT:
        return None
    if isinstance(value, int | float):
        return max(0, int(value))
    try:
        moment = datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return max(0, int((moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()))
