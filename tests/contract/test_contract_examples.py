"""The examples of the contract are right: as requests, as answers, and as what this gateway would write itself."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from contract.closed_view import closed_view, validator
from contract.contract_specimens import contract, schemas, specimen

from handlers.engine.contract.document import follow
from handlers.engine.contract.schemas import Schemas

CLOSED = closed_view(contract())


def media_types() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every media type of a request or an answer with its place."""
    for path, item in contract()["paths"].items():
        for method, operation in item.items():
            if "requestBody" in operation:
                for name, media in operation["requestBody"]["content"].items():
                    yield f"{method} {path} {name}", media
            for status, response in operation["responses"].items():
                for name, media in follow(contract(), response).get("content", {}).items():
                    yield f"{method} {path} {status} {name}", media


def examples() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Every example with its place and the media type it belongs to."""
    for place, media in media_types():
        if "example" in media:
            yield place, media, media["example"]
        for name, example in media.get("examples", {}).items():
            yield f"{place} {name}", media, follow(contract(), example)["value"]


EXAMPLES = list(examples())
SERVICES = {path for path, item in contract()["paths"].items()
            if "else" not in item.get("post", {}).get("x-pass-through", {"else": "converse"})}  # fmt: skip
"""What passes through needs a provider who has it; the demo provider only talks."""
REQUESTS = [(place, value) for place, _, value in EXAMPLES
            if "post" in place and place.split()[1] not in SERVICES and not re.search(r" [245]\d\d ", place)]  # fmt: skip


@pytest.mark.parametrize(("place", "media", "value"), EXAMPLES, ids=[place for place, _, _ in EXAMPLES])
def test_an_example_fits_its_schema(place: str, media: dict[str, Any], value: Any) -> None:
    """Closed too: the examples show what Morello itself takes and writes."""
    for document in (contract(), CLOSED):
        Schemas(document).compile(media["schema"]).validate(value)


def test_everything_has_an_example() -> None:
    """Each body, each answer, each failure; but for the two documentation paths, and sounds."""
    without = [
        place for place, media in media_types()
        if "example" not in media and "examples" not in media and not place.startswith("get /api-docs")
        and media["schema"].get("format") != "binary"
    ]  # fmt: skip
    assert without == []


@pytest.mark.parametrize(("place", "media", "value"), [one for one in EXAMPLES if "event-stream" in one[0]])
def test_an_example_of_an_event_fits_the_schema_of_its_data(place: str, media: dict[str, Any], value: Any) -> None:
    """The text in `data` is JSON of the kind that `x-event-data` names."""
    Schemas(CLOSED).compile(media["x-event-data"]).validate(orjson.loads(value["data"]))


@pytest.mark.parametrize("kind", ["parameters", "headers"])
def test_examples_of_parameters_and_headers_are_valid(kind: str) -> None:
    """And their schemas say what they are."""
    for name, component in contract()["components"][kind].items():
        assert component["description"], name
        if "example" in component:
            Schemas(contract()).compile(component["schema"]).validate(component["example"])


@pytest.mark.parametrize(("place", "body"), REQUESTS, ids=[place for place, _ in REQUESTS])
def test_requests_run_without_an_account(place: str, body: dict[str, Any]) -> None:
    """Every example of a request names the model of the demo provider, which is always there, or the path does."""
    assert "{model}" in place or body["model"] == "demo:echo"


def test_the_picture_is_one() -> None:
    """The image in the examples is a PNG whose checksums are right."""
    shown = contract()["components"]["examples"]
    url = shown["chatImage"]["value"]["messages"][0]["content"][1]["image_url"]["url"]
    data = shown["messagesImage"]["value"]["messages"][0]["content"][1]["source"]["data"]
    assert url == f"data:image/png;base64,{data}"
    raw = base64.b64decode(data, validate=True)
    assert raw.startswith(b"\x89PNG\r\n\x1a\n")
    at = 8
    while at < len(raw):
        (length,) = struct.unpack(">I", raw[at : at + 4])
        chunk, check = raw[at + 4 : at + 8 + length], raw[at + 8 + length : at + 12 + length]
        assert struct.pack(">I", zlib.crc32(chunk)) == check
        at += 12 + length
    assert at == len(raw)


# ---- the closed view ----------------------------------------------------------------------------------------------

ANSWERS = ["ChatCompletion", "ChatCompletionChunk", "Message", "MessageStreamEvent", "ModelList", "Health", "Root",
           "OpenAIError", "AnthropicError"]  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_the_closed_view_takes_no_more_than_is_declared(name: str) -> None:
    """A member unheard of is welcome in the served contract, and not in what Morello writes."""
    value = specimen(schemas()[name], True)
    assert validator(contract(), name).is_valid(value | {"unheard_of": 1})
    assert validator(CLOSED, name).is_valid(value)
    assert not validator(CLOSED, name).is_valid(value | {"unheard_of": 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("StopReason", "because"),
        ("ChatChoice", specimen(schemas()["ChatChoice"], True) | {"finish_reason": "because"}),
        ("ContentBlock", {"type": "hologram"}),
        ("BlockDelta", {"type": "hologram_delta"}),
        ("MessageStreamEvent", {"type": "hologram_event"}),
        ("ChatAnnotation", {"type": "hologram"}),
        ("OpenAIErrorObject", specimen(schemas()["OpenAIErrorObject"], True) | {"type": "cosmic_ray_error"}),
    ],
)
def test_the_closed_view_closes_vocabularies_and_unions(name: str, value: Any) -> None:
    """A new word or kind of a provider passes the served contract; Morello makes none up."""
    assert validator(contract(), name).is_valid(value)
    assert not validator(CLOSED, name).is_valid(value)


def test_null_stays_where_it_was() -> None:
    """A vocabulary that takes null goes on taking it when it is closed."""
    for name in ("StopReason", "ChatLogprobs", "ChatUsage"):
        assert validator(CLOSED, name).is_valid(None)


def test_the_original_is_left_alone() -> None:
    """The closed view is a copy."""
    assert "OtherBlock" in schemas()
    assert "OtherBlock" not in CLOSED["components"]["schemas"]
