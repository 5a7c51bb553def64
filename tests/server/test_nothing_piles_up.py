"""What is left of calls that are over: nothing. And what a first call has to wait for: nothing that a start could do."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from server.scripts import BLOCK_START, CHAT_ANSWER, DONE, MESSAGE_START, STREAM_HEAD, chunk, event, text_delta, whole
from upstream.sockets import Connection

from handlers.engine.call import Call
from handlers.engine.passthrough import PassThrough
from handlers.engine.relay import Relay
from handlers.engine.translated_stream import TranslatedStream
from handlers.engine.translation import Translation
from handlers.engine.upstream import UpstreamAnswer

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
TURN = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
OF_ONE_CALL = (Call, PassThrough, Translation, Relay, TranslatedStream, UpstreamAnswer)
ROOT = Path(__file__).parent.parent.parent


def left() -> int:
    """How many objects there are that belong to one call each."""
    gc.collect()
    return sum(isinstance(one, OF_ONE_CALL) for one in gc.get_objects())


def descriptors() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


async def any_answer(connection: Connection) -> None:
    """Whole answers, streams, errors and broken ones, by turns, in the words that the caller's path asks for."""
    while (request := await connection.request()) is not None:
        messages = request.startswith(b"POST /v1/messages")
        if b'"stream":true' not in request.replace(b": ", b":"):
            body = CHAT_ANSWER if not messages else {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
                "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
            bad = len(connection.provider.requests) % 5 == 0
            await connection.say(whole({"error": {"message": "no"}}).replace(b"200 OK", b"500 No") if bad else whole(body))
            continue
        await connection.say(STREAM_HEAD + (MESSAGE_START + BLOCK_START + text_delta("one") if messages else chunk("one")))
        if len(connection.provider.requests) % 3:
            await connection.say(event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}})
                                 + event({"type": "message_stop"}) if messages else chunk("", "stop") + DONE)  # fmt: skip
        return


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("leaves", [False, True])
def test_calls_leave_nothing_behind_defect_168_defect_169(playing: Any, stream: bool, leaves: bool) -> None:
    """Not an object, not a descriptor: after answers, errors, broken streams, and callers who did not wait."""
    with playing(any_answer) as (caller, provider):

        def call_all(rounds: int) -> None:
            for _ in range(rounds):
                for path in (CHAT, MESSAGES):
                    for model in ("o:m", "a:m"):
                        with caller.send(path, {"model": model, "stream": stream, **TURN}) as connection:
                            if not leaves:
                                caller.read(connection)

        call_all(2)
        settled = settle()
        call_all(15)
        assert settle() < settled + 20  # idle connections come and go; sixty calls that kept one each would show
        assert leaves or len(provider.requests) == 68


def settle() -> int:
    """Wait until nothing is left of the last calls, which outlive their callers by a moment; the open descriptors."""
    deadline = time.monotonic() + 30
    while (now := left()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert now == 0
    return descriptors()


FIRST_CALLS = '''
import asyncio, sys
sys.path[:0] = ["tests"]
from handlers.app import Morello
from handlers.engine.configuration import load_configuration
from handlers.engine.rehearsal import PlayedProvider, ask
from handlers.security import Access, Keys
from pathlib import Path

async def main():
    home = Path(sys.argv[1])
    morello = Morello(load_configuration(home, {}), Access(Keys({"t": ["k"]})))
    started = asyncio.Event()
    async def receive():
        if not started.is_set():
            return {"type": "lifespan.startup"}
        await asyncio.Event().wait()
    async def send(message):
        started.set()
    life = asyncio.ensure_future(morello.asgi({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send))
    await started.wait()
    before = set(sys.modules)
    for path in ("/v1/chat/completions", "/v1/messages"):
        for stream in (False, True):
            body = {"model": "demo:echo", "max_tokens": 9, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
            heard = await ask(morello.asgi, path, {"x-api-key": "k"}, body)
            assert heard.status == 200, heard.body
            refused = await ask(morello.asgi, path, {"x-api-key": "k"}, {**body, "model": "demo:nothing"})
            assert refused.status == 404, refused.body
    print(*sorted(name for name in set(sys.modules) - before if not name.startswith("encodings.")))
    life.cancel()
asyncio.run(main())
'''


def test_a_first_call_imports_nothing_defect_204(tmp_path: Path) -> None:
    """Modules, templates and validators are there before the door opens: the first caller waits no longer than others."""
    (tmp_path / "providers.yaml").write_text("providers:\n  demo: {type: demo, transport: demo, models: {echo: {}}}\n")
    ended = subprocess.run([sys.executable, "-c", FIRST_CALLS, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == []
