"""`tests:` of providers.yaml: what a caller says, what the provider must then get, what the caller must then hear.

    given      dialect, body, headers?, provider?, upstream?: {status, headers, body | stream}
    expect     url, headers, body (exactly) of the provider's request; status, contains, events, warnings of the answer
    overrides  env: variables for this test only

A case goes through the whole gateway, contract and all; only the two outside ends are played here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson

from .configuration import Case
from .pointers import write_pointer
from .problems import Problem
from .rehearsal import Heard, PlayedProvider

ABSENT = "nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """What is not as expected: where, what was expected and what there was, as short JSON."""

    place: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.place}   expected {self.expected}   got {self.got}"


@dataclass(slots=True)
class Outcome:
    """How a case ended: no differences means well. What a reader makes wrong counts as one."""

    case: Case
    differences: list[Difference | Problem] = field(default_factory=list)


Ask = Callable[[Case, PlayedProvider], Awaitable[Heard]]
"""Sends the case's request through a gateway whose providers are all played by the given one."""


async def run_case(case: Case, ask: Ask) -> Outcome:
    """Play one case. Raises ConfigurationError where its own environment makes no configuration."""
    provider = PlayedProvider(case.given.get("upstream"))
    heard = await ask(case, provider)
    outcome = Outcome(case)
    outcome.differences += heard.misread
    outcome.differences += request_differences(case.expect, provider)
    outcome.differences += answer_differences(case.expect, heard)
    if outcome.differences and heard.status >= 400 and "status" not in case.expect:
        outcome.differences.append(Difference("status", "an answer", said(heard)))
    return outcome


def request_differences(expect: Mapping[str, Any], provider: PlayedProvider) -> Iterator[Difference]:
    """How what the provider got differs from what it should get."""
    wanted = {"url", "headers", "body"} & expect.keys()
    if not wanted:
        return
    if provider.url is None:
        yield Difference("the provider's request", ", ".join(sorted(wanted)), ABSENT)
        return
    if "url" in expect and provider.url != expect["url"]:
        yield Difference("url", expect["url"], provider.url)
    for name, value in expect.get("headers", {}).items():
        got = provider.headers.get(name.lower())
        if got != value:
            yield Difference(f"headers.{name}", value or ABSENT, got or ABSENT)
    if "body" in expect:
        yield from differences(expect["body"], provider.body, ("body",), exact=True)


def answer_differences(expect: Mapping[str, Any], heard: Heard) -> Iterator[Difference]:
    """How what the caller heard differs from what he should hear."""
    if "status" in expect and heard.status != expect["status"]:
        yield Difference("status", str(expect["status"]), said(heard))
    if "contains" in expect:
        yield from differences(expect["contains"], heard.json(), (), exact=False)
    if "events" in expect:
        yield from event_differences(expect["events"], heard.events())
    if "warnings" in expect:
        got = [unquote(one.strip()) for one in heard.headers.get("gateway-warnings", "").split(",") if one.strip()]
        if sorted(got) != sorted(expect["warnings"]):
            yield Difference("warnings", shown(expect["warnings"]), shown(got))


def event_differences(expected: list[Any], got: list[Any]) -> Iterator[Difference]:
    """Each expected event must come, in this order; others may come between."""
    at = 0
    for number, event in enumerate(expected):
        found = next((n for n in range(at, len(got)) if not list(differences(event, got[n], (), exact=False))), None)
        if found is None:
            yield Difference(f"events[{number}]", shown(event), f"none such among {shown(got[at:])}")
            return
        at = found + 1


def differences(expected: Any, got: Any, path: tuple[str | int, ...], *, exact: bool) -> Iterator[Difference]:
    """The places where `got` is not `expected`; unless `exact`, objects may have more members."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name, value in expected.items():
            if name not in got:
                yield Difference(write_pointer((*path, name)), shown(value), ABSENT)
            else:
                yield from differences(value, got[name], (*path, name), exact=exact)
        if exact:
            for name in got.keys() - expected.keys():
                yield Difference(write_pointer((*path, name)), ABSENT, shown(got[name]))
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for index, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from differences(one, other, (*path, index), exact=exact)
    elif expected != got or isinstance(expected, bool) != isinstance(got, bool):
        yield Difference(write_pointer(path) or "the whole", shown(expected), shown(got))


def said(heard: Heard) -> str:
    return f"{heard.status} {shortened(heard.body.decode('utf-8', 'replace'))}"


def shown(value: Any) -> str:
    try:
        return shortened(orjson.dumps(value).decode())
    except TypeError:
        return shortened(str(value))


def shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 200 else f"{text[:200]}…"
