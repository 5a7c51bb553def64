"""The list of models: the operations under the tag `models`. One entry serves OpenAI's and Anthropic's clients."""

from __future__ import annotations

from typing import Any

import orjson

from .engine.answers import JSON_HEADERS, Answer
from .engine.call import Call
from .engine.errors import InvalidRequest
from .engine.resolving import provider_of

Entry = dict[str, Any]


async def list_models(
    call: Call, provider_type: str | None = None, limit: int | None = None, offset: int | None = None,
    after_id: str | None = None, before_id: str | None = None,
) -> Answer:  # fmt: skip
    """All models of all providers that are on, or those of one type of provider, by page."""
    return listed(call, None, provider_type, limit, offset, after_id, before_id)


async def list_provider_models(
    provider_id: str, call: Call, provider_type: str | None = None, limit: int | None = None,
    offset: int | None = None, after_id: str | None = None, before_id: str | None = None,
) -> Answer:  # fmt: skip
    """The same for one provider; ids are full ids, and work under its own path too."""
    provider_of(call.engine.configuration, provider_id, "provider_id")
    return listed(call, provider_id, provider_type, limit, offset, after_id, before_id)


async def retrieve_model(model: str, call: Call) -> Answer:
    """One model, by its full id or an alias."""
    entry = call.engine.catalogue.entry(model)
    return Answer(200, JSON_HEADERS, orjson.dumps(entry))


async def retrieve_provider_model(provider_id: str, model: str, call: Call) -> Answer:
    """The same under one provider's path, where the model may stand alone."""
    return Answer(200, JSON_HEADERS, orjson.dumps(call.engine.catalogue.entry(model, provider_id)))


def listed(
    call: Call, provider_id: str | None, provider_type: str | None, limit: int | None, offset: int | None,
    after_id: str | None, before_id: str | None,
) -> Answer:  # fmt: skip
    """One page. `offset` counts from the start; `after_id` and `before_id` count from an entry; one way at a time."""
    if offset is not None and (after_id is not None or before_id is not None):
        raise InvalidRequest("offset goes without after_id and before_id: a page starts at one place.",
                             code="invalid_parameters", param="offset")  # fmt: skip
    if after_id is not None and before_id is not None:
        raise InvalidRequest("after_id and before_id exclude each other.", code="invalid_parameters", param="before_id")
    entries: list[Entry] = call.engine.catalogue.entries(provider_id, provider_type)
    if limit is None:
        usual: dict[str, int] = call.operation.extensions.get("x-default-limit") or {}
        limit = usual.get(call.dialect_name)
    start, end = window(entries, limit, offset, after_id, before_id)
    page = entries[start:end]
    body = {
        "object": "list",
        "data": page,
        "total": len(entries),
        "limit": len(entries) if limit is None else limit,
        "offset": start,
        "has_more": start > 0 if before_id is not None else end < len(entries),
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }
    return Answer(200, JSON_HEADERS, orjson.dumps(body))


def window(
    entries: list[Entry], limit: int | None, offset: int | None, after_id: str | None, before_id: str | None
) -> tuple[int, int]:
    """From where to where the page goes."""
    if before_id is not None:
        end = position(entries, before_id, "before_id")
        return (max(0, end - limit) if limit is not None else 0), end
    start = position(entries, after_id, "after_id") + 1 if after_id is not None else min(offset or 0, len(entries))
    return start, len(entries) if limit is None else min(start + limit, len(entries))


def position(entries: list[Entry], id: str, parameter: str) -> int:
    for at, entry in enumerate(entries):
        if entry["id"] == id:
            return at
    raise InvalidRequest(f"{parameter} names no model of this list.", code="invalid_parameters", param=parameter)
