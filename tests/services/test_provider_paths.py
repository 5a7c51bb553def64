"""Each service also under its provider's own path, where the model stands alone."""

from __future__ import annotations

from typing import Any

import pytest
from providers.vendor_server import Reply

ANSWER = {"object": "list", "data": [], "model": "m"}


@pytest.mark.parametrize("model", ["m", "some:m"])
@pytest.mark.parametrize("path", ["embeddings", "images/generations", "moderations"])
def test_the_path_names_the_provider(bench: Any, path: str, model: str) -> None:
    """The provider's prefix may still stand there; it is taken off, and the answer has the model as it was asked for."""
    body = {"model": model, "input": "a", "prompt": "a"}
    answered = bench.post(f"/some/v1/{path}", body, Reply(200, ANSWER))
    assert answered.status_code == 200, answered.text
    assert answered.headers["gateway-model"] == "some:m"
    assert answered.json()["model"] == model
    assert bench.provider.last.path == f"/some/{path}"
    assert bench.provider.last.body == {**body, "model": "m"}


def test_a_form_knows_its_provider_by_the_path(bench: Any) -> None:
    bench.provider.next_replies = [Reply(200, {"text": "hello"})]
    answered = bench.client.post("/some/v1/audio/transcriptions", data={"model": "m"}, files={"file": b"RIFF"})
    assert answered.status_code == 200, answered.text
    assert bench.provider.last.path == "/some/audio/transcriptions"
    assert b'name="model"\r\n\r\nm\r\n' in bench.provider.last.raw
