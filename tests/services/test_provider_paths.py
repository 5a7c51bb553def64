"""Each service also under its provider's own path, where the model stands alone."""

from __future__ import annotations

from typing import Any

import httpx
import ollama
import pytest
from providers.vendor_server import Reply
from serving import KEY

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


# ---- the lists, and what else clients of one kind ask under a provider's address ------------------------------------

MODEL = "some:m"


@pytest.mark.parametrize(
    ("path", "model"),
    [("/some/v1/models/m", "id"), ("/some/v1/models/some:m", "id"), ("/some/v1beta/models/m", "name"),
     ("/some/v1/models/m?alt=json", "name")],
)  # fmt: skip
def test_one_model_of_a_provider(bench: Any, path: str, model: str) -> None:
    """It may stand alone; its entry has the full id. Who sends Google's header is answered in Gemini's words."""
    headers = {"x-goog-api-key": KEY} if model == "name" else {}
    answered = bench.client.get(path, headers=headers)
    assert answered.status_code == 200, answered.text
    assert answered.json()[model] in (MODEL, f"models/{MODEL}")
    missing = bench.client.get(path.replace("models/m", "models/x").replace("some:m", "x"), headers=headers)
    assert missing.status_code == 404
    assert "has no model 'x'" in missing.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "id"), [("/some/v1beta/models", "name"), ("/some/v1/models", "name"), ("/some/api/tags", "model")]
)
def test_one_providers_models(bench: Any, path: str, id: str) -> None:
    """All its models and no other's, by their full names."""
    answered = bench.client.get(path, headers={"x-goog-api-key": KEY})
    assert [one[id].removeprefix("models/") for one in answered.json()["models"]] == [MODEL]
    nobody = bench.client.get(path.replace("some", "nobody"), headers={"x-goog-api-key": KEY})
    assert nobody.status_code == 404
    assert "There is no provider 'nobody'" in nobody.text


def test_all_models_in_geminis_words_for_who_sends_googles_header(bench: Any) -> None:
    """The newest of Google's packages ask at /v1/models, where OpenAI's and Anthropic's ask, too."""
    listed = bench.client.get("/v1/models", headers={"x-goog-api-key": KEY})
    assert listed.json() == bench.client.get("/v1beta/models").json()
    one = bench.client.get(f"/v1/models/{MODEL}", headers={"x-goog-api-key": KEY})
    assert one.json() == bench.client.get(f"/v1beta/models/{MODEL}").json()
    with httpx.Client(base_url=bench.url, trust_env=False) as stranger:
        refused = stranger.get("/v1/models", headers={"x-goog-api-key": "wrong"})
        assert (refused.status_code, refused.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
        assert "`X-Goog-API-Key: <key>`" in stranger.get("/v1beta/models").json()["error"]["message"]


@pytest.mark.parametrize("path", ["/some/api", "/api"])
@pytest.mark.parametrize("member", ["model", "name"])
def test_what_is_known_of_a_model(bench: Any, path: str, member: str) -> None:
    """Older clients call it `name`; who names nothing is told."""
    model = "m" if path == "/some/api" else MODEL
    shown = bench.client.post(f"{path}/show", json={member: model})
    assert shown.status_code == 200, shown.text
    assert shown.json()["details"]["family"] == "openai"
    nothing = bench.client.post(f"{path}/show", json={})
    assert (nothing.status_code, nothing.json()) == (400, {"error": "/model is missing."})


def test_a_client_of_ollama_under_a_providers_address(bench: Any) -> None:
    """The official package, told that this provider is its server; unknown paths speak its words, too."""
    bench.provider.next_replies = [Reply(200, {
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    })]  # fmt: skip
    client = ollama.Client(host=f"{bench.url}/some", headers={"authorization": f"Bearer {KEY}"})
    answer = client.chat(model="m", messages=[{"role": "user", "content": "hi"}])
    assert (answer.message.content, answer.model) == ("Hello", "m")
    assert [model.model for model in client.list().models] == [MODEL]
    assert client.show("m").details.family == "openai"
    assert bench.client.get("/some/api/version").json() == bench.client.get("/api/version").json()
    assert bench.client.get("/nobody/api/version").status_code == 404
    with pytest.raises(ollama.ResponseError, match="There is no /some/api/ps here"):
        client.ps()
    client._client.close()
