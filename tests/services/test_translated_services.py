"""Embeddings asked for in one dialect's words and given in another's; tokens counted by providers of other dialects."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest
from openai.types import CreateEmbeddingResponse
from openai.types.responses.input_token_count_params import InputTokenCountParams
from providers.vendor_server import Received, Refused, Reply, VendorServer
from rosetta.converse_oracle import service
from sdk_oracles import strict
from serving import KEY, gateway, served

PROVIDERS = """
providers:
  gemini: {{type: gemini, base_url: "{url}", key: k-gemini, models: any}}
  ollama: {{type: ollama, base_url: "{url}", models: any}}
  cohere: {{type: cohere, base_url: "{url}", key: k-cohere, models: any, values: {{input_type: search_query}}}}
  bedrock: {{type: bedrock, base_url: "{url}", key: k-bedrock, models: any}}
  two-doors: {{type: gemini, base_url: "{url}", key: k, models: any, also: {{openai: {{base_url: "{url}/compatible"}}}}}}
  own-words:
    type: gemini
    base_url: "{url}"
    key: k
    models: any
    values: {{task_type: RETRIEVAL_QUERY}}
    also: {{openai: {{base_url: "{url}/compatible", services: {{embeddings: null}}}}}}
  openai: {{type: openai, base_url: "{url}/v1", key: k-openai, models: any, also: {{responses: {{}}}}}}
"""
MODELS = ["gemini:gemini-embedding-001", "ollama:all-minilm:l6", "cohere:embed-v4.0"]
each_model = pytest.mark.parametrize("model", MODELS)


class EmbeddingServer(VendorServer):
    """Three vendors' ways of giving vectors (each is the text's length and its number), and two of counting tokens."""

    unheard = frozenset({"GET"})

    def refusal(self, refused: Refused) -> Reply:
        return Reply(refused.status, {"error": {"message": refused.message}, "message": refused.message})

    def reply(self, request: Received) -> Reply:
        body = request.body
        if request.path == "/v1beta/models/gemini-embedding-001:batchEmbedContents":
            texts = [one["content"]["parts"][0]["text"] for one in body["requests"]]
            assert {one["model"] for one in body["requests"]} == {"models/gemini-embedding-001"}
            return Reply(200, {"embeddings": [{"values": vector} for vector in vectors(texts)]})
        if request.path == "/api/embed":
            assert body.keys() <= {"model", "input", "dimensions"}
            return Reply(200, {"model": body["model"], "embeddings": vectors(body["input"]), "prompt_eval_count": 8})
        if request.path == "/v2/embed":
            assert body.keys() <= {"model", "texts", "input_type", "embedding_types", "output_dimension"}
            assert body["embedding_types"] == ["float"]
            return Reply(200, {"id": "e", "embeddings": {"float": vectors(body["texts"])}, "texts": body["texts"],
                               "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 8.0}}})  # fmt: skip
        raise Refused(404, "no such operation")


def vectors(texts: list[str]) -> list[list[float]]:
    return [[len(text) / 2, float(number)] for number, text in enumerate(texts)]


@dataclass
class Bench:
    server: EmbeddingServer
    client: httpx.Client
    openai: openai.OpenAI


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    server = EmbeddingServer()
    with (
        served(server) as upstream,
        gateway(tmp_path_factory.mktemp("embeddings"), PROVIDERS.format(url=upstream)) as url,
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False) as client,
        openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as package,
    ):
        yield Bench(server, client, package)


@each_model
def test_the_openai_package_gets_vectors(bench: Bench, model: str) -> None:
    """It asks for base64 by itself; several texts keep their order; the model is the caller's name for it."""
    answer = bench.openai.embeddings.create(model=model, input=["ab", "üü😀!"])
    assert [(one.index, one.embedding) for one in answer.data] == [(0, [1.0, 0.0]), (1, [2.0, 1.0])]
    assert answer.model == model
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == (0 if model.startswith("gemini") else 8)


