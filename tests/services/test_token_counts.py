"""Counting tokens: the provider's own count where it has one, else a tokenizer's, else an estimate that says so."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import time
import zlib
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest
import quicktok
from providers.service_server import ServiceServer
from providers.vendor_server import Reply
from serving import KEY, gateway, served

from handlers.engine import token_counting
from handlers.engine.picture_sizes import size_of
from handlers.engine.token_rules import TokenRule

PROVIDERS = """
providers:
  demo: {{type: demo, transport: demo, models: {{echo: {{}}}}}}
  exact: {{type: anthropic, base_url: "{url}/a", key: sk-a, models: any}}
  other: {{type: openai, base_url: "{url}/o", key: sk-o, models: any}}
  relay: {{type: anthropic, base_url: "{url}/r", key: sk-r, models: any, services: {{count_tokens: null}}}}
"""
PATH = "/v1/messages/count_tokens"
TRUTH = quicktok.get_encoding("o200k_base").count
PROSE = "The quick brown fox jumps over the lazy dog, and nobody knows why it always has to be that very dog. " * 40
TOOLS = [
    {
        "name": f"tool_{number}", "description": PROSE[:300],
        "input_schema": {"type": "object", "required": ["path"], "properties": {
            "path": {"type": "string", "description": "Where the file is, from the root of the project."},
            "limit": {"type": "integer", "minimum": 1}, "kind": {"type": "string", "enum": ["a", "b", "c"]},
        }},
    }
    for number in range(20)
]  # fmt: skip


class World:
    """The provider, the gateway's address, and a client of it."""

    def __init__(self, provider: ServiceServer, url: str, client: httpx.Client) -> None:
        self.provider, self.url, self.client = provider, url, client

    def count(self, body: dict[str, Any], path: str = PATH) -> httpx.Response:
        return self.client.post(path, json=body)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    provider = ServiceServer()
    with (
        served(provider) as upstream,
        gateway(tmp_path_factory.mktemp("counts"), PROVIDERS.format(url=upstream)) as url,
        httpx.Client(base_url=url, headers={"x-api-key": KEY}, trust_env=False, timeout=30) as client,
    ):
        yield World(provider, url, client)


