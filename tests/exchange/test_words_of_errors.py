"""Whose words an error has: the gateway's own, or the provider's, and always in the caller's envelope."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from providers.vendor_server import Reply
from serving import KEY

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
USER = {"role": "user", "content": "hi"}
TURN = {"max_tokens": 9, "messages": [USER]}
UNUSED = Reply(500, {"error": {"message": "the provider was asked"}})


def told(path: str, answer: Any) -> tuple[str, str]:
    """Type and message of an error, whose envelope is the caller's."""
    body = answer.json()
    if path == MESSAGES:
        assert body["type"] == "error"
        assert set(body["error"]) == {"type", "message"}
    else:
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}
    return body["error"]["type"], body["error"]["message"]


OWN = {
    "an unknown provider": ({"model": "nobody:m"}, 404, "not_found_error", "there is no provider 'nobody'"),
    "a provider that is off": ({"model": "off:m"}, 404, "not_found_error", "NOT_SET_ANYWHERE is not set"),
    "a wrong member": ({"model": "{}:m", "temperature": "hot"}, 400, "invalid_request_error", "temperature"),
    "no messages": ({"model": "{}:m", "messages": None}, 400, "invalid_request_error", "messages"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ["o", "a"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("case", OWN)
def test_what_the_gateway_refuses_is_told_in_its_own_words_defect_66(
    bench: Any, path: str, provider: str, case: str, stream: bool
) -> None:
    """No translator of answers gets hold of a refusal of ours: status and message arrive whole; nobody was asked."""
    given, status, kind, words = OWN[case]
    body = {**TURN, **given, "model": given["model"].format(provider), "stream": stream}
    asked = len(bench.provider.received)
    answer = bench.post(path, body, UNUSED)
    bench.provider.next_replies.clear()
    assert answer.status_code == status
    found, message = told(path, answer)
    assert found == kind
    assert words in message
    assert len(bench.provider.received) == asked


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_to_lose_something_names_it_defect_66(bench: Any, stream: bool) -> None:
    """The same for what a translation would lose."""
    answer = bench.post(CHAT, {"model": "a:m", "n": 2, "stream": stream, **TURN}, UNUSED)
    bench.provider.next_replies.clear()
    assert answer.status_code == 400
    kind, message = told(CHAT, answer)
    assert kind == "invalid_request_error"
    assert "unsupported n" in message
    assert answer.json()["error"]["code"] == "unsupported_loss"


PREFILL = [USER, {"role": "assistant", "content": "The answer is"}]
NO_PREFILL = "This model does not support assistant message prefill. The conversation must end with a user message."


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("provider", ["o", "a"])
def test_a_beginning_of_the_answer_reaches_the_provider_defect_100(bench: Any, path: str, provider: str) -> None:
    """Nothing is put behind the assistant's last message, and it is not left out; a refusal comes back in its words."""
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": NO_PREFILL}}
    reply = Reply(400, error if provider == "a" else {"error": {**error["error"], "param": None, "code": None}})
    answer = bench.post(path, {"model": f"{provider}:m", "max_tokens": 9, "messages": PREFILL}, reply)
    last = bench.provider.last.body["messages"][-1]
    assert last["role"] == "assistant"
    content = last["content"]
    assert (content if isinstance(content, str) else content[0]["text"]) == "The answer is"
    assert answer.status_code == 400
    assert told(path, answer) == ("invalid_request_error", NO_PREFILL)


OVERFLOWS = {
    "a code with 500": (500, {"error": {"message": "This model's maximum context length is 8 tokens, but you sent 9.", "type": "server_error",
                                        "code": "context_length_exceeded"}}),
    "words with 413": (413, {"error": {"message": "The prompt is too long: 9 tokens > 8 maximum", "type": "too_large"}}),
    "a type with 500": (500, {"error": {"message": "the request does not fit", "type": "exceed_context_size_error",
                                        "n_prompt_tokens": 9, "n_ctx": 8}}),
    "a bare text inside a 200": (200, {"error": "Trying to keep the first 9 tokens when context the overflows. 8 is all there is."}),
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", OVERFLOWS)
def test_a_conversation_that_does_not_fit_is_a_400_defect_224(bench: Any, case: str, stream: bool) -> None:
    """Whatever status a provider has for it: clients shorten the conversation on this status and these words only."""
    status, body = OVERFLOWS[case]
    answer = bench.post(MESSAGES, {"model": "o:m", "stream": stream, **TURN}, Reply(status, body))
    assert answer.status_code == 400
    kind, message = told(MESSAGES, answer)
    assert kind == "invalid_request_error"
    assert "prompt is too long" in message


@pytest.mark.parametrize(("status", "code", "expected"), [(200, 429, 429), (200, 503, 503), (500, 7, 500), (503, 429, 503)])
def test_an_error_keeps_the_status_it_is_told_with_defect_139(bench: Any, status: int, code: int, expected: int) -> None:
    """A status that stands only in the body counts where HTTP said 200: clients wait, and do not run tools again."""
    body = {"error": {"message": "calm down", "code": code}}
    answer = bench.post(MESSAGES, {"model": "o:m", **TURN}, Reply(status, body))
    assert answer.status_code == expected
    assert "calm down" in told(MESSAGES, answer)[1]


@pytest.mark.parametrize(("path", "kind"), [(CHAT, "request_too_large"), (MESSAGES, "request_too_large")])
def test_a_body_beyond_the_limit_is_a_413_defect_246(bench: Any, path: str, kind: str) -> None:
    """The limit is told as its family tells it, before such a body is read."""
    host, _, port = str(bench.client.base_url).removeprefix("http://").rstrip("/").partition(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        head = (f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n"
                f"content-length: {33 << 20}\r\nconnection: close\r\n\r\n{{")  # fmt: skip
        connection.sendall(head.encode())
        got = b""
        while b"}" not in got.partition(b"\r\n\r\n")[2] and (piece := connection.recv(65536)):
            got += piece
    assert got.startswith(b"HTTP/1.1 413")
    assert f'"type":"{kind}"'.encode() in got
    assert (b'{"type":"error"' in got) is (path == MESSAGES)
    assert b"32" in got.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("path", [
    "/v1/files", "/o/v1/files", "/v1/batches", "/o/v1/batches", "/v1/fine_tuning/jobs", "/o/v1/organization/usage",
    "/v1/messages/batches", "/a/v1/messages/batches", "/a/v1/organizations/me", "/v1/assistants", "/o/v1/vector_stores",
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_account_behind_a_key_is_out_of_reach_defect_214(bench: Any, method: str, path: str) -> None:
    """Only what the contract declares goes on: files, batches, tunings and members of the account stay the operator's."""
    asked = len(bench.provider.received)
    answer = bench.client.request(method, path, json={} if method == "POST" else None)
    assert answer.status_code in (404, 405)
    assert len(bench.provider.received) == asked


SCRIPT = "{{ 7 * 7 }} {% set x = 1 %} {{ key }} {{ values }} ${NOT_SET_ANYWHERE} {{ ''.__class__ }} {# gone? #}"


@pytest.mark.parametrize(("path", "provider"), [(CHAT, "o"), (CHAT, "a"), (MESSAGES, "o"), (MESSAGES, "a")])
def test_what_people_say_is_no_template_defect_187(bench: Any, path: str, provider: str) -> None:
    """Text with the marks of templates in it, in the conversation, the model's name or the answer, is text."""
    reply = Reply(200, {"id": SCRIPT, "object": "chat.completion", "created": 1, "model": SCRIPT, "choices": [
        {"index": 0, "message": {"role": "assistant", "content": SCRIPT, "refusal": None}, "logprobs": None, "finish_reason": "stop"}]})
    if provider == "a":
        reply = Reply(200, {"id": SCRIPT, "type": "message", "role": "assistant", "model": SCRIPT, "stop_reason": "end_turn",
                            "content": [{"type": "text", "text": SCRIPT}], "stop_sequence": None,
                            "usage": {"input_tokens": 1, "output_tokens": 1}})  # fmt: skip
    body = {"model": f"{provider}:{SCRIPT}", "max_tokens": 9, "messages": [{"role": "user", "content": SCRIPT}]}
    answer = bench.post(path, body, reply).json()
    sent = bench.provider.last.body
    assert sent["model"] == SCRIPT
    content = sent["messages"][-1]["content"]
    assert (content if isinstance(content, str) else content[0]["text"]) == SCRIPT
    heard = answer["choices"][0]["message"]["content"] if path == CHAT else answer["content"][0]["text"]
    assert heard == SCRIPT
    assert answer["model"] == body["model"]