@each_model
def test_numbers_and_their_bytes_say_the_same(bench: Bench, model: str) -> None:
    """`float` (also where nothing is said) and `base64`, four bytes each, the lowest first."""
    body = {"model": model, "input": "abc"}
    plain = bench.client.post("/v1/embeddings", json=body)
    packed = bench.client.post("/v1/embeddings", json={**body, "encoding_format": "base64"})
    assert plain.json()["data"][0]["embedding"] == [1.5, 0.0]
    assert struct.unpack("<2f", base64.b64decode(packed.json()["data"][0]["embedding"])) == (1.5, 0.0)
    assert "gateway-warnings" not in packed.headers
    strict(CreateEmbeddingResponse, plain.json())
    assert plain.headers["gateway-model"] == model


@each_model
def test_dimensions_go_along(bench: Bench, model: str) -> None:
    answer = bench.client.post("/v1/embeddings", json={"model": model, "input": "abc", "dimensions": 256})
    assert answer.status_code == 200
    assert "gateway-warnings" not in answer.headers
    assert "256" in json.dumps(bench.server.last.body)


@each_model
@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]]], ids=["one", "several"])
def test_tokens_that_only_one_tokenizer_knows_are_refused(bench: Bench, model: str, tokens: Any) -> None:
    """Clearly, with their place, before anybody is asked."""
    before = len(bench.server.received)
    answer = bench.client.post("/v1/embeddings", json={"model": model, "input": tokens})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "unsupported_loss"
    assert "input" in error["message"]
    assert len(bench.server.received) == before


@each_model
def test_what_else_is_not_carried_is_told(bench: Bench, model: str) -> None:
    answer = bench.client.post("/v1/embeddings", json={"model": model, "input": "abc", "user": "ann"})
    assert answer.status_code == 200
    assert answer.headers["gateway-warnings"] == "unsupported user"


@each_model
def test_failures_are_told_in_the_caller_s_words(bench: Bench, model: str) -> None:
    bench.server.next_replies = [Reply(429, {"message": "slow down", "error": {"message": "slow down", "status": "RESOURCE_EXHAUSTED"}})]
    with pytest.raises(openai.RateLimitError, match="slow down"):
        bench.openai.embeddings.create(model=model, input="abc")
    for answer, code in ((b"no json", "not_json"), ({"ok": True}, "misread_answer"), ({"embeddings": 7}, "misread_answer")):
        bench.server.next_replies = [Reply(200, answer)]
        with pytest.raises(openai.InternalServerError) as caught:
            bench.openai.embeddings.create(model=model, input="abc")
        assert (caught.value.status_code, caught.value.code) == (502, code)


def test_the_provider_is_told_what_the_texts_are_for(bench: Bench) -> None:
    """One format wants to know: the provider's setting, or what the caller says."""
    bench.client.post("/v1/embeddings", json={"model": "cohere:m", "input": "abc"})
    assert bench.server.last.body["input_type"] == "search_query"
    bench.client.post("/v1/embeddings", json={"model": "cohere:m", "input": "abc", "input_type": "clustering"})
    assert bench.server.last.body["input_type"] == "clustering"


# ---- counting -----------------------------------------------------------------------------------------------------

CONVERSATION = {
    "model": "", "system": "Be brief.", "messages": [{"role": "user", "content": "Hello"}],
    "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
}  # fmt: skip


def count(bench: Bench, model: str, reply: Reply) -> httpx.Response:
    bench.server.next_replies = [reply]
    return bench.client.post("/v1/messages/count_tokens", json={**CONVERSATION, "model": model})


