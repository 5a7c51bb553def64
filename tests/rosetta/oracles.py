"""Whether a wire is what its dialect allows: by the types of the official packages, and by our own contract.

The official request types are closed here: a member they do not know is an error, as it is for a strict server.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any, get_type_hints

import jsonschema_rs
import yaml
from anthropic.types import Message
from anthropic.types.message_create_params import MessageCreateParams
from anthropic.types.shared import ErrorResponse
from cohere.v2.client import V2Client
from cohere.v2.types import V2ChatResponse
from google.genai import types as genai
from ollama._types import ChatRequest, ChatResponse
from ollama._types import Message as OllamaMessage
from ollama._types import Options as OllamaOptions
from openai.types.chat import ChatCompletion
from openai.types.chat.completion_create_params import CompletionCreateParams
from openai.types.responses import Response
from openai.types.responses.response_create_params import ResponseCreateParams
from openai.types.shared import ErrorObject
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from rosetta.converse_oracle import ConverseAnswer, ConverseRequest
from rosetta.stories import PROVIDERS_ONLY, ROOT, Json

from handlers.engine.contract.document import load_document
from handlers.engine.contract.schemas import Schemas

COMPONENTS = {
    ("openai", "request"): "ChatCompletionRequest",
    ("openai", "response"): "ChatCompletion",
    ("openai", "error"): "OpenAIError",
    ("anthropic", "request"): "MessagesRequest",
    ("anthropic", "response"): "Message",
    ("anthropic", "error"): "AnthropicError",
    ("responses", "request"): "ResponsesRequest",
    ("responses", "response"): "ResponsesResponse",
    ("responses", "error"): "OpenAIError",
    ("gemini", "request"): "GenerateContentRequest",
    ("gemini", "response"): "GenerateContentResponse",
    ("gemini", "error"): "GeminiError",
    ("ollama", "request"): "OllamaChatRequest",
    ("ollama", "response"): "OllamaChatResponse",
    ("ollama", "error"): "OllamaError",
}
REQUESTS: dict[str, Any] = {
    "openai": CompletionCreateParams, "anthropic": MessageCreateParams, "responses": ResponseCreateParams
}  # fmt: skip
NEWER: dict[str, set[str]] = {
    "openai": {"top_k"},
    # left out by the newest package, still taken by the API for older models
    "anthropic": {"temperature", "top_p", "top_k"},
    "responses": set(),
    # the server's own; the package drops it
    "ollama": {"tool_call_id"},
}
"""Members of a request that the official types do not declare, although servers of the format take them."""
UNTYPED = ("conflict_error", "request_too_large")
"""Kinds of errors that the API documents and the official package has no type for."""


GENERATE: dict[str, Any] = {
    "contents": list[genai.Content],
    "systemInstruction": genai.Content,
    "tools": list[genai.Tool],
    "toolConfig": genai.ToolConfig,
    "generationConfig": genai.GenerationConfig,
    "safetySettings": list[genai.SafetySetting],
    "cachedContent": str,
    "serviceTier": genai.ServiceTier,
}
"""The members of a generateContent request: the package has no type for it as a whole."""


class Pieces:
    """A validator of a request that the package knows by its pieces only."""

    def __init__(self, pieces: dict[str, Any], required: str) -> None:
        self.pieces = {name: TypeAdapter(type_) for name, type_ in pieces.items()}
        self.required = required

    def validate(self, wire: Json) -> None:
        assert self.required in wire
        assert wire.keys() <= self.pieces.keys(), wire.keys() - self.pieces.keys()
        for name, value in wire.items():
            self.pieces[name].validate_python(value)

    def is_valid(self, wire: Json) -> bool:
        try:
            self.validate(wire)
        except (AssertionError, ValueError):
            return False
        return True


class CohereRequest:
    """The package's types for a chat request, closed; it has them by members only, and `stream` is a method's name."""

    def __init__(self) -> None:
        hints = {name: hint for name, hint in get_type_hints(V2Client.chat).items() if name != "request_options"}
        self.members = {name: jsonschema_rs.validator_for(closed(TypeAdapter(hint).json_schema(schema_generator=Schema)))
                        for name, hint in ({**hints, "stream": bool}).items()}  # fmt: skip

    def validate(self, wire: Json) -> None:
        assert {"model", "messages", "stream"} <= wire.keys()
        assert wire.keys() <= self.members.keys(), wire.keys() - self.members.keys()
        for name, value in wire.items():
            self.members[name].validate(value)

    def is_valid(self, wire: Json) -> bool:
        try:
            self.validate(wire)
        except (AssertionError, ValueError):
            return False
        return True


def with_pictures(message: Json) -> Json:
    return {**message, "images": [{"value": each} for each in message["images"]]} if "images" in message else message


class OllamaRequest:
    """The package's types for a chat request. They let strangers through, so members are counted here."""

    def validate(self, wire: Json) -> None:
        # The package keeps pictures in objects of its own, which it writes as text.
        wire = {**wire, "messages": [with_pictures(message) for message in wire["messages"]]}
        found = ChatRequest.model_validate(wire)
        assert wire.keys() <= ChatRequest.model_fields.keys(), wire.keys()
        assert found.messages is not None
        for message in wire["messages"]:
            OllamaMessage.model_validate(message)
            assert message.keys() - NEWER["ollama"] <= OllamaMessage.model_fields.keys(), message.keys()
        assert wire.get("options", {}).keys() <= OllamaOptions.model_fields.keys(), wire["options"]

    def is_valid(self, wire: Json) -> bool:
        try:
            self.validate(wire)
        except (AssertionError, KeyError, ValueError):
            return False
        return True


