"""A thought before a call comes home through every client's dialect: to its maker as it was, and to nobody else.

First turn: the maker thinks, signs, calls a tool. Second turn: the client sends back what it got, with the tool's result.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator

import pytest
from matrix.hearing import put_together
from matrix.stage import CLIENTS, Stage, says
from matrix.test_matrix_answers import ASKS
from rosetta.stories import Json
from rosetta.stream_journey import frames_of

THOUGHT, SIGNATURE = "I must look.", "c2lnbmVkIGJ5IGl0cyBtYWtlcg=="
PARTS: list[Json] = [
    {"type": "reasoning", "text": THOUGHT, "signature": SIGNATURE},
    {"type": "tool_call", "id": "call1", "name": "look", "arguments": {"at": 1}},
]
SIGNING = ("openai", "anthropic", "responses", "gemini", "bedrock")
UNSIGNED = ("ollama", "cohere")
CALL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "integer"}}}}}
TOOLS: dict[str, Json] = {
    "openai": {"tools": [CALL]}, "ollama": {"tools": [CALL]},
    "anthropic": {"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 2000},
                  "tools": [{"name": "look", "input_schema": CALL["function"]["parameters"]}]},  # type: ignore[index]
    "responses": {"tools": [{"type": "function", "name": "look", "parameters": CALL["function"]["parameters"]}]},  # type: ignore[index]
    "gemini": {"tools": [{"functionDeclarations": [{"name": "look", "parametersJsonSchema": CALL["function"]["parameters"]}]}]},  # type: ignore[index]
}  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("reasoning"))
    yield stage
    stage.close()


def answer_of(maker: str, *, stream: bool = False) -> tuple[str, bytes]:
    """A thought and a call, as this maker tells them."""
    unsigned = [{name: value for name, value in part.items() if name != "signature"} for part in PARTS]
    response = {"id": "r1", "model": "m", "created": 1, "parts": PARTS if maker in SIGNING else unsigned,
                "finish_reason": "tool_call", "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
    return says(maker, response, stream=stream)


def first_turn(client: str) -> Json:
    return {**copy.deepcopy(ASKS[client]), **copy.deepcopy(TOOLS[client])}


def second_turn(client: str, answer: Json) -> Json:
    """What the client sends after the tool has run: all it got, as it got it."""
    body = first_turn(client)
    body.pop("stream_options", None)
    if client == "openai":
        message = answer["choices"][0]["message"]
        body["messages"] += [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "found"}]
    elif client == "anthropic":
        call = next(block for block in answer["content"] if block["type"] == "tool_use")
        body["messages"] += [{"role": "assistant", "content": answer["content"]}, {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": call["id"], "content": "found"}]}]  # fmt: skip
    elif client == "responses":
        call = next(item for item in answer["output"] if item["type"] == "function_call")
        body["input"] = [{"role": "user", "content": "Go."}, *answer["output"],
                         {"type": "function_call_output", "call_id": call["call_id"], "output": "found"}]  # fmt: skip
    elif client == "gemini":
        content = answer["candidates"][0]["content"]
        call = next(part["functionCall"] for part in content["parts"] if "functionCall" in part)
        known = {"id": call["id"]} if "id" in call else {}
        body["contents"] += [content, {"role": "user", "parts": [
            {"functionResponse": {**known, "name": "look", "response": {"result": "found"}}}]}]  # fmt: skip
    else:
        body["messages"] += [answer["message"], {"role": "tool", "tool_name": "look", "content": "found"}]
    return body


def whole_of(client: str, raw: bytes) -> Json:
    """The answer that a client puts together from a stream, with what it must bring back."""
    if client == "gemini":
        pieces = json.loads(raw)
        return {"candidates": [{"content": {"role": "model", "parts": [
            part for piece in pieces for one in piece.get("candidates", ())[:1] for part in one.get("content", {}).get("parts", ())]}}]}
    frames = frames_of(raw, "ndjson" if client == "ollama" else "sse")
    if client in ("anthropic", "responses"):
        return put_together(client, frames)
    if client == "openai":
        return {"choices": [{"message": chat_message([data for _, data in frames if isinstance(data, dict)])}]}
    said = [data["message"] for _, data in frames]
    return {"message": {
        "role": "assistant", "content": "".join(one["content"] for one in said),
        "thinking": "".join(one.get("thinking", "") for one in said),
        "tool_calls": [call for one in said for call in one.get("tool_calls", ())],
    }}


def chat_message(chunks: list[Json]) -> Json:
    """As clients do that know `reasoning_details`: pieces of one index are one piece."""
    details: dict[int, Json] = {}
    calls: dict[int, Json] = {}
    text = thought = ""
    for delta in (choice["delta"] for chunk in chunks for choice in chunk["choices"]):
        text += delta.get("content") or ""
        thought += delta.get("reasoning_content") or ""
        for piece in delta.get("reasoning_details", ()):
            known = details.setdefault(piece["index"], {})
            grown = {name: known.get(name, "") + piece[name] for name in ("text", "data") if piece.get(name)}
            known.update({**piece, **grown})
        for call in delta.get("tool_calls", ()):
            known = calls.setdefault(call["index"], {"type": "function", "function": {"name": "", "arguments": ""}})
            known["id"] = call.get("id") or known.get("id")
            for name in ("name", "arguments"):
                known["function"][name] += call["function"].get(name) or ""
    return {"role": "assistant", "content": text or None, "tool_calls": list(calls.values()),
            **({"reasoning_content": thought} if thought else {}),
            **({"reasoning_details": list(details.values())} if details else {})}  # fmt: skip


def heard_first(stage: Stage, client: str, maker: str, *, stream: bool = False) -> Json:
    heard, _ = stage.ask(client, maker, first_turn(client), stream=stream, says=answer_of(maker, stream=stream))
    assert heard.status == 200, heard.body
    answer: Json = whole_of(client, heard.body) if stream else heard.json()
    assert client == maker or SIGNATURE not in json.dumps(answer), "it travels sealed"
    return answer


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("maker", SIGNING)
@pytest.mark.parametrize("client", [client for client in CLIENTS if client != "ollama"])
def test_a_signed_thought_comes_home_defect_119_defect_121_defect_229_defect_260(
    stage: Stage, client: str, maker: str, stream: bool
) -> None:
    """Text and signature are at the maker in the second turn, in the maker's own form, and no seal is."""
    body = second_turn(client, heard_first(stage, client, maker, stream=stream))
    heard, sent = stage.ask(client, maker, body, stream=stream, says=answer_of(maker, stream=stream))
    assert heard.status == 200, heard.body
    told = json.dumps(sent)
    assert (base64.b64encode(SIGNATURE.encode()).decode() if maker == "gemini" else SIGNATURE) in told
    assert THOUGHT in told or (stream and client == maker == "gemini")  # within the family, shreds stay shreds
    assert "morello1" not in told
    assert "compatibility reasoning" not in heard.headers.get("gateway-warnings", "")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("maker", UNSIGNED)
