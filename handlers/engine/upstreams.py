"""One Upstream for each provider, made when it is first needed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from .credential_chain import Learn, unheard
from .demo import DemoTransport
from .upstream import Upstream, tls_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

    from .providers import Provider


class Upstreams:
    """The connections to all providers. `transports` replaces what is behind a provider's id, for tests and cases."""

    def __init__(self, transports: dict[str, httpx.AsyncBaseTransport] | None = None) -> None:
        self.transports = transports or {}
        self.learn: Learn = unheard
        """Is told of secrets that come up while we run."""
        self._made: dict[str, Upstream] = {}

    def of(self, provider: Provider) -> Upstream:
        found = self._made.get(provider.id)
        if found is None:
            transport = self.transports.get(provider.id)
            if transport is None and provider.transport == "demo":
                transport = DemoTransport()
            found = self._made[provider.id] = Upstream(provider, transport=transport, learn=self.learn)
        return found

    async def prepare(self, providers: Iterable[Provider]) -> None:
        """Read the files of TLS now, and make what signs, in a thread: no call must hold the loop for it. A file that
        cannot be read is told of then."""
        wanted = [provider for provider in providers if provider.base_url.startswith("https:") or provider.auth]

        def read() -> None:
            for provider in wanted:
                if provider.auth is not None:
                    self.of(provider)
                if provider.base_url.startswith("https:"):
                    with contextlib.suppress(OSError):
                        tls_of(provider)

        if wanted:
            await asyncio.to_thread(read)

    async def close(self) -> None:
        made, self._made = self._made, {}
        for upstream in made.values():
            await upstream.aclose()
