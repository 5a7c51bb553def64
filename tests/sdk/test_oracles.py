"""The oracles bite: a deliberately broken answer fails."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion
from pydantic import ValidationError
from sdk_oracles import UnknownMemberError, strict, strict_event

CHAT: dict[str, Any] = {
    "id": "x", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi", "refusal": None}, "logprobs": None,
                 "finish_reason": "stop"}],
}  # fmt: skip
MESSAGE: dict[str, Any] = {
    "id": "x", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip


def test_what_is_right_passes() -> None:
    """Without this the failures below would prove nothing."""
    strict(ChatCompletion, CHAT)
    strict(Message, MESSAGE)
    strict_event({"type": "content_block_stop", "index": 0})


@pytest.mark.parametrize("broken", [
    {**CHAT, "created": "yesterday"},
    {**CHAT, "choices": [{**CHAT["choices"][0], "finish_reason": "tool_use"}]},
    {key: value for key, value in CHAT.items() if key != "choices"},
])  # fmt: skip
def test_a_broken_chat_completion_fails(broken: dict[str, Any]) -> None:
    """A wrong type, a foreign word, a missing member."""
    with pytest.raises(ValidationError):
        strict(ChatCompletion, broken)


@pytest.mark.parametrize("broken", [
    {**MESSAGE, "stop_reason": "stop"},
    {**MESSAGE, "content": [{"type": "text"}]},
    {**MESSAGE, "usage": {"input_tokens": 1}},
])  # fmt: skip
def test_a_broken_message_fails(broken: dict[str, Any]) -> None:
    """A foreign word, an empty block, half a usage."""
    with pytest.raises(ValidationError):
        strict(Message, broken)


def test_an_unknown_member_fails() -> None:
    """A member that the vendor never writes is a failure, though the package would let it through."""
    with pytest.raises(UnknownMemberError):
        strict(Message, {**MESSAGE, "object": "chat.completion"})


def test_a_broken_event_fails() -> None:
    """A delta without its index is no event."""
    with pytest.raises(ValidationError):
        strict_event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x"}})
