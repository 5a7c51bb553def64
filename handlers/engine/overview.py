"""What is in force and where each piece of it comes from, as lines for people. No secret is in them."""

from __future__ import annotations

from collections.abc import Iterator

from .configuration import Configuration
from .dialects import Dialect
from .provider_errors import scrub
from .providers import Provider


def overview(configuration: Configuration) -> Iterator[str]:
    """The lines of `morello config`."""
    origins = configuration.origins
    yield f"home        {configuration.resources.home}"
    yield "contract    openapi/openapi.yaml (bundled)"
    for section in ("providers", "aliases", "keys", "tests"):
        yield f"{section:<11} {origins[section]}"
    yield ""
    yield "dialects"
    for dialect in configuration.dialects.values():
        yield from _dialect(configuration, dialect)
    yield ""
    yield "providers"
    for provider in configuration.providers.values():
        yield from (scrub(line, configuration.secrets) for line in _provider(provider))
    if configuration.aliases:
        yield ""
        yield "aliases"
        for alias, targets in configuration.aliases.items():
            yield f"  {alias} → {', '.join(targets)}"
    yield ""
    yield f"keys        {', '.join(configuration.keys) or 'none declared'}"
    for warning in configuration.warnings:
        yield f"warning     {warning}"


def _dialect(configuration: Configuration, dialect: Dialect) -> Iterator[str]:
    chain = f", like {' → '.join(dialect.chain[1:])}" if len(dialect.chain) > 1 else ""
    sides = [
        side
        for side, spoken in (("callers", dialect.speaks_to_clients), ("providers", dialect.speaks_to_providers))
        if spoken
    ]
    yield f"  {dialect.name}{chain}: for {' and '.join(sides)}; {dialect.place[0]}:{dialect.place[1]}"
    for kind, path in dialect.files.items():
        if configuration.resources.origin(path) == "home":
            yield f"    {kind}.j2 is yours: {configuration.resources.shown(path)}"


def _provider(provider: Provider) -> Iterator[str]:
    state = f"off: {provider.off}" if provider.off else "on"
    yield f"  {provider.id} ({provider.type}) {state}; {provider.place[0]}:{provider.place[1]}"
    for door in (provider.main, *provider.also.values()):
        try:
            url = door.url(model="{model}", stream=False)
        except ValueError:
            url = door.base_url
        patched = f", patched ({len(door.patch.patches)})" if door.patch else ""
        yield f"    {door.dialect.name:<10} POST {url.replace('%7Bmodel%7D', '{model}')}{patched}"
    if provider.auth is not None:
        yield f"    signed     {provider.auth.scheme}, {provider.auth.source}"
    declared = ", ".join(provider.models)
    other = ("and any other" if declared else "any") if provider.any_model else ""
    yield f"    models     {', '.join(filter(None, (declared, other))) or 'none'}"
