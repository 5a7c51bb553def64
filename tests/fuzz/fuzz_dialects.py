"""What distinguishes the dialects that are fuzzed. A new one needs a row here and a lenient server.

Which operations of the contract are conversations follows from it: those that speak a dialect of this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from anthropic.types import Message
from contract.contract_specimens import contract
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response
from rosetta.responses_grammar import check_responses, validate_event
from rosetta.stream_grammar import Frame, check_chat, check_lines, check_messages, validate_piece
from sdk_oracles import strict, strict_event

from handlers.engine.contract.document import follow

Json = dict[str, Any]


@dataclass(frozen=True)
class Spoken:
    """A dialect: the contract's components for an answer and an error, and the vendor's own opinion on answers.

    `grammar` gets all events of a stream and the request; it says in what order they may come.
    """

    answer: str
    error: str
    whole: Callable[[Json], Any]
    event: Callable[[Json], Any]
    grammar: Callable[[list[Frame], Json], None]


def chat_grammar(frames: list[Frame], sent: Json) -> None:
    """An error may stand in place of the rest; then nobody waits for the end."""
    last, options = frames[-1][1], sent.get("stream_options") or {}
    assert last == "[DONE]" or "error" in last, "the end is told"
    check_chat(frames, wants_usage=options.get("include_usage") is True)


def messages_grammar(frames: list[Frame], sent: Json) -> None:
    check_messages(frames)


def responses_grammar(frames: list[Frame], sent: Json) -> None:
    """A provider that fails before it has said anything leaves the failure by itself."""
    if [name for name, _ in frames] != ["response.failed"]:
        check_responses(frames)


def strict_response(data: Json) -> Any:
    """The API answers `store`, which its own package does not know."""
    return strict(Response, {name: value for name, value in data.items() if name != "store"})


DIALECTS = {
    "openai": Spoken(
        "ChatCompletion", "OpenAIError", partial(strict, ChatCompletion), partial(strict, ChatCompletionChunk), chat_grammar
    ),
    "anthropic": Spoken("Message", "AnthropicError", partial(strict, Message), strict_event, messages_grammar),
    "responses": Spoken(
        "Response", "OpenAIError", strict_response, lambda data: validate_event(data["type"], data), responses_grammar
    ),
    "ollama": Spoken(
        "OllamaChatResponse", "OllamaError", partial(validate_piece, "ollama"), partial(validate_piece, "ollama"),
        lambda frames, sent: check_lines(frames),
    ),
}  # fmt: skip
PASSED_THROUGH = {
    operation["operationId"]: "passes through: tests/services; its schema: tests/contract/test_differential.py"
    for item in contract()["paths"].values()
    for operation in item.values()
    if "x-pass-through" in operation
}
OTHERS = ("countMessageTokens", "countProviderMessageTokens", "showLocalModel")
NOT_YET = {
    operation["operationId"]: "not fuzzed yet: tests/rosetta, and its schema in tests/contract"
    for item in contract()["paths"].values()
    for name, operation in item.items()
    if name == "post" and (operation.get("x-dialect") in ("gemini", "completions") or operation["operationId"] in OTHERS)
}
ELSEWHERE: dict[str, str] = {**PASSED_THROUGH, **NOT_YET}
"""Operations that take a body and are no such conversations, by operationId, and where they are tried out instead."""


def is_conversation(operation: Json) -> bool:
    """Whether it answers with what a model says, in one of the dialects."""
    spoken = DIALECTS.get(operation["x-dialect"]) if isinstance(operation["x-dialect"], str) else None
    answer = follow(contract(), operation["responses"]["200"])["content"].get("application/json", {})
    return spoken is not None and answer.get("schema") == {"$ref": f"#/components/schemas/{spoken.answer}"}


def operations(*methods: str) -> list[tuple[str, str, Json]]:
    """Path, method and operation: all that need no body, and the conversations."""
    return [
        (path, method.upper(), item[method])
        for path, item in contract()["paths"].items()
        for method in methods
        if method in item and (method != "post" or is_conversation(item[method]))
    ]
