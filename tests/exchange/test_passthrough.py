"""Same family on both sides: what arrives is what was sent, to the byte, but for what must change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from providers.vendor_server import Reply

BODY = (
    b'{ "messages" : [ {"role":"user","content":"caf\\u00e9 \\ud83d\\ude00 / \\/"} ],\n  "temperature":1.0, "top_p" : 1e0,'
    b' "model":"%s",\r\n\t"unknown_member": {"b":1,"a":[ ]} , "big":12345678901234567890123 }'
)
ANSWER = (
    b'{"id":"c1", "object":"chat.completion","created":1,"model":"gpt-4o-2024","choices":[{"index":0,"message":{"role":'
    b'"assistant","content":"\\u0041","refusal":null,"tool_calls":[{"id":"x","type":"function","function":{"name":"f",'
    b'"arguments":"{\\"model\\":\\"gpt-4o-2024\\"}"}}]},"logprobs":null,"finish_reason":"stop"}],"new_member":1.50}'
)
SIMPLE = {"messages": [{"role": "user", "content": "hi"}]}


def events(*data: str) -> list[bytes]:
    return [f"data: {one}\n\n".encode() for one in data]


def test_a_body_arrives_byte_for_byte_but_for_its_model(bench: Any) -> None:
    """White space, escapes, key order, unknown members, 1.0, and numbers beyond 64 bits stay; `model` alone changes."""
    answer = bench.post("/v1/chat/completions", BODY % b"o:vendor/x:7b", Reply(200, ANSWER))
    assert answer.status_code == 200
    assert bench.provider.last.raw == BODY % b"vendor/x:7b"


def test_an_answer_comes_back_byte_for_byte_but_for_its_model_defect_148_defect_230(bench: Any) -> None:
    """The caller reads the model's name as he sent it; a tool's argument of that name is nobody's business."""
    answer = bench.post("/v1/chat/completions", {"model": "o:gpt-4o", **SIMPLE}, Reply(200, ANSWER))
    assert answer.content == ANSWER.replace(b'"created":1,"model":"gpt-4o-2024"', b'"created":1,"model":"o:gpt-4o"')
    assert answer.headers["gateway-model"] == "o:gpt-4o"


def test_the_model_of_a_message_start_is_the_callers_defect_230(bench: Any) -> None:
    """The name stands in `message_start` alone, below `message`; all other events pass untouched."""
    start = '{"type":"message_start","message":{"id":"m","model":"claude-x-2025","usage":{"input_tokens":1,"output_tokens":1}}}'
    tool = '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"model\\":1}"}}'
    sent = [f"event: message_start\ndata: {start}\n\n".encode(), f"event: content_block_delta\ndata: {tool}\n\n".encode()]
    answer = bench.post("/v1/messages", {"model": "a:claude-x", "max_tokens": 9, "stream": True, **SIMPLE},
                        Reply(200, events=sent))  # fmt: skip
    assert answer.content == b"".join(sent).replace(b"claude-x-2025", b"a:claude-x")


def test_chunks_carry_the_callers_name_wherever_it_stands(bench: Any) -> None:
    """The place is learned from the first chunk and checked in each: another order, another id, still right."""
    chunks = [
        '{"id":"1","model":"real","choices":[{"delta":{"content":"\\"model\\":\\"real\\""}}]}',
        '{"id":"1","model":"real","choices":[{"delta":{"content":"b"}}]}',
        '{"model":"real","id":"2","choices":[{"delta":{"content":"c"}}]}',
        '{"id":"3","choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\\"model\\":\\"real\\"}"}}]}}]}',
    ]
    answer = bench.post("/v1/chat/completions", {"model": "o:asked", "stream": True, **SIMPLE},
                        Reply(200, events=[*events(*chunks), b"data: [DONE]\n\n"]))  # fmt: skip
    got = [json.loads(line[6:]) for line in answer.text.split("\n\n") if line.startswith("data: {")]
    assert [one.get("model") for one in got] == ["o:asked", "o:asked", "o:asked", None]
    assert got[0]["choices"][0]["delta"]["content"] == '"model":"real"'
    assert answer.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("asked", [False, True])
