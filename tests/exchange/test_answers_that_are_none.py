"""A provider says 200, and what follows is an error, or no answer at all, or a stream that does not end."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from providers.vendor_server import Reply

from handlers.engine.answer_checks import error_in, lack_of

TURN = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
JSON = {"content-type": "application/json"}
NONE = [b"{}", b"null", b"[]", b'"hello"', b"7", b'{"object":"list","data":[]}', b'{"choices":null,"content":null}', b'{"choices":[]}']
SAID = b'{"error":{"message":"boom with sk-secret-of-o in it","code":"boomed"}}'


def body(model: str, *, stream: bool = False) -> dict[str, Any]:
    return {"model": model, "stream": stream, **TURN}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("raw", NONE)
@pytest.mark.parametrize(("path", "model", "lacking"), [(CHAT, "a:m", "/content"), (MESSAGES, "o:m", "/choices/0")])
def test_what_has_no_answer_in_it_is_no_empty_answer(
    bench: Any, path: str, model: str, lacking: str, raw: bytes, stream: bool
) -> None:
    """In translation it is a 502 that says what was missing: an empty answer would look like the model's silence."""
    answer = bench.post(path, body(model, stream=stream), Reply(200, raw, headers=JSON))
    assert answer.status_code == 502
    message = answer.json()["error"]["message"]
    assert ("it has no " + lacking in message) if raw.startswith(b"{") else (" none: it is " in message)
    assert "error=misread_answer" in bench.line(answer)


def test_an_empty_answer_stays_one(bench: Any) -> None:
    """A model may have nothing more to say: then there is an answer, and nothing in it."""
    said = {"id": "m", "type": "message", "role": "assistant", "model": "x", "content": [], "stop_reason": "end_turn",
            "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
    answer = bench.post(CHAT, body("a:m"), Reply(200, said))
    assert (answer.status_code, answer.json()["choices"][0]["finish_reason"]) == (200, "stop")


@pytest.mark.parametrize("raw", NONE)
@pytest.mark.parametrize(("path", "model"), [(CHAT, "o:m"), (MESSAGES, "a:m")])
def test_what_has_no_answer_in_it_passes_through_and_is_counted(bench: Any, path: str, model: str, raw: bytes) -> None:
    """Within a family it is the caller's own kind of nonsense: he gets the bytes, the log says that there was some."""
    answer = bench.post(path, body(model), Reply(200, raw, headers=JSON))
    assert (answer.status_code, answer.content) == (200, raw)
    assert " violations=1" in bench.line(answer)


def test_an_error_in_a_200_passes_through_without_secrets_and_is_told(bench: Any) -> None:
    """Its bytes stay; what is secret in them does not, and the log has its code."""
    answer = bench.post(CHAT, body("o:m"), Reply(200, SAID, headers=JSON))
    assert (answer.status_code, answer.content) == (200, SAID.replace(b"sk-secret-of-o", b"[secret]"))
    assert bench.line(answer).endswith(" violations=1 error=boomed")


@pytest.mark.parametrize(("path", "model"), [(CHAT, "o:m"), (MESSAGES, "o:m")])
def test_an_error_with_a_status_is_told_in_the_log(bench: Any, path: str, model: str) -> None:
    """Whether its bytes leave as they are, or its words in another dialect."""
    answer = bench.post(path, body(model), Reply(429, {"error": {"message": "slow", "type": "rate", "code": "slow_down"}}))
    assert answer.status_code == 429
    assert bench.line(answer).endswith(" error=slow_down")


def test_what_the_gateway_refuses_itself_is_told_in_the_log(bench: Any) -> None:
    """Before a call begins too."""
    answer = bench.client.get("/v1/nowhere")
    assert bench.line(answer).endswith(" error=unknown_path")


HELD = [
    b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"hi"}}]}\n\n',
    b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
]
MESSAGE = [
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"m","usage":{"input_tokens":1}}}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}\n\n',
]
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


