"""The contract against the vendors' own packages: nothing they know is missing, nothing we add is unnamed.

The walk is in sdk_types.py. A difference stands in a table here with its reason; one without a row fails, and so does
a row without a difference: a new version of a package turns this red until somebody has looked.
"""

from __future__ import annotations

from typing import Any

import anthropic.pagination
import anthropic.types
import anthropic.types.beta
import openai.pagination
import openai.types
import openai.types.audio
import openai.types.chat
import openai.types.responses
import openai.types.shared
import orjson
import pydantic
import pytest
from anthropic.types import message_count_tokens_params as count_params
from anthropic.types import message_create_params as messages_params
from anthropic.types.beta import message_count_tokens_params as beta_count_params
from anthropic.types.beta import message_create_params as beta_messages_params
from anthropic.types.shared import ErrorResponse
from contract.closed_view import closed_view, is_open_branch, validator
from contract.contract_specimens import contract, name_of, resolve, schemas, specimen
from contract.responses_differences import BEYOND_ANSWERS, BEYOND_REQUESTS, LEFT_OUT_OF_ANSWERS, LEFT_OUT_OF_REQUESTS
from contract.sdk_types import Comparison
from openai.types import completion_create_params as completion_params
from openai.types import image_generate_params as image_params
from openai.types.chat import completion_create_params as chat_params
from openai.types.responses import response_create_params as responses_params

PAIRS: dict[str, list[tuple[Any, str]]] = {
    "chat requests": [
        (chat_params.CompletionCreateParamsNonStreaming, "ChatCompletionRequest"),
        (chat_params.CompletionCreateParamsStreaming, "ChatCompletionRequest"),
    ],
    "chat answers": [
        (openai.types.chat.ChatCompletion, "ChatCompletion"),
        (openai.types.chat.ChatCompletionChunk, "ChatCompletionChunk"),
        (openai.types.shared.ErrorObject, "OpenAIErrorObject"),
    ],
    "messages requests": [
        (messages_params.MessageCreateParamsNonStreaming, "MessagesRequest"),
        (messages_params.MessageCreateParamsStreaming, "MessagesRequest"),
        (beta_messages_params.MessageCreateParamsNonStreaming, "MessagesRequest"),
        (beta_messages_params.MessageCreateParamsStreaming, "MessagesRequest"),
    ],
    "messages answers": [
        (anthropic.types.Message, "Message"),
        (anthropic.types.RawMessageStreamEvent, "MessageStreamEvent"),
        (anthropic.types.beta.BetaMessage, "Message"),
        (anthropic.types.beta.BetaRawMessageStreamEvent, "MessageStreamEvent"),
        (ErrorResponse, "AnthropicError"),
    ],
    "responses requests": [
        (responses_params.ResponseCreateParamsNonStreaming, "ResponsesRequest"),
        (responses_params.ResponseCreateParamsStreaming, "ResponsesRequest"),
    ],
    "responses answers": [
        (openai.types.responses.Response, "ResponsesResponse"),
        (openai.types.responses.ResponseStreamEvent, "ResponseStreamEvent"),
    ],
    "models": [(openai.types.Model, "Model"), (anthropic.types.ModelInfo, "Model")],
    "text completions": [
        (completion_params.CompletionCreateParamsNonStreaming, "CompletionRequest"),
        (completion_params.CompletionCreateParamsStreaming, "CompletionRequest"),
    ],
    "answers of text completions": [(openai.types.Completion, "Completion")],
    "requests to count": [
        (count_params.MessageCountTokensParams, "CountTokensRequest"),
        (beta_count_params.MessageCountTokensParams, "CountTokensRequest"),
    ],
    "requests of services": [
        (openai.types.EmbeddingCreateParams, "EmbeddingRequest"),
        (image_params.ImageGenerateParamsNonStreaming, "ImageRequest"),
        (image_params.ImageGenerateParamsStreaming, "ImageRequest"),
        (openai.types.audio.SpeechCreateParams, "SpeechRequest"),
        (openai.types.ModerationCreateParams, "ModerationRequest"),
    ],
    "answers of services": [
        (anthropic.types.beta.BetaMessageTokensCount, "TokenCount"),
        (openai.types.CreateEmbeddingResponse, "EmbeddingList"),
        (openai.types.ImagesResponse, "ImageList"),
        (openai.types.ImageGenCompletedEvent, "ImageCompletedEvent"),
        (openai.types.ImageGenPartialImageEvent, "ImagePartialEvent"),
        (openai.types.audio.Transcription, "Transcription"),
        (openai.types.audio.TranscriptionTextDeltaEvent, "TranscriptionDeltaEvent"),
        (openai.types.audio.TranscriptionTextDoneEvent, "TranscriptionDoneEvent"),
    ],
}

