"""The list of models as clients of both families read it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

ANTHROPIC = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize("headers", [{}, ANTHROPIC])
@pytest.mark.parametrize("limit", [1, 20, 1000])
def test_any_limit_up_to_a_thousand_is_answered_from_memory_defect_182_defect_234(bench: Any, headers: dict[str, str], limit: int) -> None:
    """Some clients ask for a thousand at once, and take a redirect or a refusal for no models at all."""
    asked = len(bench.provider.received)
    answer = bench.client.get("/v1/models", params={"limit": limit}, headers=headers, follow_redirects=False)
    assert answer.status_code == 200
    assert len(answer.json()["data"]) <= limit
    assert len(bench.provider.received) == asked


def test_an_alias_shows_a_model_under_a_name_that_its_reader_takes_defect_235(bench: Any) -> None:
    """Clients that look for one family's names find another family's model under an alias, with all they read of it."""
    listed = bench.client.get("/v1/models", params={"limit": 1000}, headers=ANTHROPIC).json()["data"]
    entry = next(one for one in listed if one["id"] == "claude-but-not-really")
    assert entry["type"] == "model"
    assert entry["display_name"]
    assert (entry["provider"], entry["provider_model_id"]) == ("o", "gpt-5")
    assert bench.client.get("/v1/models/claude-but-not-really").json() == entry
    assert not any(one["id"] == "claude-somewhere-else" for one in listed), "nobody behind it is on"


def test_aliases_are_listed_where_they_work_defect_235(bench: Any) -> None:
    """By the type of the provider behind them, and not under a provider's own path, where they mean nothing."""

    def ids(path: str, **query: str) -> set[str]:
        return {one["id"] for one in bench.client.get(path, params=query).json()["data"]}

    assert "claude-but-not-really" in ids("/v1/models", providerType="openai")
    assert "claude-but-not-really" not in ids("/v1/models", providerType="anthropic")
    assert "claude-but-not-really" not in ids("/o/v1/models")


def test_one_entry_serves_both_families_defect_145_defect_235(bench: Any) -> None:
    """The page and its entries have what each family's clients read, whoever asks."""
    for headers in ({}, ANTHROPIC):
        page = bench.client.get("/v1/models", headers=headers).json()
        assert page["object"] == "list"
        assert {"data", "has_more", "first_id", "last_id"} <= set(page)
        for entry in page["data"]:
            assert (entry["object"], entry["type"]) == ("model", "model")
            assert {"id", "display_name", "created_at", "created", "owned_by"} <= set(entry)
            assert int(datetime.fromisoformat(entry["created_at"]).timestamp()) == entry["created"]


def test_the_date_of_a_model_does_not_move_defect_146(bench: Any) -> None:
    """Asked twice, the same: `created` is never the time of the question."""
    assert bench.client.get("/v1/models").json() == bench.client.get("/v1/models").json()


def test_pages_by_neighbour_meet_in_the_middle(bench: Any) -> None:
    """`after_id` goes on, `before_id` goes back; `has_more` tells of more in the direction in which one goes."""

    def page(**query: Any) -> dict[str, Any]:
        found: dict[str, Any] = bench.client.get("/v1/models", params=query).json()
        return found

    ids = [one["id"] for one in page()["data"]]
    assert len(ids) >= 2
    forth: list[str] = []
    after: dict[str, str] = {}
    more = True
    while more:
        found = page(limit=1, **after)
        forth += [one["id"] for one in found["data"]]
        after, more = {"after_id": found["last_id"]}, found["has_more"]
    assert forth == ids
    back, before, more = [ids[-1]], {"before_id": ids[-1]}, True
    while more:
        found = page(limit=1, **before)
        assert len(found["data"]) == 1
        back = [one["id"] for one in found["data"]] + back
        before, more = {"before_id": found["first_id"]}, found["has_more"]
    assert back == ids
    assert page(before_id=ids[0])["data"] == []
    assert [one["id"] for one in page(before_id=ids[-1])["data"]] == ids[:-1]


@pytest.mark.parametrize(("provider", "status", "code", "words"), [
    ("off", 404, "provider_off", "The provider 'off' is off: NOT_SET_ANYWHERE is not set."),
    ("patche", 404, "provider_not_found", "Did you mean 'patched'?"),
])  # fmt: skip
def test_the_list_of_who_is_not_there_says_why(bench: Any, provider: str, status: int, code: str, words: str) -> None:
    """An empty page would say that the provider has no models."""
    answer = bench.client.get(f"/{provider}/v1/models")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert words in error["message"]


@pytest.mark.parametrize("query", ["limit=x", "limit=0", "offset=-1", "offset=1&after_id=o:x"])
def test_a_bad_parameter_has_a_code(bench: Any, query: str) -> None:
    """The same one, whichever rule it breaks."""
    answer = bench.client.get(f"/v1/models?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_parameters")