@pytest.mark.parametrize(("path", "model", "events", "violations"), [
    (CHAT, "o:m", HELD, 1),
    (CHAT, "o:m", [*HELD, b"data: [DONE]\n\n"], 0),
    (CHAT, "o:m", [*HELD, b"data: [DONE]\n\n", b": bye\n\n"], 0),
    (CHAT, "o:m", [*HELD, b"data: [DONE]"], 1),
    (CHAT, "o:m", [HELD[0], b'data: {"error":{"message":"boom"}}\n\n'], 0),
    (MESSAGES, "a:m", MESSAGE, 1),
    (MESSAGES, "a:m", [*MESSAGE, STOP], 0),
])  # fmt: skip
def test_a_relayed_stream_without_its_end_is_counted(
    bench: Any, path: str, model: str, events: list[bytes], violations: int
) -> None:
    """It passes as it is; that it did not end as the dialect has it is told in the log."""
    answer = bench.post(path, body(model, stream=True), Reply(200, events=events))
    assert answer.status_code == 200
    line = bench.line(answer)
    assert (f" violations={violations}" in line) if violations else "violations=" not in line


def test_a_relayed_stream_of_comments_alone_ends_with_an_error(bench: Any) -> None:
    """It said nothing, and nobody may take that for an answer."""
    answer = bench.post(CHAT, body("o:m", stream=True), Reply(200, events=[b": nothing\n\n"]))
    assert b'"error"' in answer.content
    assert bench.line(answer).endswith(" error=stream_truncated")


@pytest.mark.parametrize(("status", "raw", "kind"), [
    (200, SAID, "json"), (200, b"{}", "json"), (200, b"<html>", "html"), (503, b"<html>", "html"), (401, b"{}", "json"),
])  # fmt: skip
@pytest.mark.parametrize(("path", "model"), [(CHAT, "o:m"), (MESSAGES, "o:m"), (CHAT, "a:m"), (MESSAGES, "a:m")])
def test_every_failure_of_a_provider_says_whose_it_is(
    bench: Any, path: str, model: str, status: int, raw: bytes, kind: str
) -> None:
    """Who was asked, and what he calls the request: without them nobody finds out what went wrong."""
    name = "x-request-id" if model == "o:m" else "request-id"
    answer = bench.post(path, body(model), Reply(status, raw, headers={"content-type": f"text/{kind}", name: "up-7"}))
    assert signed(answer) == ([model], ["up-7"])


@pytest.mark.parametrize(("path", "model"), [(CHAT, "closed:m"), (MESSAGES, "closed:m"), ("/v1/embeddings", "closed:m")])
def test_a_provider_that_cannot_be_reached_is_named(bench: Any, path: str, model: str) -> None:
    """In a header too, for who does not read messages."""
    more = {"input": "hi"} if path == "/v1/embeddings" else {}
    answer = bench.client.post(path, json={**body(model), **more})
    assert answer.status_code == 502
    assert signed(answer) == ([model], [])
    assert bench.line(answer).endswith(" error=connect_error")


