"""A door: what one provider offers in one dialect. It knows the URL and the headers of every call.

Texts may hold holes ({{ key }}, {{ model }}, {{ stream }} and what is declared under `values:`). What names no model is
worked out once, when the door is made; the rest for each call. In a path each hole is percent-encoded as one segment;
in a header CR, LF and NUL are errors; an absent hole leaves a header or a parameter out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .dialects import Dialect, Headers
from .documents import Filled
from .errors import ConfigurationError, InvalidRequest
from .merging import merged_values, plain, present
from .patches import Patches
from .templates import Compiler, Text

INPUTS = ("key", "model", "stream", "values")
FORBIDDEN = re.compile(r"[\r\n\0]")
JSON_HEADERS = {"content-type": "application/json", "user-agent": "morello"}
"""What every call carries unless the dialect or the provider says otherwise."""


@dataclass(frozen=True, slots=True)
class Knock:
    """The texts with which a door is made: what dialect and provider declare, the provider's own winning."""

    base_url: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    stream_headers: Mapping[str, str]
    key: str | None
    values: Mapping[str, Any]
    services: Mapping[str, Mapping[str, Any]]
    where: Callable[[str, str], tuple[str, int]]
    """File and line of a text, by the member it stands in (`headers`) and its name."""


class Door:
    """One dialect at one provider. `defaults` and `values` hold for the door; `defaults_of` adds a model's own."""

    __slots__ = (
        "_headers", "_headers_by_model", "_key", "_key_headers", "_models", "_services", "_texts", "_urls", "base_url",
        "defaults", "dialect", "loses", "patch", "values",
    )  # fmt: skip

    def __init__(self, dialect: Dialect, knock: Knock, patch: Patches, defaults: Mapping[str, Any]) -> None:
        self.dialect = dialect
        self.base_url = knock.base_url.removesuffix("/")
        self.patch = patch
        self.loses = bool(patch.losing)
        self.defaults: dict[str, Any] = plain(defaults)
        self.values: dict[str, Any] = plain(knock.values)
        self._key = knock.key
        self._texts = _compiled(knock)
        path, query, headers, stream_headers = self._texts
        self._models = _compiled_list(knock, dialect) if dialect.models is not None else None
        self._services = {name: _compiled_service(knock, name) for name in knock.services}
        self._urls: tuple[str, str] | None = None
        if not _name_model([path, *query.values()]):
            self._urls = (self._url("", False), self._url("", True))
        texts = {**headers, **stream_headers}
        filled = {name for name, text in {**knock.headers, **knock.stream_headers}.items() if isinstance(text, Filled)}
        with_key = {name for name, text in texts.items() if "key" in text.reads}
        self._key_headers = frozenset(name.encode() for name in filled | with_key)
        self._headers_by_model = _name_model(texts.values())
        self._headers: tuple[Headers, Headers] = ([], [])
        if not self._headers_by_model:
            self._headers = (self._make_headers("", False), self._make_headers("", True))

    def __repr__(self) -> str:
        return f"Door({self.dialect.name}, {self.base_url})"

    def url(self, *, model: str, stream: bool) -> str:
        """Where a call for this model goes. Raises InvalidRequest for a model that cannot stand in a path."""
        return self._urls[stream] if self._urls else self._url(model, stream)

    def headers(self, given: Mapping[str, Any], forwarded: Headers | None = None) -> Headers:
        """The headers of a call; `given` holds `model` and `stream`.

        `forwarded` are the caller's headers that the dialect lets through (`dialect.forward_request_headers.choose`).
        They win over what the dialect says by default, but never over a header that holds our key.
        """
        stream = bool(given.get("stream"))
        ours = self._make_headers(given["model"], stream) if self._headers_by_model else self._headers[stream]
        if not forwarded:
            return list(ours)
        theirs = [pair for pair in forwarded if pair[0] not in self._key_headers]
        names = {name for name, _ in theirs}
        return [pair for pair in ours if pair[0] not in names] + theirs

    def models_url(self) -> str | None:
        """Where the list of models is asked for; None where the dialect has no such list.

        What the door's other URLs carry as parameters (a key, a version) is carried here too, but for a model.
        """
        if self._models is None:
            return None
        base_url, path, query = self._models
        given = self._given("", False)
        return self._joined(path, query, given, base_url({**given, "base_url": self.base_url}))

    def serves(self, service: str) -> bool:
        """Whether something beside a conversation can be asked for here, by its name in the contract."""
        return service in self._services

    def service_url(self, service: str, model: str) -> str:
        """Where a service is asked for. The door's query counts here too."""
        base_url, path, own = self._services[service]
        return self._joined(path, {**self._texts[1], **own}, self._given(_in_url(model), False), base_url)

    @property
    def names_model(self) -> bool:
        """Whether the model stands in the URL or in a header: such a body need not name it."""
        path, query, headers, stream_headers = self._texts
        return _name_model([path, *query.values(), *headers.values(), *stream_headers.values()])

    def merged_defaults(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """What is filled in where a request has nothing; a model's own wins."""
        return {**self.defaults, **own} if own else self.defaults

    def merged_values(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """What templates see as `values`; a model's own win."""
        return merged_values(own, self.values) if own else self.values

    def _given(self, model: str, stream: bool) -> dict[str, Any]:
        return {**self.values, "key": self._key, "model": model, "stream": stream, "values": self.values}

    def _url(self, model: str, stream: bool) -> str:
        path, query, _, _ = self._texts
        return self._joined(path, query, self._given(_in_url(model), stream))

    def _joined(
        self, path: Text, query: Mapping[str, Text], given: Mapping[str, Any], base_url: str | None = None
    ) -> str:
        url = (base_url or self.base_url) + (path(given) or "")
        filled = ((name, text(given)) for name, text in query.items())
        pairs = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in filled if value is not None]
        return f"{url}?{'&'.join(pairs)}" if pairs else url

    def _make_headers(self, model: str, stream: bool) -> Headers:
        _, _, headers, stream_headers = self._texts
        given = self._given(model, stream)
        found = {name: value for name, text in headers.items() if (value := text(given)) is not None}
        if stream:
            found |= {name: value for name, text in stream_headers.items() if (value := text(given)) is not None}
        for name, value in found.items():
            if FORBIDDEN.search(value):
                raise InvalidRequest(f"The header {name} would hold a line break.", code="bad_header", param="model")
        return [(name.encode("ascii"), value.strip().encode("utf-8")) for name, value in found.items()]


def _name_model(texts: Iterable[Text]) -> bool:
    return any("model" in text.reads for text in texts)


def _in_url(model: str) -> str:
    """`model`, if it can stand in a path."""
    if model in (".", ".."):
        raise InvalidRequest(f"The model {model!r} cannot stand in a URL.", code="model_not_found", param="model")
    return model


def _segment(text: str) -> str:
    """A hole's text as one segment of a path."""
    return quote(text, safe="")


def _compiled(knock: Knock) -> tuple[Text, dict[str, Text], dict[str, Text], dict[str, Text]]:
    return (
        _compiled_text(knock, "path", "", knock.path, _segment),
        _compiled_texts(knock, "query", knock.query),
        _compiled_texts(knock, "headers", knock.headers),
        _compiled_texts(knock, "headers", knock.stream_headers),
    )


def _compiled_list(knock: Knock, dialect: Dialect) -> tuple[Text, Text, dict[str, Text]]:
    """Address, path and query of the list of models."""
    asked = dialect.models
    assert asked is not None
    base_url = _compiled_text(knock, "models", "base_url", asked.base_url, more=("base_url",))
    path = _compiled_text(knock, "models", "path", asked.path, _segment)
    general = _compiled_texts(knock, "query", knock.query)
    inherited = {name: text for name, text in general.items() if name not in asked.query and not _name_model([text])}
    return base_url, path, {**inherited, **_compiled_texts(knock, "models", present(asked.query))}


def _compiled_service(knock: Knock, name: str) -> tuple[str, Text, dict[str, Text]]:
    """Address, path and query of a service."""
    declared = knock.services[name]
    path = _compiled_text(knock, "services", name, declared["path"], _segment)
    base_url = str(declared.get("base_url", "")).removesuffix("/")
    return base_url, path, _compiled_texts(knock, "services", present(declared.get("query", {})))


def _compiled_texts(knock: Knock, member: str, texts: Mapping[str, str]) -> dict[str, Text]:
    return {name: _compiled_text(knock, member, name, text) for name, text in texts.items()}


def _compiled_text(
    knock: Knock, member: str, name: str, text: str, encode: Callable[[str], str] | None = None,
    more: tuple[str, ...] = (),
) -> Text:  # fmt: skip
    """A text with holes, for `more` inputs too. Raises ConfigurationError at its place."""
    where = knock.where(member, name)
    if member == "headers" and FORBIDDEN.search(text):
        sentence = f"The header {name} holds a line break."
        raise ConfigurationError(sentence, file=where[0], line=where[1], hint="Write one line.", code="P013")
    harmless = text.template if isinstance(text, Filled) else text
    inputs = tuple(dict.fromkeys((*INPUTS, *more, *knock.values)))
    try:
        return COMPILER.compile_text(harmless, inputs=inputs, where=where, encode=encode)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{member}{'.' if name else ''}{name}: {error.sentence}",
            file=where[0], line=where[1], hint=error.hint, code="P013",
        ) from error  # fmt: skip


def _no_files(name: str) -> tuple[str, str]:
    raise FileNotFoundError(name)


COMPILER = Compiler(_no_files)
