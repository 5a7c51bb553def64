"""`morello explain`: one request, all the way and back, without a network: what is read, where it goes, what is sent.

The request passes the whole gateway, both outside ends played; beside that, the templates run once more in a form that
remembers which of their lines wrote each member.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from .engine.configuration import Case, Configuration
from .engine.dialects import Dialect
from .engine.errors import ConfigurationError
from .engine.pointers import write_pointer
from .engine.provider_errors import scrub
from .engine.providers import Door, Target
from .engine.rehearsal import Heard, PlayedProvider
from .engine.resolving import resolve
from .engine.templates import build_explained
from .rehearsing import Stage

COLUMN = 76
"""Where the right-hand column begins: the line of the template that wrote what stands on the left."""
LONGEST = 120


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be explained: a request's body, what its caller speaks, what the provider answers, if anything."""

    dialect: str
    body: dict[str, Any]
    provider_id: str | None = None
    answer: dict[str, Any] | None = None
    neutral: bool = False


def read_body(file: Path) -> dict[str, Any]:
    """The JSON object in a file; `-` is standard input. Raises ConfigurationError where there is none."""
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"This is not JSON: {error}.", file=str(file)) from None
    if not isinstance(body, dict):
        raise ConfigurationError("A JSON object is expected.", file=str(file))
    return body


def read_answer(response: Path | None, stream: Path | None) -> dict[str, Any] | None:
    """What the provider is to answer: a whole answer, or a transcript of a stream, as it was on the wire."""
    if stream is not None:
        return {"stream": stream.read_bytes()}
    if response is None:
        return None
    try:
        return {"body": orjson.loads(response.read_bytes())}
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"This is not JSON: {error}.", file=str(response)) from None


async def explain(configuration: Configuration, question: Question) -> list[str]:
    """The lines of the explanation. Raises GatewayError where the model leads nowhere."""
    client = configuration.dialects.get(question.dialect)
    if client is None or client.read_request is None:
        known = ", ".join(name for name, dialect in configuration.dialects.items() if dialect.speaks_to_clients)
        raise ConfigurationError(f"No caller speaks {question.dialect!r}.", hint=f"Name one with --as: {known}.")
    model = question.body.get("model")
    if not isinstance(model, str) or not model:
        raise ConfigurationError("The request's `model` must be a text that names one, such as demo:echo.")
    target = resolve(configuration, model, question.provider_id)
    door = target.provider.door(client.family)
    given: dict[str, Any] = {"dialect": question.dialect, "body": question.body, "upstream": question.answer or {}}
    if question.provider_id is not None:
        given["provider"] = question.provider_id
    provider = PlayedProvider(question.answer)
    stage = Stage(configuration)
    heard = await stage.ask(Case("explain", given, {}, {}, "", 0), provider)
    explanation = Explanation(configuration, question, client, target, door)
    lines = [*explanation.way(stage), *explanation.request(provider, heard)]
    if question.answer is not None or provider.url is None:
        lines += explanation.answer(heard)
        lines += [f"misread    {problem}" for problem in heard.misread]
    return [scrub(line.rstrip(), configuration.secrets) for line in lines]


