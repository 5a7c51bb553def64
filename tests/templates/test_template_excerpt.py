"""A template's function for one member gives what the whole template gives there, and computes nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handlers.engine.configuration import load_configuration

DIALECTS = {
    name: dialect for name, dialect in load_configuration(Path("/nonexistent-home"), {}).dialects.items()
    if dialect.read_response is not None and dialect.usage_in
}  # fmt: skip
COUNTS: dict[str, Any] = {
    "prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30, "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 5}, "input_tokens": 11, "output_tokens": 21,
    "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2, "promptTokenCount": 12, "candidatesTokenCount": 22,
    "inputTokens": 13, "outputTokens": 23, "tokens": {"input_tokens": 14, "output_tokens": 24},
}  # fmt: skip


@pytest.mark.parametrize("name", DIALECTS)
def test_usage_alone_is_the_usage_of_the_whole(name: str) -> None:
    dialect = DIALECTS[name]
    template = dialect.templates["read_response"]
    for counts in (COUNTS, {}, {**COUNTS, "completion_tokens": None}):
        body = {member: 7 if len(dialect.usage_in) > 1 else counts for member in dialect.usage_in}
        given = {"body": body, "request": {}, "values": {}}
        whole = template.function(given)
        alone = template.member("usage")(given)
        assert alone.get("usage") == whole.get("usage")
        assert counts is not COUNTS or alone["usage"], "the counts are of no use here"
        assert template.member("usage") is template.member("usage")


def test_the_rest_is_not_computed() -> None:
    """What fails elsewhere in the template does not fail here."""
    template = DIALECTS["openai"].templates["read_response"]
    assert set(template.member("usage")({"body": {"usage": COUNTS, "id": "x"}, "request": {}, "values": {}})) == {"usage"}