def test_usage_is_asked_for_and_withheld_from_who_did_not_ask_defect_97_defect_210(bench: Any, asked: bool) -> None:
    """The log needs the usage of every stream; the extra chunk reaches only a caller who wanted it."""
    body = {"model": "o:m", "stream": True, **SIMPLE, **({"stream_options": {"include_usage": True}} if asked else {})}
    sent = events('{"id":"1","model":"m","choices":[{"delta":{"content":"x"}}],"usage":null}',
                  '{"id":"1","model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}')
    answer = bench.post("/v1/chat/completions", body, Reply(200, events=[*sent, b"data: [DONE]\n\n"]))
    assert bench.provider.last.body["stream_options"] == {"include_usage": True}
    assert ('"total_tokens":3' in answer.text) is asked


def test_patches_mend_only_what_they_name(bench: Any) -> None:
    """A patch re-encodes the members it touches; the others keep their bytes."""
    body = b'{"model":"patched:m", "max_completion_tokens": 5, "user":"u", "messages": [ {"role":"user","content":"hi"} ]}'
    bench.post("/v1/chat/completions", body, Reply(200, ANSWER))
    raw = bench.provider.last.raw
    assert b'"messages": [ {"role":"user","content":"hi"} ]' in raw
    assert json.loads(raw) == {"model": "m", "max_tokens": 5, "options": {"num_ctx": 8192}, **SIMPLE}


def test_a_models_defaults_fill_and_never_overwrite_defect_129(bench: Any) -> None:
    """What the operator declares for a model holds where the caller says nothing, and is told to him."""
    answer = bench.post("/v1/chat/completions", {"model": "patched:tuned", **SIMPLE}, Reply(200, ANSWER))
    assert bench.provider.last.body["temperature"] == 0.5
    assert "default temperature" in answer.headers["gateway-warnings"]
    answer = bench.post("/v1/chat/completions", {"model": "patched:tuned", "temperature": 0, **SIMPLE}, Reply(200, ANSWER))
    assert bench.provider.last.body["temperature"] == 0
    assert "gateway-warnings" not in answer.headers


def test_the_provider_in_the_path_takes_its_own_prefix_off_only(bench: Any) -> None:
    """Model ids hold colons; only the prefix that repeats the path's provider goes."""
    for given, sent in (("llama3:8b", "llama3:8b"), ("o:llama3:8b", "llama3:8b"), ("a:x", "a:x")):
        bench.post("/o/v1/chat/completions", {"model": given, **SIMPLE}, Reply(200, ANSWER))
        assert bench.provider.last.body["model"] == sent


def test_an_unknown_query_is_no_error_defect_217(bench: Any) -> None:
    """`?beta=true` comes with every request of some clients."""
    reply = Reply(200, {"id": "m", "type": "message", "model": "x"})
    body = {"model": "a:claude-x", "max_tokens": 9, **SIMPLE}
    assert bench.post("/v1/messages?beta=true", body, reply).status_code == 200


def test_headers_go_both_ways_by_allowlist_defect_99_defect_149_defect_190_defect_221(bench: Any) -> None:
    """Betas and versions reach the provider, our key and cookies do not; limits come back, cookies do not."""
    reply = Reply(200, {"id": "m", "type": "message", "model": "x"}, headers={
        "anthropic-ratelimit-requests-remaining": "3", "set-cookie": "a=b", "request-id": "req_up", "x-internal": "1"})
    answer = bench.post("/v1/messages", {"model": "a:claude-x", "max_tokens": 9, **SIMPLE}, reply, anthropic_version="2099-01-01",
                        anthropic_beta="a,b", cookie="c=d", x_forwarded_for="1.2.3.4", x_stainless_lang="python")  # fmt: skip
    got = bench.provider.last.headers
    assert (got["anthropic-version"], got["anthropic-beta"], got["x-api-key"]) == ("2099-01-01", "a,b", "sk-secret-of-a")
    assert not {"authorization", "cookie", "x-forwarded-for"} & set(got)
    assert answer.headers["anthropic-ratelimit-requests-remaining"] == "3"
    assert answer.headers["gateway-upstream-request-id"] == "req_up"
    assert not {"set-cookie", "x-internal"} & set(answer.headers)


