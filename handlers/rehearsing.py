"""`morello test`: each case of `tests:` through the whole gateway, both outside ends played (engine/rehearsal.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .app import CONTRACT, Morello
from .engine.cases import Outcome, run_case
from .engine.configuration import Case, Configuration, load_configuration
from .engine.contract import load_document, operations
from .engine.errors import ConfigurationError, GatewayError
from .engine.rehearsal import Heard, PlayedProvider, ask
from .engine.resolving import resolve
from .engine.upstreams import Upstreams
from .security import Access


class Stage:
    """Gateways for cases: one for each environment that a case asks for."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.document = load_document(CONTRACT)

    async def ask(self, case: Case, provider: PlayedProvider) -> Heard:
        """Send a case's request; all providers but those inside the process are played by `provider`."""
        configuration = self.configured(case.overrides.get("env", {}))
        transports: dict[str, Any] = {
            name: provider
            for name, declared in configuration.providers.items()
            if declared.transport == "http" or "upstream" in case.given
        }
        morello = Morello(configuration, Access(None), document=self.document, upstreams=Upstreams(transports))
        try:
            path = self.path(case.given["dialect"], case.given.get("provider"))
        except ConfigurationError as error:
            raise ConfigurationError(
                f"The test {case.it!r}: {error.sentence}", file=case.file, line=case.line, hint=error.hint
            ) from None
        provider.framing = framing_of(configuration, case.given)
        headers = dict(case.given.get("headers", {}))
        return await ask(morello.asgi, path, headers, case.given["body"])

    def configured(self, variables: Mapping[str, str]) -> Configuration:
        if not variables:
            return self.configuration
        environment = {**self.configuration.environment, **variables}
        return load_configuration(self.configuration.resources.home, environment)

    def path(self, dialect: str, provider_id: str | None) -> str:
        """Where callers of a dialect send conversations: the first operation of the contract that says so."""
        conversations = spoken(self.document)
        for path, rule in conversations:
            if rule == dialect and ("{provider_id}" in path) == (provider_id is not None):
                return path.replace("{provider_id}", provider_id or "")
        known = dict.fromkeys(rule for _, rule in conversations)
        raise ConfigurationError(f"No caller speaks {dialect!r}.", hint=f"Known: {', '.join(known)}.")


def framing_of(configuration: Configuration, given: Mapping[str, Any]) -> str:
    """How the provider that a case leads to frames its streams; of one that leads nowhere it does not matter."""
    client = configuration.dialects.get(given["dialect"])
    try:
        target = resolve(configuration, given["body"].get("model", ""), given.get("provider"))
    except GatewayError:
        return "sse"
    return target.provider.door(client.family if client else "").dialect.stream.name


def spoken(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The paths to which callers send conversations, and the dialect of each, in the contract's order."""
    found = []
    for path, method, item, operation in operations(document):
        rule = operation.get("x-dialect", item.get("x-dialect"))
        if method == "post" and isinstance(rule, str):
            found.append((path, rule))
    return found


def first_spoken() -> str:
    """The dialect of callers that the contract names first."""
    return spoken(load_document(CONTRACT))[0][1]


async def rehearse(configuration: Configuration, words: Sequence[str], say: Callable[[str], None]) -> int:
    """Play the cases whose sentence holds one of `words` (all, if there are none). Returns how many failed."""
    stage = Stage(configuration)
    chosen = [case for case in configuration.tests if not words or any(word in case.it for word in words)]
    failed = 0
    file = None
    for case in chosen:
        if case.file != file:
            file = case.file
            say(file)
        outcome = await run_case(case, stage.ask)
        failed += bool(outcome.differences)
        for line in told(outcome):
            say(line)
    say(f"{len(chosen)} test{'' if len(chosen) == 1 else 's'}, {failed} failed")
    return failed


def told(outcome: Outcome) -> list[str]:
    """One line for a case that went well; for another the first of its differences and how many more there are."""
    if not outcome.differences:
        return [f"  ✓ {outcome.case.it}"]
    lines = [f"  ✗ {outcome.case.it}   ({outcome.case.file}:{outcome.case.line})"]
    lines += [f"      {difference}" for difference in outcome.differences[:3]]
    more = len(outcome.differences) - 3
    return [*lines, f"      and {more} more"] if more > 0 else lines
