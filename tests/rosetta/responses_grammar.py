"""What every stream of the Responses API that we write must obey, whatever the provider did.

    created in_progress item* (completed | failed)        in_progress may stand anywhere, as a sign of life
    item = output_item.added piece* output_item.done      one at a time; its place is its number in the output

Each check raises AssertionError with the rule that was broken.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter
from sdk_oracles import refuse_extras

Json = dict[str, Any]
Frame = tuple[str | None, Any]

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
UNTYPED_CODES = ("context_length_exceeded", "insufficient_quota")
"""Codes of failures that the API uses, and the official package has no word for."""
ENDS = ("response.completed", "response.failed")
PIECES = {
    "message": ("response.content_part.added", "response.output_text.delta", "response.output_text.annotation.added",
                "response.output_text.done", "response.refusal.delta", "response.refusal.done", "response.content_part.done"),
    "reasoning": ("response.reasoning_summary_part.added", "response.reasoning_summary_text.delta",
                  "response.reasoning_summary_text.done", "response.reasoning_summary_part.done"),
    "function_call": ("response.function_call_arguments.delta", "response.function_call_arguments.done"),
    "custom_tool_call": ("response.custom_tool_call_input.delta", "response.custom_tool_call_input.done"),
    "image_generation_call": (),
}  # fmt: skip


def validate_event(name: str | None, data: Json) -> None:
    """One event against the types of the official package; `event:` and `data:` must agree."""
    assert name == data["type"], "each event has its name twice, beside and inside its data"
    known = copy.deepcopy(data)
    error = known.get("response", {}).get("error")
    if error and error["code"] in UNTYPED_CODES:
        error["code"] = "server_error"
    for response in (known.get("response", {}),):
        response.pop("store", None)     # the API answers it, the package does not know it
    refuse_extras(EVENT.validate_python(known), data["type"])


def check_responses(frames: list[Frame]) -> None:
    for name, data in frames:
        validate_event(name, data)
    assert [data["sequence_number"] for _, data in frames] == list(range(len(frames))), "events are numbered"
    kinds = [name for name, _ in frames]
    assert kinds[:2] == ["response.created", "response.in_progress"], "a stream says first which answer it is"
    assert kinds.count("response.created") == 1
    assert [kind for kind in kinds if kind in ENDS] == [kinds[-1]], "it ends with the whole answer, or with why there is none"
    lifecycle = [data["response"] for _, data in frames if "response" in data]
    assert len({(each["id"], each["model"], each["created_at"]) for each in lifecycle}) == 1, "it is one answer throughout"
    done = check_items([data for name, data in frames[2:-1] if name != "response.in_progress"], kinds[-1])
    check_end(frames[-1][1], done)


def check_items(events: list[Json], end: str | None) -> list[Json]:
    """The items that are whole."""
    done: list[Json] = []
    pieces: list[Json] = []
    opened: Json | None = None
    for event in events:
        assert event["output_index"] == len(done), "items come one after another, numbered without gaps"
        if event["type"] == "response.output_item.added":
            assert opened is None, "one item is open at a time"
            opened, pieces = event["item"], []
        elif event["type"] == "response.output_item.done":
            assert opened is not None
            check_item(opened, pieces, event["item"])
            done.append(event["item"])
            opened = None
        else:
            assert opened is not None, "what is no item belongs to one"
            assert event["item_id"] == opened["id"]
            assert event["type"] in PIECES[opened["type"]]
            pieces.append(event)
    assert opened is None or end == "response.failed", "only a failure leaves an item open"
    return done


def check_item(opened: Json, pieces: list[Json], item: Json) -> None:
    """What the deltas add up to is what the item is in the end."""
    assert {key: opened[key] for key in ("id", "type")} == {key: item[key] for key in ("id", "type")}
    kinds = [piece["type"] for piece in pieces]
    text = "".join(piece["delta"] for piece in pieces if "delta" in piece)
    if item["type"] == "message":
        assert (kinds[0], kinds[-1]) == ("response.content_part.added", "response.content_part.done")
        (part,) = item["content"]
        assert pieces[-1]["part"] == part
        assert part.get("text", part.get("refusal")) == text == pieces[-2].get("text", pieces[-2].get("refusal"))
    elif item["type"] == "reasoning":
        assert "".join(each["text"] for each in item["summary"]) == text
        assert bool(item["summary"]) == bool(kinds)
    elif item["type"] == "function_call":
        assert kinds[-1] == "response.function_call_arguments.done"
        assert item["arguments"] == pieces[-1]["arguments"]
        if item["status"] == "completed":
            assert read(item["arguments"]) == read(text)
    elif item["type"] == "custom_tool_call":
        assert item["input"] == text == pieces[-1]["input"]


def read(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def check_end(event: Json, done: list[Json]) -> None:
    response = event["response"]
    assert response["output"] == done, "the answer at the end is made of the items before it"
    assert response["store"] is False
    if event["type"] == "response.failed":
        assert response["status"] == "failed"
        assert response["error"]["code"] and response["error"]["message"]
        return
    assert response["error"] is None
    assert response["status"] == ("incomplete" if response["incomplete_details"] else "completed")
    usage = response["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["input_tokens_details"].keys() == {"cached_tokens", "cache_write_tokens"}
    assert usage["output_tokens_details"].keys() == {"reasoning_tokens"}