def test_a_provider_counts_what_it_would_be_sent_defect_144_defect_245(bench: Bench) -> None:
    """Exactly: the translated conversation, so nothing is said about an estimate."""
    answer = count(bench, "gemini:gemini-2.5-flash", Reply(200, {"totalTokens": 31}))
    assert answer.json() == {"input_tokens": 31}
    assert "estimate" not in answer.headers.get("gateway-warnings", "")
    sent = bench.server.last
    assert sent.path == "/v1beta/models/gemini-2.5-flash:countTokens"
    request = sent.body["generateContentRequest"]
    assert request["model"] == "models/gemini-2.5-flash"
    assert request["contents"] == [{"role": "user", "parts": [{"text": "Hello"}]}]
    assert request["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert request["tools"][0]["functionDeclarations"][0]["name"] == "f"


def test_converse_counts_too_defect_144(bench: Bench) -> None:
    """In the form that botocore knows."""
    answer = count(bench, "bedrock:eu.anthropic.claude-v1:0", Reply(200, {"inputTokens": 17}))
    assert answer.json() == {"input_tokens": 17}
    converse = bench.server.last.body["input"]["converse"]
    known = service().operation_model("CountTokens").input_shape.members["input"].members["converse"].members
    assert converse.keys() <= known.keys()
    assert converse["toolConfig"]["tools"][0]["toolSpec"]["name"] == "f"


def test_who_speaks_responses_counts_too_defect_245(bench: Bench) -> None:
    """In the form that the openai package knows, and without what is no part of a conversation."""
    answer = count(bench, "openai:gpt-5", Reply(200, {"object": "response.input_tokens", "input_tokens": 23}))
    assert answer.json() == {"input_tokens": 23}
    assert "gateway-warnings" not in answer.headers
    sent = bench.server.last
    assert (sent.path, sent.headers["authorization"]) == ("/v1/responses/input_tokens", "Bearer k-openai")
    assert sent.body.keys() <= InputTokenCountParams.__annotations__.keys()
    assert (sent.body["model"], sent.body["tools"][0]["name"]) == ("gpt-5", "f")
    assert "Be brief." in json.dumps(sent.body)


@pytest.mark.parametrize("model", ["gemini:gemini-2.5-flash", "openai:gpt-5"])
@pytest.mark.parametrize("status", [404, 501])
def test_where_a_model_cannot_be_counted_we_count_defect_245(bench: Bench, model: str, status: int) -> None:
    answer = count(bench, model, Reply(status, {"error": {"code": status, "message": "no"}}))
    assert answer.status_code == 200
    assert answer.json()["input_tokens"] > 3
    assert "input_tokens" in answer.headers["gateway-warnings"]
    assert count(bench, "gemini:gemini-2.5-flash", Reply(429, {"error": {"code": 429, "message": "no"}})).status_code == 429


@each_model
def test_another_form_of_numbers_is_refused(bench: Bench, model: str) -> None:
    """Whoever wants bytes as `int8` cannot work with floats; a provider of the same kind may know the word."""
    answer = bench.client.post("/v1/embeddings", json={"model": model, "input": "abc", "encoding_format": "int8"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported_loss", "/encoding_format")


@each_model
@pytest.mark.parametrize("input", [[], [[]]])
def test_no_text_at_all_is_the_callers_mistake(bench: Bench, model: str, input: Any) -> None:
    """Nobody is asked for no vectors."""
    answer = bench.client.post("/v1/embeddings", json={"model": model, "input": input})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_body")
    assert answer.json()["error"]["param"].startswith("/input")


def test_a_door_in_the_callers_dialect_comes_first(bench: Bench) -> None:
    """Where the provider has one the body passes through; `null` there has it asked in the provider's own words."""
    body = {"input": ["abc"], "dimensions": 2}
    vector = {"object": "embedding", "index": 0, "embedding": [1.5, 0.0]}
    passed = {"object": "list", "data": [vector], "model": "gemini-embedding-001", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    bench.server.next_replies = [Reply(200, passed)]
    answer = bench.client.post("/v1/embeddings", json={**body, "model": "two-doors:gemini-embedding-001"})
    assert answer.json() == {**passed, "model": "two-doors:gemini-embedding-001"}
    assert bench.server.last.path == "/compatible/embeddings"
    assert bench.server.last.body == {**body, "model": "gemini-embedding-001"}
    answer = bench.client.post("/v1/embeddings", json={**body, "model": "own-words:gemini-embedding-001"})
    assert answer.json()["data"] == [vector]
    assert bench.server.last.path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    assert bench.server.last.body["requests"][0]["taskType"] == "RETRIEVAL_QUERY"
