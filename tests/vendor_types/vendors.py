"""Where each vendor's SDK keeps the types of what travels: the request, the whole answer, one event of a stream."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import botocore.session
from anthropic import types as anthropic_types
from cohere.v2.raw_client import RawV2Client
from cohere.v2.types.v2chat_response import V2ChatResponse
from cohere.v2.types.v2chat_stream_response import V2ChatStreamResponse
from google.genai import types as genai_types
from mistralai.client import models as mistral_types
from ollama import _types as ollama_types
from openai.types import chat
from openai.types import responses as responses_types
from vendor_types.vendor_members import Vocabulary, hints, members_of, of_members, of_shape, of_types


def openai() -> dict[str, Vocabulary]:
    params = chat.completion_create_params
    return {
        "request": of_types(params.CompletionCreateParamsNonStreaming, params.CompletionCreateParamsStreaming),
        "response": of_types(chat.ChatCompletion),
        "event": of_types(chat.ChatCompletionChunk),
    }


def responses() -> dict[str, Vocabulary]:
    params = responses_types.response_create_params
    return {
        "request": of_types(params.ResponseCreateParamsNonStreaming, params.ResponseCreateParamsStreaming),
        "response": of_types(responses_types.Response),
        "event": of_types(responses_types.ResponseStreamEvent),
    }


def anthropic() -> dict[str, Vocabulary]:
    params = anthropic_types.message_create_params
    return {
        "request": of_types(params.MessageCreateParamsNonStreaming, params.MessageCreateParamsStreaming),
        "response": of_types(anthropic_types.Message),
        "event": of_types(anthropic_types.RawMessageStreamEvent),
    }


def gemini() -> dict[str, Vocabulary]:
    """The SDK's configuration is flat; on the wire these members stand beside `contents`, the others further in."""
    beside = {"systemInstruction", "tools", "toolConfig", "safetySettings", "cachedContent", "serviceTier", "labels"}
    config = dict(members_of(genai_types.GenerateContentConfig) or {})
    request = of_members(
        {"model": str, "contents": list[genai_types.Content], "generationConfig": genai_types.GenerationConfig}
        | {name: hint for name, hint in config.items() if name in beside}
        | {"systemInstruction": genai_types.Content, "tools": list[genai_types.Tool]}
    )
    request.add("generationConfig", {name: hint for name, hint in config.items() if name not in beside})
    answer = of_types(genai_types.GenerateContentResponse)
    return {"request": request, "response": answer, "event": answer}


def ollama() -> dict[str, Vocabulary]:
    answer = of_types(ollama_types.ChatResponse)
    return {"request": of_types(ollama_types.ChatRequest), "response": answer, "event": answer}


def cohere() -> dict[str, Vocabulary]:
    names = inspect.signature(RawV2Client.chat).parameters
    request = {
        name: hint
        for name, hint in hints(RawV2Client.chat).items()
        if name in names and name not in ("self", "request_options")
    }
    return {
        "request": of_members({"stream": bool} | request),
        "response": of_types(V2ChatResponse),
        "event": of_types(V2ChatStreamResponse),
    }


def mistral() -> dict[str, Vocabulary]:
    return {
        "request": of_types(mistral_types.ChatCompletionRequest),
        "response": of_types(mistral_types.ChatCompletionResponse),
        "event": of_types(mistral_types.CompletionChunk),
    }


def bedrock() -> dict[str, Vocabulary]:
    service = botocore.session.get_session().get_service_model("bedrock-runtime")
    converse = service.operation_model("Converse")
    stream: Any = service.operation_model("ConverseStream").output_shape
    return {
        "request": of_shape(converse.input_shape),
        "response": of_shape(converse.output_shape),
        "event": of_shape(stream.members["stream"], events=True),
    }


VENDORS = {made.__name__: made for made in (openai, responses, anthropic, gemini, ollama, cohere, mistral, bedrock)}


@cache
def vocabularies(dialect: str) -> dict[str, Vocabulary]:
    """`request`, `response` and `event` of the vendor of a dialect."""
    return VENDORS[dialect]()
