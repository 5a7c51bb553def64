"""What distinguishes the dialects that are fuzzed. A new one needs a row here and a lenient server.

Which operations of the contract are conversations follows from it: those that take the request of their dialect. All
others that take a body are asked in the same way, and their answers held to the contract alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from anthropic.types import Message
from contract.contract_specimens import contract
from google.genai import types as genai
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response
from rosetta.responses_grammar import check_responses, validate_event
from rosetta.stream_grammar import Frame, check_chat, check_generated, check_lines, check_messages, validate_piece
from sdk_oracles import strict, strict_event

Json = dict[str, Any]


@dataclass(frozen=True)
class Spoken:
    """A dialect: the contract's components for a request, an answer and an error, and the vendor's opinion on answers.

    `grammar` gets all events of a stream and the request; it says in what order they may come. `model` is the member of
    an answer that names the model.
    """

    request: str
    answer: str
    error: str
    whole: Callable[[Json], Any]
    event: Callable[[Json], Any]
    grammar: Callable[[list[Frame], Json], None]
    model: str = "model"


def chat_grammar(frames: list[Frame], sent: Json) -> None:
    """An error may stand in place of the rest; then nobody waits for the end."""
    last, options = frames[-1][1], sent.get("stream_options") or {}
    assert last == "[DONE]" or "error" in last, "the end is told"
    check_chat(frames, wants_usage=options.get("include_usage") is True)


def messages_grammar(frames: list[Frame], sent: Json) -> None:
    check_messages(frames)


def responses_grammar(frames: list[Frame], sent: Json) -> None:
    """A provider that fails before it has said anything leaves the failure by itself, and may end in its own word."""
    if [name for name, _ in frames] == ["response.failed"]:
        return
    name, last = frames[-1]
    if name == "response.incomplete":
        frames = [*frames[:-1], ("response.completed", {**last, "type": "response.completed"})]
    check_responses(frames)


def strict_response(data: Json) -> Any:
    """The API answers `store`, which its own package does not know."""
    return strict(Response, {name: value for name, value in data.items() if name != "store"})


def completions_grammar(frames: list[Frame], sent: Json) -> None:
    """Pieces of one text, a reason to end once, and the end; an error may stand in place of the rest."""
    assert all(name is None for name, _ in frames), "this dialect does not name its events"
    values = [value for _, value in frames]
    if isinstance(values[-1], dict) and "error" in values[-1]:
        return
    assert values.pop() == "[DONE]", "the end is told"
    choices = [value["choices"] for value in values]
    if (sent.get("stream_options") or {}).get("include_usage") is True:
        assert choices.pop() == [] and values[-1]["usage"], "usage comes last"
    ends = [choice["finish_reason"] for of_piece in choices for choice in of_piece]
    assert ends and not any(ends[:-1]) and ends[-1], "the reason to end comes once, at the end"


def generated_grammar(frames: list[Frame], sent: Json) -> None:
    """A question that is blocked has no candidates; then this is all that is said."""
    if len(frames) > 1 or "promptFeedback" not in frames[0][1]:
        check_generated(frames)


def strict_generated(data: Json) -> Any:
    return genai.GenerateContentResponse.model_validate(data)


def strict_piece_of_text(data: Json) -> Any:
    """The package has no type of its own for pieces, which have no reason to end yet."""
    choices = [{**choice, "finish_reason": choice["finish_reason"] or "stop"} for choice in data["choices"]]
    return strict(Completion, {**data, "choices": choices})


DIALECTS = {
    "openai": Spoken(
        "ChatCompletionRequest", "ChatCompletion", "OpenAIError", partial(strict, ChatCompletion),
        partial(strict, ChatCompletionChunk), chat_grammar,
    ),
    "anthropic": Spoken(
        "MessagesRequest", "Message", "AnthropicError", partial(strict, Message), strict_event, messages_grammar
    ),
    "responses": Spoken(
        "ResponsesRequest", "ResponsesResponse", "OpenAIError", strict_response,
        lambda data: validate_event(data["type"], data), responses_grammar,
    ),
    "gemini": Spoken(
        "GenerateContentRequest", "GenerateContentResponse", "GeminiError", strict_generated, strict_generated,
        generated_grammar, model="modelVersion",
    ),
    "ollama": Spoken(
        "OllamaChatRequest", "OllamaChatResponse", "OllamaError", partial(validate_piece, "ollama"),
        partial(validate_piece, "ollama"), lambda frames, sent: check_lines(frames),
    ),
    "completions": Spoken(
        "CompletionRequest", "Completion", "OpenAIError", partial(strict, Completion), strict_piece_of_text,
        completions_grammar,
    ),
}  # fmt: skip
FORMS = {
    operation["operationId"]: "no schema is looked at, only the model's part: tests/services/test_forms.py"
    for item in contract()["paths"].values()
    for operation in item.values()
    if "multipart/form-data" in operation.get("requestBody", {}).get("content", ())
}
"""Operations that take a form, by operationId: anything may stand in it, so that there is nothing to get wrong."""
LIKE = {"CountTokensRequest": "MessagesRequest"}
"""Requests that are nearly another's: what is systematic about them is tried there."""


def request_of(operation: Json) -> str | None:
    """The component that an operation takes as JSON."""
    media = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return None if media is None else str(media["schema"]["$ref"].rsplit("/", 1)[1])


def is_conversation(operation: Json) -> bool:
    """Whether it answers with what a model says, in one of the dialects."""
    spoken = DIALECTS.get(operation["x-dialect"]) if isinstance(operation["x-dialect"], str) else None
    return spoken is not None and request_of(operation) == spoken.request


def asks_a_provider(operation: Json) -> bool:
    """Whether a provider answers."""
    return is_conversation(operation) or "x-pass-through" in operation


def operations(*methods: str) -> list[tuple[str, str, Json]]:
    """Path, method and operation: all that need no body, and all that take JSON."""
    return [
        (path, method.upper(), item[method])
        for path, item in contract()["paths"].items()
        for method in methods
        if method in item and item[method]["operationId"] not in FORMS
    ]


def repetitions() -> set[str]:
    """The operations that take what one before them takes: under another path, for one provider, as a stream."""
    seen: set[str] = set()
    found = set()
    for _, _, operation in operations("post"):
        name = request_of(operation) or ""
        if seen & {name, LIKE.get(name)}:
            found.add(operation["operationId"])
        seen.add(name)
    return found


REPETITIONS = repetitions()
