"""A provider that is never the bottleneck: asyncio protocol, answers prepared as bytes, one process.

    python tests/bench/mock_provider.py PORT

POST …/chat/completions and …/v1/messages answer in their vendor's words; a body with `"stream":true` gets a stream of
EVENTS events in one burst, or one event each GAPS seconds if the model's name holds "paced" or "calm".
"""

from __future__ import annotations

import asyncio
import json
import sys

EVENTS = 100
GAPS = {b"paced": 0.01, b"calm": 0.1}
"""Calm is how fast models speak: ten words a second."""
TEXT = "lorem ipsum dolor sit amet " * 30


def openai_answer() -> bytes:
    return json.dumps({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "bench-2024",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT, "refusal": None}, "logprobs": None,
                     "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30},
    }).encode()  # fmt: skip


def anthropic_answer() -> bytes:
    return json.dumps({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "bench-2024",
        "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 20},
    }).encode()  # fmt: skip


def openai_events() -> list[bytes]:
    def chunk(delta: object, reason: str | None = None) -> bytes:
        return b"data: " + json.dumps({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "bench-2024",
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}).encode() + b"\n\n"

    return [chunk({"role": "assistant", "content": ""}), *(chunk({"content": f" word{n}"}) for n in range(EVENTS)),
            chunk({}, "stop"), b"data: [DONE]\n\n"]  # fmt: skip


def anthropic_events() -> list[bytes]:
    def event(data: dict[str, object]) -> bytes:
        return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()

    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "bench-2024", "content": [],
               "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 1}}  # fmt: skip
    deltas = [event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f" word{n}"}})
              for n in range(EVENTS)]  # fmt: skip
    return [
        event({"type": "message_start", "message": message}),
        event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        *deltas,
        event({"type": "content_block_stop", "index": 0}),
        event({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
               "usage": {"output_tokens": 20}}),
        event({"type": "message_stop"}),
    ]  # fmt: skip


ANSWERS = {"openai": openai_answer(), "anthropic": anthropic_answer()}
STREAMS = {"openai": openai_events(), "anthropic": anthropic_events()}


def whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WHOLE = {name: whole(body) for name, body in ANSWERS.items()}
PIECES = {name: [b"%x\r\n%b\r\n" % (len(one), one) for one in events] for name, events in STREAMS.items()}
BURST = {name: HEAD + b"".join(pieces) + b"0\r\n\r\n" for name, pieces in PIECES.items()}


class Provider(asyncio.Protocol):
    """One connection: requests with a Content-Length, one after another."""

    def __init__(self) -> None:
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.answer(b"/messages" in head.split(b"\r\n", 1)[0], body)

    def answer(self, messages: bool, body: bytes) -> None:
        assert self.transport is not None
        name = "anthropic" if messages else "openai"
        if b'"stream":true' not in body and b'"stream": true' not in body:
            self.transport.write(WHOLE[name])
            return
        for word, gap in GAPS.items():
            if word in body[:400]:
                asyncio.get_running_loop().create_task(self.paced(PIECES[name], gap))
                return
        self.transport.write(BURST[name])

    async def paced(self, pieces: list[bytes], gap: float) -> None:
        assert self.transport is not None
        self.transport.write(HEAD)
        for piece in pieces:
            if self.transport.is_closing():
                return
            self.transport.write(piece)
            await asyncio.sleep(gap)
        self.transport.write(b"0\r\n\r\n")


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1])))
