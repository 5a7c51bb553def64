"""What a client's words cannot carry of an answer: blocks of server tools and kinds unheard of. All else is carried."""

import pytest
from losses.real_pairs import dialects

from handlers.engine.exchange_losses import answer_table

MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "c", "stop_reason": "end_turn", "stop_sequence": None,
           "usage": {"input_tokens": 3, "output_tokens": 4}}  # fmt: skip
COMPLETION = {"id": "c", "object": "chat.completion", "created": 1, "model": "g",
              "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}  # fmt: skip
TEXT = {"type": "text", "text": "hey"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
URL_CITATION = {"type": "web_search_result_location", "url": "http://x", "title": "t", "cited_text": "c", "encrypted_index": "e"}


@pytest.fixture(scope="module")
def tables():
    return {name: answer_table(dialects()[name]) for name in ("openai", "anthropic")}


def lost(tables, client, provider, body):
    reader = dialects()[provider]
    response = reader.read_response({"body": body, "request": {}, "values": reader.values})
    return [str(loss) for loss in tables[client]({"parts": response["parts"]})]


@pytest.mark.parametrize(("blocks", "losses"), [
    ([TEXT], []),
    ([{**TEXT, "citations": None}], []),
    ([{"type": "thinking", "thinking": "hm", "signature": "s"}, TEXT], []),
    ([{"type": "redacted_thinking", "data": "d"}, TEXT], []),
    ([TEXT, {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}}], []),
    ([{**TEXT, "citations": [URL_CITATION]}], ["unsupported parts[0].citations[0].cited_text"]),
    ([{"type": "server_tool_use", "id": "t", "name": "web_search", "input": {"q": 1}},
      {"type": "web_search_tool_result", "tool_use_id": "t", "content": []}, TEXT], ["unsupported parts[0]", "unsupported parts[1]"]),
    ([TEXT, {"type": "brand_new", "x": 1}], ["unsupported parts[1]"]),
], ids=str)  # fmt: skip
def test_a_chat_client_is_told_what_of_a_message_it_does_not_get(tables, blocks, losses):
    assert lost(tables, "openai", "anthropic", {**MESSAGE, "content": blocks}) == losses


@pytest.mark.parametrize(("message", "losses"), [
    ({"content": "hey", "refusal": None, "annotations": []}, []),
    ({"content": None, "refusal": "no"}, []),
    ({"content": "hey", "reasoning_content": "hm"}, []),
    ({"content": None, "tool_calls": [CALL]}, []),
    ({"content": None, "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}]}, ["unsupported parts[0]"]),
], ids=str)  # fmt: skip
def test_a_messages_client_is_told_what_of_a_completion_it_does_not_get(tables, message, losses):
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
    assert lost(tables, "anthropic", "openai", {**COMPLETION, "choices": [choice]}) == losses
