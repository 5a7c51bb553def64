"""Specimens of what each template is given, run through it; what comes out is held to its schema.

The line of a finding is that of the template which wrote the wrong member, or else the object around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import orjson

from ..assembler import Assembler
from ..contract.explaining import Failure
from ..dialects import EIGHT, Dialect
from ..errors import ConfigurationError, TemplateError
from ..losses.specimens import OTHER, STRANGE
from ..pointers import write_pointer
from ..problems import Problems
from ..templates import build_explained
from ..translated_stream import as_loose
from .speech import Body, Speech, neutral

MOST_FINDINGS = 12
"""Of one template; who has more has one mistake many times."""
STATUSES = (400, 401, 403, 404, 429, 500, 503, 529)
MOST_ERRORS = 40
STRANGE_BODIES: tuple[Any, ...] = (
    {}, [], "", "<html>Bad gateway</html>", None, {"error": "in words"}, {"error": None}, {"detail": [{"msg": "no"}]},
    {"detail": "in words"}, {"message": "in words", "code": 7}, {"error": {"message": None, "code": 429}},
    {"errors": [{"message": "in words"}]}, [{"error": {"message": "in words"}}],
)  # fmt: skip
"""What providers say instead of the error that is documented; a reader makes an error of each."""

KINDS = ("type", "role")
"""The members that say what something is."""

REQUEST = {"model": "m", "messages": [{"role": "user", "parts": [{"type": "text", "text": "hello"}]}]}
RESPONSE = {"id": "r", "model": "m", "created": 1, "parts": [], "finish_reason": "stop", "usage": {}}
PATH = {"provider_id": "p", "model": "m"}
"""What a URL may carry; some formats name the model there and nowhere else."""

Given = Mapping[str, Any]


def try_templates(dialect: Dialect, speech: Speech, problems: Problems) -> None:
    """Run each template of a dialect on all its specimens."""
    for kind in EIGHT:
        if kind in dialect.templates:
            Trials(dialect, kind, speech, problems).run()


class Trials:
    """One template."""

    def __init__(self, dialect: Dialect, kind: str, speech: Speech, problems: Problems) -> None:
        self.dialect, self.kind, self.speech, self.problems = dialect, kind, speech, problems
        self.template = dialect.templates[kind]
        self.made = speech.made(kind)
        self.told: set[tuple[Any, ...]] = set()

    def run(self) -> None:
        for given in self.specimens():
            if len(self.told) >= MOST_FINDINGS:
                break
            try:
                result = self.template.function({**given, "values": self.dialect.values})
            except TemplateError as error:
                file = error.path or self.template.file
                self.tell("L006", file, error.line, f"This fails on a specimen: {error.reason}.")
                continue
            self.hold(given, result)

    def hold(self, given: Given, result: Any) -> None:
        """Tell where what was made of `given` breaks its schema."""
        for place, body, value in self.parts(result):
            for failure in body.failures(value):
                if not passed_on(value, failure):
                    self.wrong(given, body, place, failure)

    def parts(self, result: Any) -> Iterator[tuple[tuple[str | int, ...], Body, Any]]:
        """What of a result is checked against which schema: lists element by element, frames with their data."""
        if self.kind not in ("read_event", "write_event"):
            if self.made is not None:
                yield (), self.made, result
            return
        event = self.speech.own.get("event") if self.kind == "write_event" else None
        for index, element in enumerate(result or ()):
            if self.made is not None:
                yield (index,), self.made, element
            data = element.get("data") if isinstance(element, dict) else None
            if event is not None and isinstance(data, dict):
                number = self.dialect.stream.number
                yield (index, "data"), event, data if number is None else {**data, number: index}

    def wrong(self, given: Given, body: Body, place: tuple[str | int, ...], failure: Failure) -> None:
        """Tell one failure, at the line that wrote what is wrong."""
        whole = failure.below(place)
        file, line = self.line(given, whole)
        where = re.sub(r"/\d+(?=/|$)", "/*", failure.pointer)
        if failure.missing:
            sentence = f"{body.name} requires {where}, and this can leave it out."
            self.tell("L002", file, line, sentence, "Write a value for it, or `| or_null`, `| or_empty`.")
        else:
            self.tell("L003", file, line, f"This is not {body.name}: {where or 'it'} must be {failure.expected}.")

    @cached_property
    def explained(self) -> Callable[[Given], tuple[Any, dict[str, Any]]]:
        return build_explained(self.template)

    def line(self, given: Given, failure: Failure) -> tuple[str, int]:
        try:
            _, lines = self.explained({**given, "values": self.dialect.values})
        except (TemplateError, ConfigurationError):
            return self.template.file, 0
        pointer = failure.pointer
        if failure.missing:
            # It was not written: where the members beside it were.
            parent = pointer.rpartition("/")[0] + "/"
            beside = [place for at, place in lines.items() if at.startswith(parent) and "/" not in at[len(parent) :]]
            if beside:
                return beside[-1].file, int(beside[-1])
        for name in failure.unknown:
            if (at := write_pointer((*failure.path, name))) in lines:
                return lines[at].file, int(lines[at])
        while pointer:
            if pointer in lines:
                return lines[pointer].file, int(lines[pointer])
            pointer = pointer.rpartition("/")[0]
        return self.template.file, 1

    def tell(self, code: str, file: str, line: int, sentence: str, hint: str = "") -> None:
        if (code, file, line, sentence) not in self.told:
            self.told.add((code, file, line, sentence))
            self.problems.error(code, file, line, sentence, hint)

    # ---- what it is given

    def specimens(self) -> Iterator[Given]:
        if self.kind == "write_event":
            yield from self.events()
            return
        body = self.speech.given(self.kind)
        values = body.specimens if body is not None else []
        if self.kind == "read_error":
            values = [*values[:MOST_ERRORS], *STRANGE_BODIES]
        for value in values:
            yield from self.given(value)

    def given(self, value: Any) -> Iterator[Given]:
        """What a template of this kind gets where `value` is said."""
        match self.kind:
            case "read_request":
                yield {"body": value, "path": PATH}
            case "read_response":
                yield {"body": value, "request": REQUEST}
            case "read_event":
                name = value.get("type") if isinstance(value, dict) else None
                yield {"data": value, "event": name, "request": REQUEST}
            case "read_error":
                for status in STATUSES:
                    yield {"status": status, "headers": {"retry-after": "7"}, "body": value}
            case "write_response":
                yield {**value, "request": REQUEST}
            case "write_request":
                # The engine fills in what the dialect declares before the writer sees the request.
                yield {**self.dialect.defaults, **value}
            case _:
                yield value

    def events(self) -> Iterator[Given]:
        """The events of whole streams: each specimen of an answer, told as a stream; errors and pings by themselves."""
        for response in neutral("response", self.dialect.family, "given").specimens:
            assembler = Assembler(id="r", model="m", created=1, dialect=self.dialect.family)
            for loose in as_loose(without_flags(response)):
                yield from self.each(assembler, assembler.feed(loose))
            yield from self.each(assembler, assembler.end())
        for error in neutral("error", self.dialect.family, "given").specimens:
            yield {"event": {"type": "error", "error": error}, "response": RESPONSE, "request": {}}
        yield {"event": {"type": "ping"}, "response": RESPONSE, "request": {}}

    def each(self, assembler: Assembler, events: list[Any]) -> Iterator[Given]:
        for event in events:
            # A snapshot: the assembler goes on with the objects of its events.
            yield orjson.loads(orjson.dumps({"event": event, "response": assembler.response, "request": REQUEST}))


def passed_on(value: Any, failure: Failure) -> bool:
    """Whether what is wrong is only a word that nobody knows, in a place where the input allows any: it goes on as it
    is, and the provider is the judge of it. So does a block of the dialect's own that goes home verbatim. A kind that
    nobody knows is another matter."""
    for step in failure.path[: len(failure.path) - failure.missing]:
        value = value[step]
        if isinstance(value, dict) and value.get("type") == value.get("role") == STRANGE:
            return True
    key = failure.path[-1] if failure.path else None
    return value in (STRANGE, OTHER) if isinstance(value, str) and key not in KINDS else _holds_strange(value)


def _holds_strange(value: Any) -> bool:
    if isinstance(value, dict):
        return any(
            (one in (STRANGE, OTHER) if isinstance(one, str) and name not in KINDS else _holds_strange(one))
            for name, one in value.items()
        )
    return isinstance(value, list) and any(map(_holds_strange, value))


def without_flags(response: dict[str, Any]) -> dict[str, Any]:
    """An answer is streamed without what only a question's files have."""
    parts = [
        {name: value for name, value in part.items() if not (part["type"] == "file" and name == "citations")}
        for part in response["parts"]
    ]
    return {**response, "parts": parts}
