"""Events that differ in their text alone are translated by what the first of them became: with the same outcome."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.engine.configuration import load_configuration
from handlers.engine.dialects import Dialect, Framing
from handlers.engine.frame_writer import FrameWriter
from handlers.engine.renames import Renaming
from handlers.engine.streams import parser, splitter
from handlers.engine.templates import SHRED, UNREAD
from handlers.engine.templates.blind import guarded, kind_of_opaque
from handlers.engine.templates.values import Failure
from handlers.engine.translated_stream import TranslatedStream

WORDS = ("a", " word", "\n\n", '"', "\\", "é", "漢字", "\u2028", "😀", "</think>", "content", " ", "\t{", "1", "null", "x" * 300)
CLIENTS = ("openai", "anthropic", "responses", "gemini", "gemini in an array", "ollama")


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def chat(words: list[str], chance: random.Random, *, padded: bool = False) -> Iterator[str]:
    """OpenAI's chunks: thoughts as some servers tell them, text, and a call. `padded`: each with as much padding as it
    takes to hide its length."""
    for delta in (
        {"role": "assistant", "content": ""},
        *({"reasoning_content": word} for word in words),
        *({"content": word} for word in words),
        {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        *({"tool_calls": [{"index": 0, "function": {"arguments": word}}]} for word in ('{"a":"', *words, '"}')),
    ):
        padding = {"obfuscation": "".join(chance.choices("abcXYZ0189", k=chance.randrange(12)))} if padded else {}
        yield sse(chunk(delta, **padding))
        if chance.random() < 0.1:
            yield ": keep-alive\n\n"
    yield sse(chunk({}, "tool_calls")) + "data: [DONE]\n\n"


def padded_chat(words: list[str], chance: random.Random) -> Iterator[str]:
    return chat(words, chance, padded=True)


def blocks(words: list[str], chance: random.Random) -> Iterator[str]:
    """Anthropic's events, with a ping now and then."""
    usage = {"input_tokens": 3, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    yield sse({"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}}, named=True)
    call = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    for index, (block, kind, member) in enumerate((
        ({"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta", "thinking"),
        ({"type": "text", "text": ""}, "text_delta", "text"),
        (call, "input_json_delta", "partial_json"),
    )):  # fmt: skip
        yield sse({"type": "content_block_start", "index": index, "content_block": block}, named=True)
        for word in words if block is not call else ['{"a":"', *words, '"}']:
            yield sse({"type": "content_block_delta", "index": index, "delta": {"type": kind, member: word}}, named=True)
            if chance.random() < 0.1:
                yield sse({"type": "ping"}, named=True)
        yield sse({"type": "content_block_stop", "index": index}, named=True)
    delta = {"stop_reason": "tool_use", "stop_sequence": None}
    yield sse({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9}}, named=True)
    yield sse({"type": "message_stop"}, named=True)


def numbered(words: list[str], chance: random.Random) -> Iterator[str]:
    """The events of OpenAI's Responses, each with its number, deltas with padding too."""
    answer = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": [], "status": "in_progress"}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "status": "in_progress"}
    part = {"type": "output_text", "text": "", "annotations": []}
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    whole = {**item, "status": "completed", "content": [{**part, "text": "".join(words)}]}
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    events = [
        {"type": "response.created", "response": answer},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **where, "part": part},
        *({"type": "response.output_text.delta", **where, "delta": word, "logprobs": [],
           "obfuscation": "".join(chance.choices("abcXYZ0189", k=chance.randrange(12)))} for word in words),
        {"type": "response.output_text.done", **where, "text": "".join(words)},
        {"type": "response.content_part.done", **where, "part": {**part, "text": "".join(words)}},
        {"type": "response.output_item.done", "output_index": 0, "item": whole},
        {"type": "response.completed", "response": {**answer, "status": "completed", "output": [whole], "usage": usage}},
    ]  # fmt: skip
    for number, event in enumerate(events):
        yield sse({**event, "sequence_number": number}, named=True)


def lines(words: list[str], chance: random.Random) -> Iterator[str]:
    """Ollama's lines of JSON."""
    for word in words:
        message = {"role": "assistant", "content": word}
        yield json.dumps({"model": "m", "created_at": "2025-01-01T00:00:00Z", "message": message, "done": False}) + "\n"
    last = {"role": "assistant", "content": ""}
    yield json.dumps({"model": "m", "created_at": "2025-01-01T00:00:01Z", "message": last, "done": True,
                      "done_reason": "stop", "eval_count": 3, "prompt_eval_count": chance.randrange(9)}) + "\n"  # fmt: skip


def sse(event: dict[str, Any], *, named: bool = False) -> str:
    head = f"event: {event['type']}\n" if named else ""
    return f"{head}data: {json.dumps(event, separators=(',', ':'), ensure_ascii=False)}\n\n"


PROVIDERS: dict[str, tuple[str, Callable[[list[str], random.Random], Iterator[str]]]] = {
    "chat": ("openai", chat), "padded chat": ("openai", padded_chat), "blocks": ("anthropic", blocks),
    "numbered": ("responses", numbered), "lines": ("ollama", lines),
}  # fmt: skip


@cache
def dialects(home: Path) -> dict[str, Dialect]:
    return load_configuration(home, {}).dialects


class Counting:
    """Counts how often the reader of events was asked."""

    def __init__(self, function: Any) -> None:
        self.function, self.asked = function, 0

    def __call__(self, given: Any) -> Any:
        self.asked += 1
        return self.function(given)


def streamed(client: Dialect, framing: Framing, provider: Dialect) -> tuple[TranslatedStream, Counting]:
    engine = SimpleNamespace(secrets=(), log=None, losses=SimpleNamespace(of_answer=lambda *_: []))
    call = SimpleNamespace(raw=b"{}", body={"model": "m"}, usage={}, losses=[], request_id="req_1", engine=engine)
    journey = SimpleNamespace(
        call=call, client=client, door=SimpleNamespace(dialect=provider), writer=FrameWriter(framing),
        request={"model": "m", "messages": [], "stream": True}, values={}, renaming=Renaming(), requested="p:m",
        provider=SimpleNamespace(id="p", thought_tags=None, reasoning_scope="p"), begun=False, parts=[],
        answer={"id": "req_1", "created": 1}, refuse_error_inside=lambda _: None,
    )  # fmt: skip
    stream = TranslatedStream(journey)
    reader = Counting(stream.read_event)
    stream.read_event = reader
    return stream, reader


def told(stream: TranslatedStream, raw: bytes, chance: random.Random) -> list[Any]:
    """What the caller hears, as values; the bytes come in pieces of any length."""
    cut, out, at = splitter(stream.journey.door.dialect.stream.name), b"", 0
    while at < len(raw):
        size = chance.choice((1, 7, 100, 3000, 30000))
        out += stream.written(cut.feed(raw[at : at + size]))
        at += size
    out += stream.finale() + stream.writer.finish()
    assert stream.failure is None
    framing = stream.writer.name
    if framing == "json-array":
        return [json.loads(out)]
    events = splitter(framing)
    read = [parser(framing)(event) for event in (*events.feed(out), events.finish()) if event]
    return [(name, data if data == b"[DONE]" else json.loads(data)) for name, data in read if data is not None]


PAIRS = [(provider, client) for provider in PROVIDERS for client in CLIENTS if PROVIDERS[provider][0] != client]
"""Within a family streams pass through."""


@pytest.mark.parametrize(("provider", "client"), PAIRS)
def test_what_is_translated_by_its_likeness_is_what_the_templates_make_of_it(
    provider: str, client: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the words, the pings and the pieces: both ways say the same, and know the same answer in the end."""
    known = dialects(tmp_path_factory.getbasetemp())
    name, events = PROVIDERS[provider]
    speaks = known[client.split(maxsplit=1)[0]]
    framing = Framing("json-array", comments=False) if client.endswith("array") else speaks.stream
    for seed in range(12):
        chance = random.Random(seed)
        words = ["The answer", " is", *chance.choices(WORDS, k=40), " long", " enough", *(f" w{n}" for n in range(30))]
        raw = "".join(events(words, random.Random(seed))).encode()
        quick, quick_reader = streamed(speaks, framing, known[name])
        plain, plain_reader = streamed(speaks, framing, known[name])
        plain.learner.patience = 0
        heard = told(quick, raw, random.Random(seed))
        assert heard == told(plain, raw, random.Random(-seed))
        assert quick.assembler.response == plain.assembler.response
        if framing.name != "json-array":
            assert quick_reader.asked < plain_reader.asked / 2
        else:
            assert quick_reader.asked == plain_reader.asked


def test_a_template_that_looks_at_the_text_is_asked_each_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What became of one text says nothing then of what becomes of the next."""
    known = dialects(tmp_path_factory.getbasetemp())
    stream, reader = streamed(known["anthropic"], known["anthropic"].stream, known["openai"])
    stream.learner.reader = SimpleNamespace(blind=lambda given: str.upper(given["data"]["choices"][0]["delta"]["content"]))
    raw = "".join(chat([f" w{n}" for n in range(30)], random.Random(1))).encode()
    told(stream, raw, random.Random(1))
    assert reader.asked > 90


@pytest.mark.parametrize("look", [
    lambda value: value == "a", lambda value: value in ("a", "b"), hash, str, len, list, lambda value: value + "a",
    str.upper, {"a": 1}.get, lambda value: f"{value}", lambda value: value[0],
    guarded("filter_upper", lambda text: text), lambda value: [value] == ["a"],
    lambda value: guarded("filter_text", lambda parts: parts)([{"type": "text", "text": value}]),
])  # fmt: skip
def test_nobody_can_look_at_what_is_opaque(look: Callable[[Any], Any]) -> None:
    """A template that learnt anything of the one text would do for it what it would not do for another."""
    for value in (SHRED, UNREAD):
        with pytest.raises((Failure, TypeError, AttributeError)):
            look(value)


def test_what_must_not_be_touched_is_not_even_there_or_absent() -> None:
    """Of a text that is carried it is known that it is one, and not empty; of what differs beside it, nothing."""
    assert SHRED and isinstance(SHRED, str)
    with pytest.raises(Failure):
        bool(UNREAD)
    with pytest.raises(Failure):
        kind_of_opaque(UNREAD)
    assert kind_of_opaque(SHRED) is str and kind_of_opaque("a") is str and kind_of_opaque([]) is list
