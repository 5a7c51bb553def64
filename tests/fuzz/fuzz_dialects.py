"""What distinguishes the dialects that are fuzzed. A new one needs a row here and a lenient server.

Which operations of the contract are conversations follows from it: those that speak a dialect of this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anthropic.types import Message
from contract.contract_specimens import contract
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel
from rosetta.stream_grammar import Frame, check_chat, check_messages
from sdk_oracles import strict, strict_event

Json = dict[str, Any]


@dataclass(frozen=True)
class Spoken:
    """A dialect: the contract's components for an answer and an error, and the vendor's own opinion on answers.

    `grammar` gets all events of a stream and the request; it says in what order they may come.
    """

    answer: str
    error: str
    whole: type[BaseModel]
    event: Callable[[Json], Any]
    grammar: Callable[[list[Frame], Json], None]


def chat_grammar(frames: list[Frame], sent: Json) -> None:
    """An error may stand in place of the rest; then nobody waits for the end."""
    last, options = frames[-1][1], sent.get("stream_options") or {}
    assert last == "[DONE]" or "error" in last, "the end is told"
    check_chat(frames, wants_usage=options.get("include_usage") is True)


def messages_grammar(frames: list[Frame], sent: Json) -> None:
    check_messages(frames)


DIALECTS = {
    "openai": Spoken(
        "ChatCompletion", "OpenAIError", ChatCompletion, lambda data: strict(ChatCompletionChunk, data), chat_grammar
    ),
    "anthropic": Spoken("Message", "AnthropicError", Message, strict_event, messages_grammar),
}
CONVERSATIONS = frozenset({"chat", "messages"})
"""The tags of the operations that converse in one of these dialects."""
PASSED_THROUGH = {
    operation["operationId"]: "passes through: tests/services; its schema: tests/contract/test_differential.py"
    for item in contract()["paths"].values()
    for operation in item.values()
    if "x-pass-through" in operation
}
ELSEWHERE: dict[str, str] = {**PASSED_THROUGH}
"""Operations that take a body and are no such conversations, by operationId, and where they are tried out instead."""


def is_conversation(operation: Json) -> bool:
    return operation.get("x-dialect") in list(DIALECTS) and bool(CONVERSATIONS & set(operation["tags"]))


def operations(*methods: str) -> list[tuple[str, str, Json]]:
    """Path, method and operation: all that need no body, and the conversations."""
    return [
        (path, method.upper(), item[method])
        for path, item in contract()["paths"].items()
        for method in methods
        if method in item and (method != "post" or is_conversation(item[method]))
    ]