def test_an_errors_bytes_leave_unmodified_defect_139_defect_223(bench: Any) -> None:
    """Claude Code matches on the wording of errors: status and bytes are the provider's."""
    raw = b'{"type":"error", "error":{"type":"invalid_request_error","message":"max_tokens: \\u0041 too large"}}'
    answer = bench.post("/v1/messages", {"model": "a:x", "max_tokens": 9, **SIMPLE},
                        Reply(400, raw, headers={"x-should-retry": "false"}))  # fmt: skip
    assert (answer.status_code, answer.content) == (400, raw)
    assert answer.headers["x-should-retry"] == "false"


def test_secrets_never_leave_in_an_errors_bytes_defect_194(bench: Any) -> None:
    """A provider that repeats our key in its error does not tell it to the caller."""
    answer = bench.post("/v1/chat/completions", {"model": "o:m", **SIMPLE},
                        Reply(400, {"error": {"message": "bad key sk-secret-of-o here"}}))  # fmt: skip
    assert "sk-secret-of-o" not in answer.text
    assert "bad key" in answer.text


@pytest.mark.parametrize("event", [
    'data: {"error":{"message":"bad key sk-secret-of-o here"}}\n\n',
    'event: error\ndata: {"message":"bad key sk-secret-of-o here"}\n\n',
])  # fmt: skip
def test_secrets_never_leave_in_an_error_inside_a_stream_defect_194(bench: Any, event: str) -> None:
    """Nor in the middle of one; what only looks like an error, inside a text, stays as it is."""
    chunk = 'data: {"id":"1","model":"m","choices":[{"delta":{"content":"{\\"error\\":1}"}}],"error":null}\n\n'
    answer = bench.post("/v1/chat/completions", {"model": "o:m", "stream": True, **SIMPLE},
                        Reply(200, events=[chunk.encode(), event.encode()]))  # fmt: skip
    assert answer.text == (chunk.replace('"model":"m"', '"model":"o:m"') + event.replace("sk-secret-of-o", "[secret]"))


@pytest.mark.parametrize("model", ["o:m", "a:m"])
@pytest.mark.parametrize(("status", "page"), [(503, b"<html>busy</html>"), (401, b'{"error":{"message":"no"}}')])
def test_an_error_in_our_words_keeps_its_headers(bench: Any, model: str, status: int, page: bytes) -> None:
    """When to come again and whom to ask are told on both ways through the gateway, whoever words the error."""
    answer = bench.post("/v1/chat/completions", {"model": model, **SIMPLE},
                        Reply(status, page, headers={"content-type": "text/html", "retry-after": "7"}))  # fmt: skip
    assert answer.status_code == (503 if status == 503 else 502)
    assert answer.headers.get_list("retry-after") == ["7"]
    assert answer.headers.get_list("gateway-model") == [model]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_our_own_key_is_not_the_callers_fault(bench: Any, status: int) -> None:
    """The caller's key was right: he gets a 502 that names the provider."""
    answer = bench.post("/v1/messages", {"model": "a:x", "max_tokens": 9, **SIMPLE},
                        Reply(status, {"type": "error", "error": {"type": "authentication_error", "message": "no"}}))  # fmt: skip
    assert answer.status_code == 502
    assert answer.json()["type"] == "error"
    assert "a" in answer.json()["error"]["message"]


def test_an_html_page_is_no_answer_defect_60(bench: Any) -> None:
    """What is not JSON at all becomes a 502 in the caller's words; an error page keeps its status."""
    page = b"<html><body>Bad gateway</body></html>"
    answer = bench.post("/v1/chat/completions", {"model": "o:m", **SIMPLE}, Reply(200, page, headers={"content-type": "text/html"}))
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "not_json"
    answer = bench.post("/v1/chat/completions", {"model": "o:m", **SIMPLE}, Reply(503, page, headers={"content-type": "text/html"}))
    assert answer.status_code == 503
    assert "Bad gateway" in answer.json()["error"]["message"]