@dataclass(frozen=True, slots=True)
class Explanation:
    configuration: Configuration
    question: Question
    client: Dialect
    target: Target
    door: Door

    @property
    def passing(self) -> bool:
        return self.door.dialect.passes_through and self.door.dialect.family == self.client.family

    def template(self, dialect: Dialect, kind: str) -> str:
        path = dialect.files[kind]
        resources = self.configuration.resources
        whose = "yours" if resources.origin(path) == "home" else "bundled"
        return f"{resources.shown(path)}   {whose}"

    def way(self, stage: Stage) -> Iterator[str]:
        """Who speaks, where it goes, by which templates."""
        streamed = "   (stream)" if self.question.body.get("stream") is True else ""
        path, _ = stage.request(self.client.name, self.question.provider_id, self.question.body)
        yield f"client     {self.client.name}   POST {path}{streamed}"
        yield f"model      {self.target.requested} → provider {self.target.provider.id}, model {self.target.model_id}"
        if self.passing:
            yield f"path       passes through: {self.door.dialect.name} is of the family {self.client.family}"
            return
        yield f"read       {self.template(self.client, 'read_request')}"
        if self.question.neutral:
            yield from ("           " + line for line in written(self.neutral(), {}))
        yield f"write      {self.template(self.door.dialect, 'write_request')}"

    def neutral(self) -> dict[str, Any]:
        """The request in neutral words, with the defaults that are filled in."""
        assert self.client.read_request is not None
        path = {"model": self.question.body.get("model"), "stream": self.question.body.get("stream") is True}
        given = {"body": self.question.body, "path": path, "values": self.client.values}
        neutral: dict[str, Any] = self.client.read_request(given)
        return {**self.target.defaults(self.door), **neutral, "model": self.target.model_id}

    def request(self, provider: PlayedProvider, heard: Heard) -> Iterator[str]:
        """What the provider gets, and which line wrote it."""
        if provider.url is None:
            yield "request    none is sent"
            return
        applied = self.door.patch.applied(self.before_patch(), self.target.model_id)
        yield f"patch      {'; '.join(patch.text for patch in applied) or 'none'}"
        yield f"request    POST {provider.url}"
        names = {name.decode() for name, _ in self.door.headers({"model": self.target.model_id, "stream": False})}
        for name, value in provider.headers.items():
            if name in names:
                yield f"           {name}: {value}"
        yield from ("           " + line for line in written(provider.body, self.lines()))
        if heard.headers.get("gateway-warnings"):
            yield f"warnings   {heard.headers['gateway-warnings']}"

    def before_patch(self) -> dict[str, Any]:
        write = self.door.dialect.write_request
        if self.passing or write is None:
            return {**self.question.body, "model": self.target.model_id}
        body: dict[str, Any] = write({**self.neutral(), "values": self.target.values(self.door)})
        return body

    def lines(self) -> dict[str, str]:
        """By JSON pointer, the place in a template that wrote it."""
        if self.passing:
            return {}
        explained = build_explained(self.door.dialect.templates["write_request"])
        _, lines = explained({**self.neutral(), "values": self.target.values(self.door)})
        found = {pointer: f"{Path(line.file).name}:{int(line)}" for pointer, line in lines.items()}
        for name in self.target.defaults(self.door):
            if f"/{name}" in found and name not in self.question.body:
                found[f"/{name}"] += "   from defaults:"
        return found

    def answer(self, heard: Heard) -> Iterator[str]:
        """What the caller hears."""
        if not self.passing and heard.status < 400:
            kind = "event" if "stream" in (self.question.answer or {}) else "response"
            yield f"read       {self.template(self.door.dialect, f'read_{kind}')}"
            yield f"write      {self.template(self.client, f'write_{kind}')}"
        yield f"answer     {heard.status} {heard.headers.get('content-type', '')}"
        if "event-stream" in heard.headers.get("content-type", ""):
            yield from ("           " + line for line in heard.body.decode("utf-8", "replace").splitlines())
        else:
            yield from ("           " + line for line in written(heard.json(), {}))


def written(
    value: Any, lines: dict[str, str], path: tuple[str | int, ...] = (), before: str = "", after: str = ""
) -> Iterator[str]:
    """JSON in lines, each with the place that wrote it on the right."""
    depth = "  " * len(path)
    pointer = write_pointer(path)
    place = lines.get(pointer, "")
    inner: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    if not inner:
        text = orjson.dumps(value).decode()
        text = text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"
        yield f"{depth}{before}{text}{after}".ljust(COLUMN) + place
        return
    opened, closed = ("{", "}") if isinstance(value, dict) else ("[", "]")
    yield f"{depth}{before}{opened}".ljust(COLUMN) + place
    for number, (key, one) in enumerate(inner, 1):
        name = f"{orjson.dumps(key).decode()}: " if isinstance(key, str) else ""
        yield from written(one, lines, (*path, key), name, "," if number < len(inner) else "")
    yield f"{depth}{closed}{after}"
