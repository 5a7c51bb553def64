"""Whether a wire is what its dialect allows: by the types of the official packages, and by our own contract.

The official request types are closed here: a member they do not know is an error, as it is for a strict server.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import jsonschema_rs
import yaml
from anthropic.types import Message
from anthropic.types.message_create_params import MessageCreateParams
from anthropic.types.shared import ErrorResponse
from openai.types.chat import ChatCompletion
from openai.types.chat.completion_create_params import CompletionCreateParams
from openai.types.shared import ErrorObject
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from rosetta.stories import ROOT, Json

from handlers.engine.contract.document import load_document
from handlers.engine.contract.schemas import Schemas

COMPONENTS = {
    ("openai", "request"): "ChatCompletionRequest",
    ("openai", "response"): "ChatCompletion",
    ("openai", "error"): "OpenAIError",
    ("anthropic", "request"): "MessagesRequest",
    ("anthropic", "response"): "Message",
    ("anthropic", "error"): "AnthropicError",
}
REQUESTS: dict[str, Any] = {"openai": CompletionCreateParams, "anthropic": MessageCreateParams}
NEWER: dict[str, set[str]] = {
    "openai": {"top_k"},
    # left out by the newest package, still taken by the API for older models
    "anthropic": {"temperature", "top_p", "top_k"},
}
"""Members of a request that the official types do not declare, although servers of the format take them."""
UNTYPED = ("conflict_error", "request_too_large")
"""Kinds of errors that the API documents and the official package has no type for."""


class Schema(GenerateJsonSchema):
    """File objects of Python, which no JSON can hold, allow anything."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Json:
        return {}


def closed(schema: Any) -> Any:
    """The schema with no members but those it declares."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: closed(value) for name, value in schema.items()}
    if schema.get("properties") and schema.get("type") == "object":
        result.setdefault("additionalProperties", False)
    return result


@cache
def request_validator(dialect: str) -> Any:
    schema = closed(TypeAdapter(REQUESTS[dialect]).json_schema(schema_generator=Schema))
    for name in NEWER[dialect]:
        for branch in schema["anyOf"]:
            properties = schema["$defs"][branch["$ref"].rsplit("/", 1)[1]]["properties"]
            properties.setdefault(name, {"type": "number"})
    return jsonschema_rs.validator_for(schema)


@cache
def contract_validator(component: str) -> Any:
    schemas = Schemas(load_document(ROOT / "openapi" / "openapi.yaml"))
    return schemas.compile({"$ref": f"#/components/schemas/{component}"})


@cache
def neutral_validator(kind: str) -> Any:
    document = yaml.safe_load((ROOT / "openapi" / "neutral.schema.yaml").read_text("utf-8"))
    return jsonschema_rs.validator_for(document | {"$ref": f"#/$defs/{kind}"})


def without(value: Any, names: list[str]) -> Any:
    """A copy of a value without these members, wherever they are."""
    if isinstance(value, list):
        return [without(each, names) for each in value]
    if isinstance(value, dict):
        return {name: without(member, names) for name, member in value.items() if name not in names}
    return value


def check_official(dialect: str, kind: str, wire: Json, beyond: list[str]) -> None:
    """Raises unless the official types accept the wire, the members of `beyond` aside ("*": they cannot know it)."""
    if "*" in beyond:
        return
    known = without(copy.deepcopy(wire), beyond)
    if kind == "request":
        request_validator(dialect).validate(known)
    elif kind == "response":
        (ChatCompletion if dialect == "openai" else Message).model_validate(known)
    elif dialect == "openai":
        ErrorObject.model_validate(known["error"])
    else:
        if known["error"]["type"] in UNTYPED:
            known["error"]["type"] = "api_error"
        ErrorResponse.model_validate({"request_id": None, **known})


def check_contract(dialect: str, kind: str, wire: Json) -> None:
    """Raises unless our own contract accepts the wire."""
    contract_validator(COMPONENTS[dialect, kind]).validate(wire)


def check_neutral(kind: str, value: Json) -> None:
    neutral_validator(kind).validate(value)
