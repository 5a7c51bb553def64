"""Every provider's words for what cannot be done, as every client hears them: in the words its own recovery knows.

A conversation that is too long makes clients shorten it, a rate limit or an overload makes them wait: by a status and a
word, and in some (coding agents over Responses) only by an event in a stream that began well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from matrix.stage import CLIENTS, Stage
from matrix.test_matrix_answers import ASKS
from rosetta.oracles import check_contract
from rosetta.stories import Json
from rosetta.stream_journey import frames_of

FAILURES: dict[str, list[Json]] = yaml.safe_load((Path(__file__).parent / "failures.yaml").read_text("utf-8"))
CASES = [pytest.param(kind, failure, id=f"{kind}, {failure['who']} ({failure['dialect']})")
         for kind, failures in FAILURES.items() for failure in failures]  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("failures"))
    yield stage
    stage.close()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(("kind", "failure"), CASES)
def test_a_failure_is_understood_defect_223_defect_224_defect_253_defect_255(
    stage: Stage, client: str, kind: str, failure: Json
) -> None:
    """Asked whole and asked for a stream."""
    stage.played.status, stage.played.headers = failure["status"], failure.get("headers", {})
    said = "application/json", json.dumps(failure["body"]).encode()
    for stream in (False, True):
        heard, _ = stage.ask(client, failure["dialect"], ASKS[client], stream=stream, says=said)
        if stream and client == "responses" and kind in ("overflow", "rate_limit"):
            assert heard.status == 200
            failed_response(heard.body, kind, failure)
            continue
        if client == failure["dialect"]:
            assert (heard.status, heard.json()) == (failure["status"], failure["body"]), "what its own family says is not touched"
            continue
        answer = heard.json()
        check_contract(client, "error", answer)
        HEARD[client](kind, failure, heard.status, answer["error"])
        if kind == "rate_limit":
            assert heard.headers["retry-after"] == "7"


def counts(failure: Json) -> str:
    if "words" in failure:
        return str(failure["words"])
    asked, allowed = failure.get("counts", ("", ""))
    return f"prompt is too long: {asked} tokens > {allowed} maximum" if asked else "prompt is too long: "


def failed_response(raw: bytes, kind: str, failure: Json) -> None:
    """Coding agents read codes in a stream: it begins, and fails."""
    frames = [data for _, data in frames_of(raw) if isinstance(data, dict)]
    assert [frames[0]["type"], frames[-1]["type"]] == ["response.created", "response.failed"]
    error = frames[-1]["response"]["error"]
    assert error["code"] == {"overflow": "context_length_exceeded", "rate_limit": "rate_limit_exceeded"}[kind]
    if kind == "rate_limit":
        assert re.search(r"Please try again in 7s", error["message"])


def by_chat(kind: str, failure: Json, status: int, error: Any) -> None:
    expected = {
        "overflow": (400, "context_length_exceeded"), "rate_limit": (429, None), "overloaded": (503, None),
        "billing": (None, None), "refused": (400, None),
    }[kind]  # fmt: skip
    assert expected[0] is None or status == expected[0] or (kind == "overloaded" and status == 529)
    assert expected[1] is None or error["code"] == expected[1]
    if kind == "billing":
        assert (error["type"], status in (402, 429)) == ("insufficient_quota", True)


def by_messages(kind: str, failure: Json, status: int, error: Any) -> None:
    word = {"overflow": "invalid_request_error", "rate_limit": "rate_limit_error", "overloaded": "overloaded_error",
            "billing": "billing_error", "refused": "invalid_request_error"}[kind]  # fmt: skip
    assert error["type"] == word
    assert status in {"overflow": (400,), "rate_limit": (429,), "overloaded": (529, 503), "billing": (402, 429), "refused": (400,)}[kind]
    if kind == "overflow":
        assert counts(failure) in error["message"]


def by_generate_content(kind: str, failure: Json, status: int, error: Any) -> None:
    word = {"overflow": "INVALID_ARGUMENT", "rate_limit": "RESOURCE_EXHAUSTED", "overloaded": "UNAVAILABLE",
            "billing": "FAILED_PRECONDITION", "refused": "INVALID_ARGUMENT"}[kind]  # fmt: skip
    assert error["status"] == word
    assert error["code"] == status
    if kind == "rate_limit":
        assert [detail["retryDelay"] for detail in error["details"] if "retryDelay" in detail] == ["7s"]


def by_text(kind: str, failure: Json, status: int, error: Any) -> None:
    assert status in {"overflow": (400,), "rate_limit": (429,), "overloaded": (503, 529), "billing": (402, 429), "refused": (400,)}[kind]
    assert isinstance(error, str)


HEARD: dict[str, Any] = {
    "openai": by_chat, "anthropic": by_messages, "responses": by_chat, "gemini": by_generate_content, "ollama": by_text,
}  # fmt: skip