@pytest.mark.parametrize("model", ["o:m", "a:m"])
@pytest.mark.parametrize("page", [b"<html><body>Log in</body></html>", b""])
def test_an_html_page_is_no_stream_defect_60(bench: Any, model: str, page: bytes) -> None:
    """Nor is it a stream, whatever was asked for: no 200 goes out before the provider has begun to answer."""
    answer = bench.post("/v1/chat/completions", {"model": model, "stream": True, **SIMPLE},
                        Reply(200, page, headers={"content-type": "text/html"}))  # fmt: skip
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "not_json")


@pytest.mark.parametrize("stream", [False, True])
def test_null_is_no_answer(bench: Any, stream: bool) -> None:
    """It is JSON, and says nothing: not an empty answer."""
    answer = bench.post("/v1/chat/completions", {"model": "a:m", "stream": stream, **SIMPLE},
                        Reply(200, b"null", headers={"content-type": "application/json"}))  # fmt: skip
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "misread_answer")


END = b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":null}]}\n\n'


@pytest.mark.parametrize("last", [b'data: {"error":{"message":"boom"}}\n\n', b"", b'data: {"choices":[{"delta":'])
def test_what_came_before_a_failure_reaches_the_caller(bench: Any, last: bytes) -> None:
    """Also where both came in the same bytes: the caller has paid for it."""
    said = b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"half"}}]}\n\n'
    answer = bench.post("/v1/messages", {"model": "o:m", "max_tokens": 9, "stream": True, **SIMPLE},
                        Reply(200, events=[said + END + last]))  # fmt: skip
    kinds = [line[7:] for line in answer.text.splitlines() if line.startswith("event: ")]
    assert kinds == ["message_start", "content_block_start", "content_block_delta", "error"]
    assert "half" in answer.text


def test_what_was_held_back_comes_before_a_failure(bench: Any) -> None:
    """A text that might have become a tag waits; when the stream breaks off it is text."""
    said = b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"so <thi"}}]}\n\n'
    answer = bench.post("/v1/messages", {"model": "thinker:m", "max_tokens": 9, "stream": True, **SIMPLE},
                        Reply(200, events=[said]))  # fmt: skip
    texts = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    assert "".join(one["delta"]["text"] for one in texts if one["type"] == "content_block_delta") == "so <thi"
    assert texts[-1]["type"] == "error"


def test_a_non_2xx_answer_to_a_streamed_request_is_an_answer_defect_59(bench: Any) -> None:
    """The status decides, not what was asked for."""
    answer = bench.post("/v1/chat/completions", {"model": "o:m", "stream": True, **SIMPLE},
                        Reply(429, {"error": {"message": "slow down"}}, headers={"retry-after": "7"}))  # fmt: skip
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["error"]["message"] == "slow down"


@pytest.mark.parametrize("stream", [True, False])
def test_json_where_a_stream_was_asked_for_and_the_reverse_are_converted_defect_61(bench: Any, stream: bool) -> None:
    """What comes decides how it is read; what was asked decides how it is said."""
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hey", "refusal": None}, "finish_reason": "stop"}]}
    parts = events('{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"hey"}}]}',
                   '{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}', "[DONE]")
    reply = Reply(200, whole) if stream else Reply(200, events=parts)
    answer = bench.post("/v1/chat/completions", {"model": "o:m", "stream": stream, **SIMPLE}, reply)
    assert answer.status_code == 200
    if stream:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert '"content":"hey"' in answer.text
        assert answer.text.endswith("data: [DONE]\n\n")
    else:
        assert answer.json()["choices"][0]["message"]["content"] == "hey"




def test_what_a_patch_takes_out_is_told_defect_206_defect_207_defect_208(bench: Any) -> None:
    """A member that one server does not take is removed by a patch, and the caller learns of it, or is refused."""
    body = {"model": "patched:m", "user": "someone", **SIMPLE}
    answer = bench.post("/v1/chat/completions", body, Reply(200, ANSWER))
    assert "user" not in bench.provider.last.body
    assert answer.headers["gateway-warnings"] == "unsupported user"
    refused = bench.post("/v1/chat/completions", body, Reply(200, ANSWER), gateway_on_loss="refuse")
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "unsupported_loss"
