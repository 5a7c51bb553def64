"""One Upstream for each provider, made when it is first needed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .demo import DemoTransport
from .transports import tls_context
from .upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

    from .providers import Provider


class Upstreams:
    """The connections to all providers. `transports` replaces what is behind a provider's id, for tests and cases."""

    def __init__(self, transports: dict[str, httpx.AsyncBaseTransport] | None = None) -> None:
        self.transports = transports or {}
        self._made: dict[str, Upstream] = {}

    def of(self, provider: Provider) -> Upstream:
        found = self._made.get(provider.id)
        if found is None:
            transport = self.transports.get(provider.id)
            if transport is None and provider.transport == "demo":
                transport = DemoTransport()
            found = self._made[provider.id] = Upstream(provider, transport=transport)
        return found

    async def prepare(self, providers: Iterable[Provider]) -> None:
        """Read the authorities of TLS now, in a thread: the first call must not hold the loop for it."""
        if any(provider.base_url.startswith("https:") for provider in providers):
            await asyncio.to_thread(tls_context)

    async def close(self) -> None:
        made, self._made = self._made, {}
        for upstream in made.values():
            await upstream.aclose()
