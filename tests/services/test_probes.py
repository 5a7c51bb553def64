"""What clients ask before they ask for anything: plain answers, without a key, and nothing in a log that looks like a failure."""

from __future__ import annotations

from typing import Any

import httpx
import pytest


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("path", ["/", "/api/hello", "/health"])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"x-api-key": "wrong"}, {"anthropic-version": "2023-06-01"}])
def test_probes_at_the_start_are_answered_defect_218(bench: Any, method: str, path: str, headers: dict[str, str]) -> None:
    """Whoever sends none, or a wrong key, is answered all the same."""
    answer = httpx.request(method, bench.url + path, headers=headers, trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["request-id"].startswith("req_")
    assert (answer.content == b"") is (method == "HEAD")


@pytest.mark.parametrize("path", ["/", "/api/hello"])
def test_a_probe_with_another_method_is_a_405_that_names_its_own(bench: Any, path: str) -> None:
    answer = httpx.post(bench.url + path, json={}, trust_env=False)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
