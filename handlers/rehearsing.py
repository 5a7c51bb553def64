"""`morello test`: each case of `tests:` through the whole gateway, both outside ends played (engine/rehearsal.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from .app import CONTRACT, Morello
from .engine.cases import Outcome, run_case
from .engine.configuration import Case, Configuration, load_configuration
from .engine.contract import load_document, operations
from .engine.errors import ConfigurationError, GatewayError
from .engine.lint.witness import Witness
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
        witness = Witness(configuration)
        morello = Morello(configuration, Access(None), document=self.document, upstreams=Upstreams(transports))
        try:
            path, body = self.request(case.given["dialect"], case.given.get("provider"), case.given["body"])
        except ConfigurationError as error:
            raise ConfigurationError(
                f"The test {case.it!r}: {error.sentence}", file=case.file, line=case.line, hint=error.hint
            ) from None
        provider.framing = framing_of(configuration, case.given)
        headers = dict(case.given.get("headers", {}))
        heard = await ask(morello.asgi, path, headers, body)
        heard.misread = witness.findings
        return heard

    def configured(self, variables: Mapping[str, str]) -> Configuration:
        if not variables:
            return self.configuration
        environment = {**self.configuration.environment, **variables}
        return load_configuration(self.configuration.resources.home, environment)

    def request(self, dialect: str, provider_id: str | None, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Where callers of a dialect send this conversation, and what: to the first operation that says so.

        Where the path says what the model is and whether to stream, the body's `model` and `stream` go there.
        """
        conversations = spoken(self.document)
        for template, rule, streams in conversations:
            if rule != dialect or ("{provider_id}" in template) != (provider_id is not None):
                continue
            path = template.replace("{provider_id}", provider_id or "")
            if "{model}" not in path:
                return path, dict(body)
            if streams is (body.get("stream") is True):
                rest = {name: value for name, value in body.items() if name not in ("model", "stream")}
                return path.replace("{model}", quote(str(body.get("model", "")), safe=":")), rest
        known = dict.fromkeys(rule for _, rule, _ in conversations)
        raise ConfigurationError(f"No caller speaks {dialect!r}.", hint=f"Known: {', '.join(known)}.")


def framing_of(configuration: Configuration, given: Mapping[str, Any]) -> str:
    """How the provider that a case leads to frames its streams; of one that leads nowhere it does not matter."""
    client = configuration.dialects.get(given["dialect"])
    try:
        target = resolve(configuration, given["body"].get("model", ""), given.get("provider"))
    except GatewayError:
        return "sse"
    return target.provider.door(client.family if client else "").dialect.stream.name


def spoken(document: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """The paths to which callers send conversations, the dialect of each and whether it streams where its path says
    so, in the contract's order."""
    found = []
    for path, method, item, operation in operations(document):
        rule = operation.get("x-dialect", item.get("x-dialect"))
        if method == "post" and isinstance(rule, str):
            found.append((path, rule, operation.get("x-stream")))
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