def asked(model: str, text: str = "hi", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


# ---- the provider's own count ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "model"), [(PATH, "exact:claude"), ("/exact" + PATH, "claude"), (PATH + "?beta=true", "exact:claude")])
def test_a_provider_that_counts_is_asked_defect_144(world: World, path: str, model: str) -> None:
    """The body goes through as it is, to the provider's own path, with the headers of its dialect."""
    world.provider.next_replies = [Reply(200, {"input_tokens": 4711}, headers={"request-id": "up"})]
    body = asked(model, tools=TOOLS[:1], x_unknown=1.0)
    answer = world.client.post(path, json=body, headers={"anthropic-beta": "token-counting-2024-11-01"})
    assert (answer.status_code, answer.json()) == (200, {"input_tokens": 4711})
    assert "gateway-warnings" not in answer.headers
    seen = world.provider.last
    assert (seen.path, seen.body) == ("/a/v1/messages/count_tokens", {**body, "model": "claude"})
    assert seen.headers["anthropic-beta"] == "token-counting-2024-11-01"
    assert seen.headers["x-api-key"] == "sk-a"


def test_its_refusal_is_the_answer(world: World) -> None:
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    world.provider.next_replies = [Reply(429, error)]
    answer = world.count(asked("exact:claude"))
    assert (answer.status_code, answer.json()) == (429, error)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_one_that_speaks_the_dialect_but_does_not_count_is_counted_for_defect_245(world: World, status: int) -> None:
    world.provider.next_replies = [Reply(status, {"detail": "Not Found"})]
    answer = world.count(asked("exact:claude", PROSE))
    assert answer.status_code == 200
    assert answer.json()["input_tokens"] == pytest.approx(TRUTH(PROSE), rel=0.15)


# ---- our own --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["other:gpt-5", "relay:m", "demo:echo"])
@pytest.mark.parametrize("path", [PATH, "/{}" + PATH])
def test_every_model_is_counted_for_defect_245(world: World, model: str, path: str) -> None:
    """Nobody is asked, and the answer says what it is."""
    before = len(world.provider.received)
    answer = world.count(asked(model, PROSE), path.format(model.partition(":")[0]))
    assert answer.status_code == 200
    assert list(answer.json()) == ["input_tokens"]
    assert answer.json()["input_tokens"] == pytest.approx(TRUTH(PROSE), rel=0.15)
    assert answer.headers["gateway-warnings"] == "compatibility input_tokens o200k_base"
    assert answer.headers["gateway-model"] == model
    assert len(world.provider.received) == before


def test_tools_count_as_what_they_say(world: World) -> None:
    """Within 15 % of what the tokenizer makes of them."""
    without = world.count(asked("other:m", PROSE)).json()["input_tokens"]
    with_tools = world.count(asked("other:m", PROSE, tools=TOOLS)).json()["input_tokens"]
    assert with_tools - without == pytest.approx(TRUTH(json.dumps(TOOLS, separators=(",", ":"))), rel=0.15)


def test_a_whole_conversation_counts(world: World) -> None:
    """Instructions, calls, results and thoughts, none of them forgotten, none counted twice."""
    arguments = {"path": PROSE[:200]}
    body = {
        "model": "other:m", "system": [{"type": "text", "text": PROSE}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": PROSE}]},
            {"role": "assistant", "content": [{"type": "text", "text": PROSE},
                                              {"type": "tool_use", "id": "t", "name": "tool_1", "input": arguments}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": PROSE}]}]},
        ],
    }  # fmt: skip
    truth = 4 * TRUTH(PROSE) + TRUTH(json.dumps(arguments))
    assert world.count(body).json()["input_tokens"] == pytest.approx(truth, rel=0.05)


@pytest.mark.parametrize("text", ["日本語のテキストです。" * 50, "🍒" * 200, "<|endoftext|>" * 10, " " * 5000, "a" * 100_000, "x\u2028y\0" * 50])
def test_any_text_counts(world: World, text: str) -> None:
    """Scripts of all kinds, and what looks like a tokenizer's own signs, are text."""
    found = world.count(asked("other:m", text)).json()["input_tokens"]
    assert found == pytest.approx(TRUTH(text), rel=0.02, abs=10)


def png(width: int, height: int) -> str:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    raw = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + b"x" * 400_000
    return base64.b64encode(raw).decode()


def picture(data: str, media_type: str = "image/png") -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("relay:m", (200, 200), 54), ("relay:m", (1000, 1000), 1334), ("relay:m", (4000, 4000), 1600),
        ("other:m", (512, 512), 255), ("other:m", (1024, 1024), 765), ("other:m", (2048, 4096), 1105),
    ],
)  # fmt: skip
def test_a_picture_costs_by_its_size_defect_144(world: World, model: str, size: tuple[int, int], tokens: int) -> None:
    """Not by its bytes: half a megabyte of base64 is no text. The formulas are those of the vendors' documentation."""
    text = {"type": "text", "text": "hi"}
    body = {"model": model, "messages": [{"role": "user", "content": [text, picture(png(*size))]}]}
    answer = world.count(body)
    plain = world.count(asked(model)).json()["input_tokens"]
    assert answer.json()["input_tokens"] - plain == pytest.approx(tokens, abs=2)
    assert answer.headers["gateway-warnings"] == "compatibility input_tokens o200k_base"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        picture("bm90IGEgcGljdHVyZQ=="),
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x" * 100}},
    ],
)
def test_what_can_only_be_guessed_says_so(world: World, block: dict[str, Any]) -> None:
    answer = world.count({"model": "other:m", "messages": [{"role": "user", "content": [block]}]})
    assert answer.status_code == 200
    assert 300 < answer.json()["input_tokens"] < 3000
    assert answer.headers["gateway-warnings"] == "compatibility input_tokens estimate"


