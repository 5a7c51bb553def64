"""Path, query and header parameters: typed and checked as the contract declares them.

Unknown query parameters are allowed: clients add them (`?beta=true`).
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import inflection

from ..errors import InvalidRequest, NotFound
from .explaining import expectation
from .schemas import Schemas

MOST_QUERY_FIELDS = 100
CODE = "invalid_parameters"

INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")


def _integer(text: str) -> int:
    if not INTEGER.match(text):
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    if not NUMBER.match(text):
        raise ValueError(text)
    return float(text)


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


CASTS: dict[str, Callable[[str], Any]] = {"integer": _integer, "number": _number, "boolean": _boolean, "string": str}
WORDS = {"integer": "an integer", "number": "a number", "boolean": "true or false", "string": "text"}


def python_name(name: str) -> str:
    """A parameter's name as a handler spells it: `providerType` is `provider_type`, `type` is `type_`."""
    snake: str = inflection.underscore(re.sub(r"[^0-9A-Za-z_]", "_", name))
    return f"{snake}_" if keyword.iskeyword(snake) or hasattr(builtins, snake) else snake


class Parameter:
    """One declared parameter, ready to read."""

    __slots__ = (
        "argument", "cast", "default", "explode", "has_default", "header", "is_array", "name", "place", "required",
        "validator", "word",
    )  # fmt: skip

    def __init__(self, declared: Mapping[str, Any], schema: Mapping[str, Any], schemas: Schemas) -> None:
        self.name: str = declared["name"]
        self.place: str = declared["in"]
        self.required = bool(declared.get("required", False))
        self.header = self.name.lower().encode("latin-1")
        self.argument = python_name(self.name)
        kind = schema.get("type", "string")
        self.is_array = kind == "array"
        self.explode = declared.get("explode", self.place == "query")
        kind = schema.get("items", {}).get("type", "string") if self.is_array else kind
        self.cast = CASTS[kind]
        self.word = WORDS[kind]
        self.validator = schemas.compile(schema)
        self.has_default = "default" in schema
        self.default = schema.get("default")

    def read(self, texts: Sequence[str] | None, arguments: dict[str, Any]) -> None:
        """Put the value of `texts` into `arguments`. Raises GatewayError (404 for a path, else 400)."""
        if not texts:
            if self.required:
                message = f"The {self.place} parameter '{self.name}' is missing."
                raise InvalidRequest(message, code=CODE, param=self.name)
            if self.has_default:
                arguments[self.argument] = self.default
            return
        try:
            if self.is_array:
                pieces = texts if self.explode else texts[-1].split(",")
                value: Any = [self.cast(piece) for piece in pieces]
            else:
                value = self.cast(texts[-1])
        except (ValueError, KeyError):
            raise self._refusal(self.word) from None
        if not self.validator.is_valid(value):
            raise self._refusal(expectation(self.validator, value))
        arguments[self.argument] = value

    def _refusal(self, expected: str) -> InvalidRequest | NotFound:
        message = f"The {self.place} parameter '{self.name}' must be {expected}."
        if self.place == "path":
            return NotFound(message, code="unknown_path", param=self.name)
        return InvalidRequest(message, code=CODE, param=self.name)


class Parameters:
    """All parameters of one operation."""

    __slots__ = ("headers", "path", "query")

    def __init__(self, declared: Sequence[Parameter]) -> None:
        self.path = [each for each in declared if each.place == "path"]
        self.query = [each for each in declared if each.place == "query"]
        self.headers = [each for each in declared if each.place == "header"]

    def __bool__(self) -> bool:
        return bool(self.path or self.query or self.headers)

    @property
    def arguments(self) -> set[str]:
        """The names under which handlers may ask for them."""
        return {each.argument for each in (*self.path, *self.query, *self.headers)}

    def read(self, path_values: Mapping[str, str], query: bytes, headers: Mapping[bytes, bytes]) -> dict[str, Any]:
        """The parameters' values by their argument names; those that are neither sent nor defaulted are left out."""
        arguments: dict[str, Any] = {}
        for parameter in self.path:
            parameter.read([path_values[parameter.name]], arguments)
        if self.query:
            fields = _query_fields(query) if query else {}
            for parameter in self.query:
                parameter.read(fields.get(parameter.name), arguments)
        for parameter in self.headers:
            value = headers.get(parameter.header)
            parameter.read(None if value is None else [value.decode("latin-1")], arguments)
        return arguments


def _query_fields(query: bytes) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_QUERY_FIELDS)
    except ValueError:
        raise InvalidRequest(f"The query has more than {MOST_QUERY_FIELDS} parameters.", code=CODE) from None
    fields: dict[str, list[str]] = {}
    for name, text in pairs:
        fields.setdefault(name, []).append(text)
    return fields