@pytest.mark.parametrize("usage", ['"abc"', "7", "[]", '{"prompt_tokens":"x","input_tokens":"x"}', '{"prompt_tokens":-1.5,"input_tokens":-1}'])
@pytest.mark.parametrize(("path", "model"), [(CHAT, "o:m"), (MESSAGES, "a:m"), (MESSAGES, "o:m")])
def test_counts_that_are_none_cost_nobody_his_answer(bench: Any, path: str, model: str, usage: str) -> None:
    """Within a family they pass as they are, to another they are left out."""
    said = {"id": "1", "model": "m", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"}
    if model == "o:m":
        said = {"id": "1", "model": "m", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
    raw = json.dumps({**said, "usage": json.loads(usage)}, separators=(",", ":")).encode()
    answer = bench.post(path, body(model), Reply(200, raw, headers=JSON))
    assert answer.status_code == 200
    if path == CHAT or model == "a:m":
        assert answer.content == raw.replace(b'"model":"m"', b'"model":"%b"' % model.encode())
    else:
        assert answer.json()["usage"]["input_tokens"] == 0


def test_who_calls_a_tool_names_it(bench: Any) -> None:
    """Nobody could run a call without a name; a number for an id is a text all the same."""
    call = {"id": 7, "content": [{"type": "tool_use", "id": "x", "input": {}}], "stop_reason": "tool_use"}
    answer = bench.post(CHAT, body("a:m"), Reply(200, call))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "misread_answer")
    assert "it calls a tool and names none" in answer.json()["error"]["message"]
    call["content"][0]["name"] = "f"  # type: ignore[index]
    assert bench.post(CHAT, body("a:m"), Reply(200, call)).json()["id"] == "7"


TWO = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
    {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    for index, text in enumerate(("first", "second"))]}  # fmt: skip


def chunk(index: int, text: str, finish: str | None = None) -> bytes:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode() + b"\n\n"


SHREDS = [chunk(0, "fi"), chunk(1, "sec"), chunk(0, "rst"), chunk(1, "ond", "length"), chunk(0, "", "stop"), b"data: [DONE]\n\n"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("reply", [Reply(200, TWO), Reply(200, events=SHREDS)], ids=["whole", "streamed"])
def test_of_several_answers_the_first_is_taken_and_the_others_are_told(bench: Any, reply: Reply, stream: bool) -> None:
    """Nobody asked for them: they are neither mixed into the first nor dropped in silence."""
    answer = bench.post(MESSAGES, body("o:m", stream=stream), reply)
    assert answer.status_code == 200
    if stream:
        shreds = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
        text = "".join(shred["delta"].get("text", "") for shred in shreds if shred["type"] == "content_block_delta")
        assert text == "first"
        assert "end_turn" in answer.text
    else:
        assert [part["text"] for part in answer.json()["content"]] == ["first"]
    told = answer.headers.get("gateway-warnings", "") + (answer.text if stream else "")
    assert "unsupported choices[1]" in told
    assert 'lost="unsupported choices[1]' in bench.line(answer)


def signed(answer: httpx.Response) -> tuple[list[str], list[str]]:
    return answer.headers.get_list("gateway-model"), answer.headers.get_list("gateway-upstream-request-id")


class Declared:
    """What a dialect declares of its answers."""

    def __init__(self, error_inside: str | None, *answer_in: str) -> None:
        self.error_inside, self.answer_in = error_inside, answer_in


@pytest.mark.parametrize(("answer_in", "given", "lack"), [
    (("/a/0",), {"a": [{}]}, ""),
    (("/a/0", "/b"), {"b": ""}, ""),
    (("/a/0", "/b"), {"a": [], "b": None}, "it has no /a/0 and no /b"),
    (("/a",), True, "it is true or false"),
    (("/a",), 1.5, "it is a number"),
    ((), {}, ""),
    ((), None, "it is null"),
])  # fmt: skip
def test_a_dialect_declares_what_an_answer_has(answer_in: tuple[str, ...], given: Any, lack: str) -> None:
    """One of its pointers must lead to something; where it declares none, only null is no answer."""
    assert lack_of(Declared(None, *answer_in), given) == lack  # type: ignore[arg-type]


@pytest.mark.parametrize(("pointer", "given", "found"), [
    ("/e", {"e": {"m": 1}}, {"m": 1}), ("/e", {"e": None}, None), ("/e", {"e": ""}, None), ("/e", [], None), (None, {"e": 1}, None),
])  # fmt: skip
def test_a_dialect_declares_where_an_error_is(pointer: str | None, given: Any, found: Any) -> None:
    """What is there and empty is no error."""
    assert error_in(Declared(pointer), given) == found  # type: ignore[arg-type]