def test_without_a_tokenizer_it_is_an_estimate(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A machine for which the package does not exist still counts, and does not claim anything."""
    monkeypatch.setattr(token_counting, "load", lambda encoding: None)
    with gateway(tmp_path, PROVIDERS.format(url="http://127.0.0.1:9")) as url:
        answer = httpx.post(url + PATH, json=asked("other:m", PROSE), headers={"x-api-key": KEY}, trust_env=False)
    assert answer.json()["input_tokens"] == pytest.approx(TRUTH(PROSE), rel=0.4)
    assert answer.headers["gateway-warnings"] == "compatibility input_tokens estimate"


def test_thirty_five_at_once_are_cheap(world: World) -> None:
    """What Claude Code does at /context: 35 counts of tools side by side, and nobody else waits for them."""
    body = json.dumps(asked("other:m", PROSE, tools=TOOLS * 6)).encode()
    assert len(body) > 60_000
    world.client.post(PATH, content=body, headers={"content-type": "application/json"})

    async def all_at_once() -> tuple[float, float]:
        headers = {"x-api-key": KEY, "content-type": "application/json"}
        async with httpx.AsyncClient(base_url=world.url, headers=headers, trust_env=False, timeout=30) as client:
            begun = time.perf_counter()
            counts = [asyncio.ensure_future(client.post(PATH, content=body)) for _ in range(35)]
            health = [(await client.get("/health")).elapsed.total_seconds() for _ in range(10)]
            answers = await asyncio.gather(*counts)
            assert len({answer.text for answer in answers}) == 1
            return time.perf_counter() - begun, max(health)

    seconds, slowest = asyncio.run(all_at_once())
    assert seconds < 5
    assert slowest < 2


# ---- failures, and the package --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"model": "other:m"}, 400, "invalid_request_error"),
        ({"model": "other:m", "messages": [{"role": "user"}]}, 400, "invalid_request_error"),
        (asked("nobody:m"), 404, "not_found_error"),
        (asked("m"), 404, "not_found_error"),
    ],
)
def test_failures_speak_the_dialect(world: World, body: dict[str, Any], status: int, kind: str) -> None:
    answer = world.count(body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


@pytest.mark.parametrize("model", ["other:m", "exact:claude"])
def test_the_package_counts(world: World, model: str) -> None:
    world.provider.next_replies = [Reply(200, {"input_tokens": 12})] if model.startswith("exact") else []
    with anthropic.Anthropic(base_url=world.url, api_key=KEY, max_retries=0) as client:
        found = client.messages.count_tokens(model=model, messages=[{"role": "user", "content": "hi"}], tools=TOOLS[:1])  # type: ignore[arg-type]
        assert found.input_tokens > 10
        with pytest.raises(anthropic.NotFoundError):
            client.messages.count_tokens(model="nobody:m", messages=[{"role": "user", "content": "hi"}])


# ---- pictures -------------------------------------------------------------------------------------------------------

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb0004aabbffc0001108012c019003012200021101031101")
GIF = b"GIF89a" + struct.pack("<HH", 320, 200)
WEBP = b"RIFF\0\0\0\0WEBP"
SIZES = {
    "png": (base64.b64decode(png(3, 5))[:40], (3, 5)),
    "jpeg": (JPEG, (400, 300)),
    "gif": (GIF, (320, 200)),
    "lossy webp": (WEBP + b"VP8 " + b"\0" * 10 + struct.pack("<HH", 640, 480), (640, 480)),
    "lossless webp": (WEBP + b"VP8L" + b"\0" * 4 + b"\x2f" + ((99) | (49 << 14)).to_bytes(4, "little"), (100, 50)),
    "extended webp": (WEBP + b"VP8X" + b"\0" * 8 + (799).to_bytes(3, "little") + (599).to_bytes(3, "little"), (800, 600)),
    "another": (b"BM and so on", None),
    "cut off": (b"\x89PNG\r\n\x1a\n\0\0", None),
    "a jpeg without a size": (b"\xff\xd8\xff\xe0\x00\x04\x00\x00", None),
    "a jpeg that goes round in circles": (b"\xff\xd8\xff\xe0\x00\x00" * 100, None),
}


@pytest.mark.parametrize(("raw", "size"), SIZES.values(), ids=SIZES)
def test_the_size_of_a_picture(raw: bytes, size: tuple[int, int] | None) -> None:
    assert size_of(base64.b64encode(raw).decode()) == size


def test_what_is_no_base64_has_no_size() -> None:
    assert size_of("a") is None
    assert size_of("\u00e4===") is None, "what is no base64 at all has no size either"
    assert size_of("") is None


def test_details_cost() -> None:
    rule = TokenRule()
    assert (rule.picture((5000, 5000), "low"), rule.picture((1, 1), None), rule.picture((0, 0), None)) == (85, 255, 85)