BESIDE = {"UserBlockParam": "AssistantBlockParam", "AssistantBlockParam": "UserBlockParam"}
"""The package has one union of blocks for both roles; the contract has one for each, and the open branch for the rest."""

LEFT_OUT: dict[str, dict[str, str]] = {
    "text completions": {},
    "answers of text completions": {},
    "requests of services": {"ImageRequest.model: null": "it says who is to draw"},
    "answers of services": {},
    "chat requests": {},
    "chat answers": {"OpenAIErrorObject.misalignment": "a provider's own finding, passed through and never written here"},
    "messages requests": {
        "MessagesRequest.betas": "the package sends it as the header anthropic-beta",
        "MessagesRequest.user_profile_id": "a header, forwarded as it is",
        "MessagesRequest.workspace_id": "a header, forwarded as it is",
        "UserBlockParam: tool_addition": "belongs to system messages; elsewhere the open branch takes it",
        "UserBlockParam: tool_removal": "belongs to system messages; elsewhere the open branch takes it",
        "AssistantBlockParam: tool_addition": "belongs to system messages; elsewhere the open branch takes it",
        "AssistantBlockParam: tool_removal": "belongs to system messages; elsewhere the open branch takes it",
        "FetchedSource: url": "what was fetched is text or a PDF; the open branch takes the rest",
        "FetchedSource: file": "what was fetched is text or a PDF; the open branch takes the rest",
        "FetchedSource: content": "what was fetched is text or a PDF; the open branch takes the rest",
    },
    "messages answers": {},
    "responses requests": LEFT_OUT_OF_REQUESTS,
    "responses answers": LEFT_OUT_OF_ANSWERS,
    "models": {"Model.capabilities": "Morello does not know what a provider's model can do"},
}

LEFT_OUT["requests to count"] = {name.replace("MessagesRequest", "CountTokensRequest"): why for name, why in LEFT_OUT["messages requests"].items()}

ROUTERS = "OpenRouter's form, which clients know and other providers took over"
SHARED = "described once for questions and answers; the package has less of it in answers"
EXTENSIONS: dict[str, dict[str, str]] = {
    "requests of services": {},
    "text completions": {},
    "answers of text completions": {},
    "requests to count": {
        "CountTokensRequest.output_format": "the older place of output_config.format",
        "CodeCaller.type = code_execution_20260521": "a caller wherever tools list it as an allowed one",
    },
    "answers of services": {
        **dict.fromkeys(("Transcription.task", "Transcription.language", "Transcription.duration", "Transcription.segments", "Transcription.words", "TranscriptionSegment", "TranscriptionWord"), "of the longer format, which the package types apart"),
    },
    "chat requests": {
        "CacheControlParam": ROUTERS,
        **{
            f"{name}.cache_control": ROUTERS
            for name in ("ChatSystemMessage", "ChatDeveloperMessage", "ChatUserMessage", "ChatAssistantMessage",
                         "ChatToolMessage", "ChatTextPart", "ChatImagePart", "ChatAudioPart", "ChatFilePart",
                         "ChatFunctionTool")
        },
        "ChatAssistantMessage.annotations": "clients send answers back as they came",
        "ChatToolMessage.name": "many clients name the tool here too",
        "ChatUrlAnnotation": "clients send answers back as they came",
        "ChatUrlCitation": "clients send answers back as they came",
        "ChatAssistantMessage.reasoning": ROUTERS,
        "ChatAssistantMessage.reasoning_content": "DeepSeek's word for thoughts",
        "ChatAssistantMessage.reasoning_details": ROUTERS,
        "ChatReasoningText": ROUTERS,
        "ChatReasoningSummary": ROUTERS,
        "ChatReasoningEncrypted": ROUTERS,
        "ChatThinkingPart": "Mistral's form of thoughts",
        "ChatVideoPart": "several providers of this kind take films",
        "ChatVideoUrl": "several providers of this kind take films",
        "ChatCompletionRequest.reasoning": ROUTERS,
        "ChatReasoningOptions": ROUTERS,
        "ChatCompletionRequest.thinking": "DeepSeek's switch",
        "ChatThinkingOptions": "DeepSeek's switch",
        "ChatCompletionRequest.top_k": "most providers of this kind but the first know it",
        "ChatFunctionToolCall.extra_content": "where Gemini's OpenAI interface puts its signatures",
        "ChatFunctionToolCall.index": "clients that put a stream together keep it",
        "ChatExtraContent": "where Gemini's OpenAI interface puts its signatures",
        "ChatGoogleContent": "where Gemini's OpenAI interface puts its signatures",
    },
    "chat answers": {
        "ChatAnswerMessage.images": ROUTERS,
        "ChatDelta.images": ROUTERS,
        "ChatImagePart": ROUTERS,
        "ChatImageUrl": ROUTERS,
        "ChatPromptCacheBreakpoint": SHARED,
        "CacheControlParam": SHARED,
        "ChatAnswerMessage.reasoning_content": "DeepSeek's word for thoughts",
        "ChatDelta.reasoning_content": "DeepSeek's word for thoughts",
        "ChatAnswerMessage.reasoning_details": ROUTERS,
        "ChatDelta.reasoning_details": ROUTERS,
        "ChatReasoningText": ROUTERS,
        "ChatReasoningSummary": ROUTERS,
        "ChatReasoningEncrypted": ROUTERS,
        "ChatDelta.annotations": "sent in streams, though the package does not type it",
        "ChatToolCallDelta.custom": "sent in streams, though the package does not type it",
        "ChatToolCallDelta.type = custom": "sent in streams, though the package does not type it",
        "ChatCustomToolDelta": "sent in streams, though the package does not type it",
        "ChatFunctionToolCall.extra_content": "where Gemini's OpenAI interface puts its signatures",
        "ChatFunctionToolCall.index": "clients that put a stream together keep it",
        "ChatToolCallDelta.extra_content": "where Gemini's OpenAI interface puts its signatures",
        "ChatExtraContent": "where Gemini's OpenAI interface puts its signatures",
        "ChatGoogleContent": "where Gemini's OpenAI interface puts its signatures",
    },
    "messages requests": {
        "MessagesRequest.temperature": "older models and other providers of this kind take it",
        "MessagesRequest.top_p": "older models and other providers of this kind take it",
        "MessagesRequest.top_k": "older models and other providers of this kind take it",
        "MessagesRequest.output_format": "the older place of output_config.format",
        "CodeCaller.type = code_execution_20260521": "a caller wherever tools list it as an allowed one",
    },
    "messages answers": {
        "AnthropicErrorObject.type = conflict_error": "documented for status 409",
        "AnthropicErrorObject.type = request_too_large": "documented for status 413",
        "CodeCaller.type = code_execution_20260521": "a caller wherever tools list it as an allowed one",
        "PingEvent": "the package drops pings before it types events",
        "FetchedDocument.context": SHARED,
        **{
            f"{name}.cache_control": SHARED
            for name in ("FetchedDocument", "ToolReferenceBlockParam", "ToolAdditionBlockParam",
                         "ToolRemovalBlockParam", "CustomToolParam")
        },
    },
    "responses requests": BEYOND_REQUESTS,
    "responses answers": BEYOND_ANSWERS,
    "models": {
        "Model.name": "the seed's",
        "Model.provider": "the seed's",
        "Model.provider_type": "the seed's",
        "Model.provider_name": "for lists that are shown to people",
        "Model.provider_model_id": "what stands behind the colon of the id",
    },
}  # fmt: skip