RESPONSES: dict[str, Any] = {
    "openai": ChatCompletion, "anthropic": Message, "responses": Response,
    "gemini": genai.GenerateContentResponse, "ollama": ChatResponse, "cohere": V2ChatResponse,
    "bedrock": ConverseAnswer,
}  # fmt: skip


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
    has_members = schema.get("properties") and schema.get("type") == "object"
    if has_members and result.get("additionalProperties", True) is True:
        result["additionalProperties"] = False
    return result


@cache
def request_validator(dialect: str) -> Any:
    if dialect == "gemini":
        return Pieces(GENERATE, "contents")
    if dialect == "ollama":
        return OllamaRequest()
    if dialect == "cohere":
        return CohereRequest()
    if dialect == "bedrock":
        return ConverseRequest()
    schema = closed(TypeAdapter(REQUESTS[dialect]).json_schema(schema_generator=Schema))
    for name in NEWER[dialect]:
        for branch in schema["anyOf"]:
            properties = schema["$defs"][branch["$ref"].rsplit("/", 1)[1]]["properties"]
            properties.setdefault(name, {"type": "number"})
    return jsonschema_rs.validator_for(schema)


def with_known_words(value: Any) -> Any:
    """A body without the words that are handed on whatever they are: vendors invent new ones, and the types are closed."""
    if isinstance(value, list):
        return [with_known_words(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "base64" and "/pdf" not in value.get("media_type", "") and "image/" not in value["media_type"]:
        return {**value, "media_type": "application/pdf"}
    known = {"verbosity": "medium"}
    return {name: known.get(name, with_known_words(member)) for name, member in value.items()}


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
        RESPONSES[dialect].model_validate(known)
    elif dialect in ("gemini", "ollama"):
        assert isinstance(known["error"], str if dialect == "ollama" else dict)  # the packages have no type for it
    elif dialect in ("openai", "responses"):
        ErrorObject.model_validate(known["error"])
    else:
        if known["error"]["type"] in UNTYPED:
            known["error"]["type"] = "api_error"
        ErrorResponse.model_validate({"request_id": None, **known})


def check_contract(dialect: str, kind: str, wire: Json) -> None:
    """Raises unless our own contract accepts the wire, if it knows the dialect."""
    if dialect in PROVIDERS_ONLY:
        return
    contract_validator(COMPONENTS[dialect, kind]).validate(wire)


def check_neutral(kind: str, value: Json) -> None:
    neutral_validator(kind).validate(value)
