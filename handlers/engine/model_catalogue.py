"""The models that can be asked for, as entries that clients of either family understand. Answered from memory, always.

An entry holds what each family's clients look for, side by side; they ignore what they do not know. `created`
is the provider's own where it says one, else the date declared for the model: it never moves by itself.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import orjson

from .errors import GatewayError
from .model_list import ModelLists
from .provider_errors import provider_error
from .providers import Model
from .resolving import resolve

if TYPE_CHECKING:
    from .configuration import Configuration
    from .providers import Provider
    from .upstreams import Upstreams

Entry = dict[str, Any]


class Catalogue:
    """Entries by provider. Those of providers that have their own list come in the background."""

    def __init__(self, configuration: Configuration, upstreams: Upstreams) -> None:
        self.configuration = configuration
        self.upstreams = upstreams
        self.lists = ModelLists(self._fetch, secrets=configuration.secrets)
        self._made: dict[str, tuple[int, list[Entry]]] = {}

    def refresh(self) -> None:
        """Begin to ask the providers that have their own list."""
        for provider in self.configuration.on.values():
            if provider.any_model:
                self.lists.ask(provider)

    async def close(self) -> None:
        await self.lists.close()

    def entries(self, provider_id: str | None = None, provider_type: str | None = None) -> list[Entry]:
        """All entries, or those of one provider, or of one type of provider: aliases, then the configuration's order.

        Aliases stand first, for clients that read no further than one page, or take no other names. Under a provider's
        own path they mean nothing.
        """
        aliases = self._aliases(provider_type) if provider_id is None else []
        return aliases + [
            entry
            for provider in self.configuration.on.values()
            if provider_id in (None, provider.id) and of_type(provider, provider_type)
            for entry in self._of(provider)
        ]

    def _aliases(self, provider_type: str | None) -> list[Entry]:
        """The entries of the operator's own names, as far as a provider behind them is on."""
        found = []
        for alias in self.configuration.aliases:
            try:
                entry = self.entry(alias)
            except GatewayError:
                continue
            if of_type(self.configuration.providers[entry["provider"]], provider_type):
                found.append(entry)
        return found

    def entry(self, model: str, provider_id: str | None = None) -> Entry:
        """The entry of one model, by full id or alias. Raises GatewayError where it names nothing.

        `provider_id`: the one of the path, under which the model may stand alone; the entry has the full id.
        """
        target = resolve(self.configuration, model, provider_id)
        full_id = model if provider_id is None else f"{target.provider.id}:{target.model_id}"
        for entry in self._of(target.provider):
            if entry["provider_model_id"] == target.model_id:
                return {**entry, "id": full_id}
        declared = target.model or Model(target.model_id, target.model_id)
        return {**entry_of(target.provider, target.model_id, declared), "id": full_id}

    def _of(self, provider: Provider) -> list[Entry]:
        models = self.lists.models(provider)
        version = self.lists.version
        made = self._made.get(provider.id)
        if made is None or made[0] != version:
            made = self._made[provider.id] = (version, [entry_of(provider, model.id, model) for model in models])
        return made[1]

    async def _fetch(self, provider: Provider) -> Any:
        door = provider.main
        url = door.models_url()
        if url is None:
            raise ValueError("it has no list of models")
        upstream = await self.upstreams.of(provider).open(
            "GET", url, door.headers({"model": "", "stream": False}), b""
        )
        try:
            raw = await upstream.read()
        finally:
            await upstream.aclose()
        if upstream.status >= 400:
            secrets = self.configuration.secrets
            raise provider_error(provider, door, upstream.status, upstream.header_map(), raw, secrets)
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise ValueError("what it answers is no JSON") from None


def of_type(provider: Provider, wanted: str | None) -> bool:
    return wanted in (None, provider.type, provider.dialect.family)


def entry_of(provider: Provider, model_id: str, model: Model) -> Entry:
    """One model in the words of both families."""
    created = model.created or 0
    return {
        "id": f"{provider.id}:{model_id}",
        "object": "model",
        "type": "model",
        "name": model.name or model_id,
        "display_name": model.name or model_id,
        "created": created,
        "created_at": datetime.datetime.fromtimestamp(created, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",
        "owned_by": model.owned_by or provider.name,
        "provider": provider.id,
        "provider_name": provider.name,
        "provider_type": provider.dialect.family,
        "provider_model_id": model_id,
    }