@pytest.mark.parametrize("client", CLIENTS)
def test_an_unsigned_thought_comes_home(stage: Stage, client: str, maker: str, stream: bool) -> None:
    """What nobody signed is sealed all the same, where the client has a place for a seal; else it comes as text."""
    body = second_turn(client, heard_first(stage, client, maker, stream=stream))
    heard, sent = stage.ask(client, maker, body, stream=stream, says=answer_of(maker, stream=stream))
    assert heard.status == 200, heard.body
    assert THOUGHT in json.dumps(sent)
    assert "morello1" not in json.dumps(sent)


@pytest.mark.parametrize("maker", SIGNING)
@pytest.mark.parametrize("client", CLIENTS)
def test_nobody_else_gets_it(stage: Stage, client: str, maker: str) -> None:
    """Sent on to others, the signature stays out, and so does the seal; the request goes through."""
    answer = heard_first(stage, client, maker)
    if client == maker:
        return  # it is not sealed then, and goes to its own family as it is
    for other in (*SIGNING, *UNSIGNED):
        if other == maker:
            continue
        heard, sent = stage.ask(client, other, second_turn(client, answer), stream=False, says=answer_of(other))
        assert heard.status == 200, (other, heard.body)
        told = json.dumps(sent)
        assert SIGNATURE not in told, other
        assert "morello1" not in told, other


@pytest.mark.parametrize("maker", SIGNING)
def test_a_client_that_carries_no_signature_is_served_defect_88(stage: Stage, maker: str) -> None:
    """It cannot bring it back; where the maker demands it, thinking is switched off, and never a foreign 400."""
    body = second_turn("ollama", heard_first(stage, "ollama", maker))
    heard, sent = stage.ask("ollama", maker, body, stream=False, says=answer_of(maker))
    assert heard.status == 200, heard.body
    assert SIGNATURE not in json.dumps(sent)
    assert sent.get("thinking", {}).get("type") in (None, "disabled")
