"""The official package as a client of the services, and as the judge of what comes back."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from providers.service_server import Pieces
from providers.vendor_server import Reply
from serving import KEY


@pytest.fixture
def client(bench: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{bench.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("given", ["a fox", ["a fox", "a quay"], [1, 2, 3], [[1, 2], [3]]], ids=["a text", "texts", "tokens", "lists of tokens"])
def test_embeddings(bench: Any, client: openai.OpenAI, given: Any) -> None:
    """The package asks for base64 by itself, and unpacks it."""
    vector = base64.b64encode(struct.pack("<3f", 0.25, -0.5, 2.0)).decode()
    bench.provider.next_replies = [Reply(200, {
        "object": "list", "model": "text-embedding-3-small",
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    })]  # fmt: skip
    found = client.embeddings.create(model="all:text-embedding-3-small", input=given, dimensions=3)
    assert found.model == "all:text-embedding-3-small"
    assert list(found.data[0].embedding) == [0.25, -0.5, 2.0]
    assert bench.provider.last.body == {
        "model": "text-embedding-3-small", "input": given, "dimensions": 3, "encoding_format": "base64",
    }  # fmt: skip


def test_images(bench: Any, client: openai.OpenAI) -> None:
    bench.provider.next_replies = [Reply(200, {"created": 1, "data": [{"b64_json": "aGk="}]})]
    found = client.images.generate(model="all:gpt-image-1", prompt="a fox", n=1)
    assert found.data is not None
    assert found.data[0].b64_json == "aGk="


def test_images_streamed(bench: Any, client: openai.OpenAI) -> None:
    event = b'event: image_generation.completed\ndata: {"type":"image_generation.completed","b64_json":"aGk="}\n\n'
    bench.provider.next_replies = [Reply(200, events=[event])]
    events = list(client.images.generate(model="all:gpt-image-1", prompt="a fox", stream=True))
    assert [each.type for each in events] == ["image_generation.completed"]


def test_speech(bench: Any, client: openai.OpenAI) -> None:
    sound = bytes(range(256)) * 100
    bench.provider.next_replies = [Pieces(200, headers={"content-type": "audio/mpeg"}, pieces=[sound[:999], sound[999:]])]
    found = client.audio.speech.create(model="all:tts-1", voice="alloy", input="a fox")
    assert found.content == sound
    assert bench.provider.last.body["model"] == "tts-1"


def test_transcriptions(bench: Any, client: openai.OpenAI) -> None:
    bench.provider.next_replies = [Reply(200, {"text": "a fox"})]
    sound = bytes(range(256)) * 3000
    found = client.audio.transcriptions.create(model="all:whisper-1", file=("fox.mp3", sound), language="en")
    assert found.text == "a fox"
    assert sound in bench.provider.last.raw
    assert b'name="model"\r\n\r\nwhisper-1\r\n' in bench.provider.last.raw


def test_transcriptions_streamed(bench: Any, client: openai.OpenAI) -> None:
    bench.provider.next_replies = [Reply(200, events=[
        b'data: {"type":"transcript.text.delta","delta":"a "}\n\n', b'data: {"type":"transcript.text.done","text":"a fox"}\n\n',
    ])]  # fmt: skip
    events = client.audio.transcriptions.create(model="all:gpt-4o-transcribe", file=("fox.mp3", b"x"), stream=True)
    assert [each.type for each in events] == ["transcript.text.delta", "transcript.text.done"]


def test_moderations(bench: Any, client: openai.OpenAI) -> None:
    bench.provider.next_replies = [Reply(200, {"id": "m", "model": "omni", "results": [{"flagged": True, "categories": {}}]})]
    found = client.moderations.create(model="all:omni", input=[{"type": "text", "text": "x"}])
    assert found.results[0].flagged
    assert found.model == "all:omni"


def test_a_failure_is_the_packages_own(bench: Any, client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="does not declare the service 'embeddings'"):
        client.embeddings.create(model="none:m", input="x")