@pytest.fixture(params=PAIRS, scope="module")
def comparison(request: pytest.FixtureRequest) -> tuple[str, Comparison]:
    """Each group of types, walked through."""
    found = Comparison(beside=BESIDE, nulls="requests" in request.param)
    for type_, component in PAIRS[request.param]:
        found.compare(type_, component)
    return request.param, found


def test_everything_the_packages_know_is_in_the_contract(comparison: tuple[str, Comparison]) -> None:
    """Members, kinds, words, JSON types, and null where a request may hold it."""
    group, found = comparison
    assert found.missing == set(LEFT_OUT[group])


def test_everything_in_the_contract_is_known_or_named_here(comparison: tuple[str, Comparison]) -> None:
    """What goes beyond the packages is an extension with a reason."""
    group, found = comparison
    assert found.beyond == set(EXTENSIONS[group])


def test_the_comparison_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member, a word and a type that are taken out of the contract are missed."""
    usage = schemas()["MessageUsage"]["properties"]
    monkeypatch.delitem(usage, "speed")
    monkeypatch.setitem(usage, "input_tokens", {"type": "string"})
    monkeypatch.setitem(usage, "service_tier", {"type": "string", "x-extensible-enum": ["standard", "batch"]})
    found = Comparison(nulls=False).compare(anthropic.types.Message, "Message")
    assert found.missing == {
        "MessageUsage.speed", "MessageUsage.input_tokens: integer", "MessageUsage.service_tier = priority",
    }  # fmt: skip


# ---- what the contract describes, the packages read ---------------------------------------------------------------

CLOSED = closed_view(contract())
MODELS: dict[str, Any] = {
    "ChatCompletion": openai.types.chat.ChatCompletion,
    "ChatCompletionChunk": openai.types.chat.ChatCompletionChunk,
    "Message": anthropic.types.beta.BetaMessage,
    "MessageStreamEvent": anthropic.types.beta.BetaRawMessageStreamEvent,
    "ContentBlock": anthropic.types.beta.BetaContentBlock,
    "BlockDelta": anthropic.types.beta.BetaRawContentBlockDelta,
    "AnthropicError": ErrorResponse,
    "ResponsesResponse": openai.types.responses.Response,
    "ResponseOutputItem": openai.types.responses.ResponseOutputItem,
    "ResponseStreamEvent": openai.types.responses.ResponseStreamEvent,
    "Model": anthropic.types.ModelInfo,
    "Completion": openai.types.Completion,
    "EmbeddingList": openai.types.CreateEmbeddingResponse,
    "ImageList": openai.types.ImagesResponse,
    "Transcription": openai.types.audio.Transcription,
}
BY_OTHER_MEANS = {
    "PingEvent": "dropped by the package before it types events",
    "AnthropicError": "read by the package's code for failures",
}


def read(model: Any, value: Any) -> Any:
    """What the package makes of a value. Strict: no text becomes a number."""
    return pydantic.TypeAdapter(model).validate_json(orjson.dumps(value), strict=True)


def kinds() -> list[tuple[str, str]]:
    """Every kind of answer: the model, and the component."""
    found = []
    for name in MODELS:
        union = schemas()[name].get("oneOf")
        for branch in union or [{"$ref": f"#/components/schemas/{name}"}]:
            if not is_open_branch(resolve(branch)) and not (union and name_of(branch) in BY_OTHER_MEANS):
                found.append((name, name_of(branch) or name))
    return found


@pytest.mark.parametrize("whole", [False, True], ids=["required members", "all members"])
@pytest.mark.parametrize(("model", "component"), kinds())
def test_the_packages_read_what_the_contract_describes(model: str, component: str, whole: bool) -> None:
    """Each kind of answer, block, event and delta, as small and as large as the closed view allows."""
    value = specimen(schemas()[component], whole)
    validator(CLOSED, component).validate(value)
    read(MODELS[model], value)


@pytest.mark.parametrize(
    ("model", "component", "change"),
    [
        ("ChatCompletion", "ChatCompletion", {"choices": None}),
        ("ChatCompletion", "ChatCompletion", {"created": "yesterday"}),
        ("ChatCompletionChunk", "ChatCompletionChunk", {"object": "chat.completion"}),
        ("ChatCompletionChunk", "ChatCompletionChunk", {"choices": [{"index": 0}]}),
        ("Message", "Message", {"usage": None}),
        ("Message", "Message", {"stop_reason": "because"}),
        ("Message", "Message", {"content": [{"type": "text"}]}),
        ("MessageStreamEvent", "ContentBlockDeltaEvent", {"delta": {"type": "text_delta"}}),
        ("MessageStreamEvent", "MessageDeltaEvent", {"usage": {}}),
        ("ResponsesResponse", "ResponsesResponse", {"output": None}),
        ("ResponsesResponse", "ResponsesResponse", {"usage": {"input_tokens": 1}}),
        ("ResponsesResponse", "ResponsesResponse", {"tool_choice": 3}),
        ("ResponseOutputItem", "ResponseOutputMessage", {"content": [{"type": "output_text", "text": "x"}]}),
        ("ResponseStreamEvent", "ResponseLifecycleEvent", {"response": {}}),
        ("ResponseStreamEvent", "ResponseTextDeltaEvent", {"sequence_number": None}),
        ("AnthropicError", "AnthropicError", {"error": {"type": "cosmic_ray_error", "message": "x"}}),
        ("Model", "Model", {"created_at": "once"}),
    ],
)
def test_a_broken_answer_is_noticed_by_both(model: str, component: str, change: dict[str, Any]) -> None:
    """The packages' types bite, and the closed view does where they do."""
    value = specimen(schemas()[component], True) | change
    with pytest.raises(pydantic.ValidationError):
        read(MODELS[model], value)
    if "created_at" not in change:      # no validator of ours looks at dates
        assert not validator(CLOSED, component).is_valid(value)


@pytest.mark.parametrize(
    ("example", "model"),
    [
        ("chatCompletion", openai.types.chat.ChatCompletion),
        ("chatCompletionToolCall", openai.types.chat.ChatCompletion),
        ("response", openai.types.responses.Response),
        ("responseToolCall", openai.types.responses.Response),
        ("message", anthropic.types.Message),
        ("messageToolCall", anthropic.types.Message),
        ("model", openai.types.Model),
        ("model", anthropic.types.ModelInfo),
        ("modelList", openai.pagination.SyncPage[openai.types.Model]),
        ("modelList", anthropic.pagination.SyncPage[anthropic.types.ModelInfo]),
    ],
)
def test_the_packages_read_the_examples(example: str, model: Any) -> None:
    """The answers shown in the documentation, by either package's types."""
    read(model, contract()["components"]["examples"][example]["value"])
