"""Values just on either side of where a template decides."""

from __future__ import annotations

from typing import Any

import pytest
from rosetta.stories import declared_values, template

from handlers.engine.templates import Kind

ASKED = {"model": "m", "max_tokens": 9000, "messages": [{"role": "user", "parts": [{"type": "text", "text": "hi"}]}]}


@pytest.mark.parametrize(("top_p", "thinks", "sent"), [
    (0.94, True, None), (0.95, True, 0.95), (1, True, 1), (0.94, False, 0.94), (0, False, 0),
])  # fmt: skip
def test_top_p_goes_along_from_where_a_thinking_model_takes_it(top_p: float, thinks: bool, sent: float | None) -> None:
    """While it thinks, the API takes values from 0.95 on, and refuses others."""
    thought: dict[str, Any] = {"reasoning": {"budget_tokens": 2048}} if thinks else {}
    write = template("anthropic", Kind.WRITE_REQUEST)
    body = write({**ASKED, **thought, "top_p": top_p, "values": declared_values("anthropic")})
    assert ("thinking" in body, body.get("top_p")) == (thinks, sent)


@pytest.mark.parametrize("data", [
    {"object": "error", "message": "boom", "type": "BadRequestError", "param": None, "code": 400},
    {"error": {"message": "boom"}},
])  # fmt: skip
def test_an_event_that_is_an_error_is_read_as_one(data: dict[str, Any]) -> None:
    """Some servers send the error bare, and say only by `object` what it is."""
    read = template("openai", Kind.READ_EVENT)
    events = read({"data": data, "event": None, "request": {}, "values": {}})
    assert [event["type"] for event in events] == ["error"]
    assert events[0]["error"]["message"] == "boom"
