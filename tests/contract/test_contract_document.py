"""The contract as a document: connexion takes it, generators can use it, and it says all that it should."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import inflection
import pytest
from connexion.spec import Specification
from contract.contract_specimens import contract, every_schema, resolve, schemas

from handlers.engine.contract.document import follow
from handlers.engine.contract.schemas import Schemas

FUNCTIONS = {
    "getRoot": "health.get_root",
    "getHealth": "health.get_health",
    "getHello": "health.get_hello",
    "listModels": "models.list_models",
    "listProviderModels": "models.list_provider_models",
    "retrieveModel": "models.retrieve_model",
    "retrieveProviderModel": "models.retrieve_provider_model",
    "createChatCompletion": "chat.create_chat_completion",
    "createProviderChatCompletion": "chat.create_provider_chat_completion",
    "createMessage": "messages.create_message",
    "createProviderMessage": "messages.create_provider_message",
    "createResponse": "responses.create_response",
    "createProviderResponse": "responses.create_provider_response",
    "countMessageTokens": "services.pass_through",
    "countProviderMessageTokens": "services.pass_through",
    "createCompletion": "services.pass_through",
    "createEmbedding": "services.pass_through",
    "createImage": "services.pass_through",
    "createSpeech": "services.pass_through",
    "createTranscription": "services.pass_through",
    "createModeration": "services.pass_through",
    "createRanking": "services.pass_through",
    "createProviderCompletion": "services.pass_through",
    "createProviderEmbedding": "services.pass_through",
    "createProviderImage": "services.pass_through",
    "createProviderSpeech": "services.pass_through",
    "createProviderTranscription": "services.pass_through",
    "createProviderModeration": "services.pass_through",
    "createProviderRanking": "services.pass_through",
    "createGeneratedContent": "gemini.create_generated_content",
    "streamGeneratedContent": "gemini.stream_generated_content",
    "createProviderGeneratedContent": "gemini.create_provider_generated_content",
    "streamProviderGeneratedContent": "gemini.stream_provider_generated_content",
    "createStableGeneratedContent": "gemini.create_stable_generated_content",
    "streamStableGeneratedContent": "gemini.stream_stable_generated_content",
    "createProviderStableGeneratedContent": "gemini.create_provider_stable_generated_content",
    "streamProviderStableGeneratedContent": "gemini.stream_provider_stable_generated_content",
    "listGenerativeModels": "gemini.list_generative_models",
    "retrieveGenerativeModel": "gemini.retrieve_generative_model",
    "listProviderGenerativeModels": "gemini.list_provider_generative_models",
    "retrieveProviderGenerativeModel": "gemini.retrieve_provider_generative_model",
    "createProviderLocalChat": "ollama.create_provider_local_chat",
    "listProviderLocalModels": "ollama.list_provider_local_models",
    "showProviderLocalModel": "ollama.show_provider_local_model",
    "getProviderLocalVersion": "ollama.get_provider_local_version",
    "createLocalChat": "ollama.create_local_chat",
    "listLocalModels": "ollama.list_local_models",
    "showLocalModel": "ollama.show_local_model",
    "getLocalVersion": "ollama.get_local_version",
    "getApiDocs": "documentation.get_api_docs",
    "getApiDocsJson": "documentation.get_api_docs_json",
}
OPEN = {"getRoot", "getHealth", "getHello", "getApiDocs", "getApiDocsJson"}
ERRORS = {"openai": "OpenAIError", "anthropic": "AnthropicError", "responses": "OpenAIError", "completions": "OpenAIError", "gemini": "GeminiError",
          "ollama": "OllamaError"}  # fmt: skip
STREAMED_ERRORS = {**ERRORS, "responses": "ResponseErrorEvent"}
BY_HEADER = {"by-header": {"anthropic-version": "anthropic"}, "else": "openai"}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation, as written."""
    return [
        (path, method, operation)
        for path, item in contract()["paths"].items()
        for method, operation in item.items()
    ]


def responses(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, response in operation["responses"].items():
        yield status, follow(contract(), response)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


@pytest.fixture(params=operations(), ids=lambda one: one[2]["operationId"])
def operation(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each operation in turn."""
    return request.param[2]


# ---- the whole ----------------------------------------------------------------------------------------------------


def test_connexion_accepts_the_document() -> None:
    """connexion's own check of OpenAPI 3.0 finds nothing, and it resolves every reference."""
    specification = Specification.from_dict(copy.deepcopy(contract()))
    assert specification.version == (3, 0, 3)


def test_what_connexion_would_refuse_is_refused() -> None:
    """The check above bites: one word of OpenAPI 3.1 is enough."""
    broken = copy.deepcopy(contract())
    broken["components"]["schemas"]["Health"]["properties"]["status"] = {"const": "ok"}
    with pytest.raises(Exception, match="not valid under any"):
        Specification.from_dict(broken)


def test_references_lead_to_components_that_are_all_used() -> None:
    """No reference dangles, no component is left over."""
    used = set(references(contract()))
    there = {
        f"#/components/{kind}/{name}"
        for kind, components in contract()["components"].items()
        for name in components
        if kind != "securitySchemes"
    }
    assert used == there


def test_no_schema_contains_itself() -> None:
    """connexion resolves all references when it loads, and validators walk as deep as the schema goes."""

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"{name} contains itself: {path}"
        for reference in set(references(schemas()[name])):
            visit(reference.rsplit("/", 1)[1], (*path, name))

    for name in schemas():
        visit(name, ())


def test_the_schemas_compile() -> None:
    """Each component is a schema that the validator of requests takes, by itself."""
    compiled = Schemas(contract())
    for name in schemas():
        compiled.compile({"$ref": f"#/components/schemas/{name}"})


def test_every_object_has_a_name() -> None:
    """Generators name types after components: no object with members of its own is written out inside another."""
    nameless = [place for place, schema in every_schema() if "properties" in schema and place not in schemas()]
    assert nameless == []


def test_no_title_repeats_a_name() -> None:
    """A title would give a second name to a type, and the same title twice stops generators."""
    assert [place for place, schema in every_schema() if "title" in schema] == []


def test_no_schema_is_called_as_what_generated_clients_bring_themselves() -> None:
    """A type of that name would hide theirs, and the whole module could not be loaded."""
    assert schemas().keys() & {"Response", "Request", "Client", "AuthenticatedClient", "Unset", "File", "Types"} == set()


def test_null_is_declared_where_validators_see_it() -> None:
    """`nullable` counts beside `type` only, an enum lists null, and a union takes null in one branch at most."""
    for place, schema in every_schema():
        if schema.get("nullable"):
            assert "type" in schema, place
            assert None in schema.get("enum", [None]), place
        if "oneOf" in schema:
            assert not schema.get("nullable"), place
            assert sum(bool(resolve(branch).get("nullable")) for branch in schema["oneOf"]) <= 1, place


def test_values_that_equal_absence_are_valid() -> None:
    """A default fits its own schema."""
    compiled = Schemas(contract())
    for place, schema in every_schema():
        if "default" in schema:
            assert compiled.compile(schema).is_valid(schema["default"]), place


def test_examples_of_form_are_valid_and_differ() -> None:
    """`x-examples` are two values at least, so that one can be told from the other."""
    compiled = Schemas(contract())
    for place, schema in every_schema():
        if "x-examples" in schema:
            assert len(set(schema["x-examples"])) >= 2, place
            assert all(compiled.compile(schema).is_valid(value) for value in schema["x-examples"]), place


def test_vocabularies_stand_on_strings() -> None:
    """An open vocabulary is a string with known words, none of them twice."""
    for place, schema in every_schema():
        if "x-extensible-enum" in schema:
            words = schema["x-extensible-enum"]
            assert schema["type"] == "string", place
            assert "enum" not in schema, place
            assert all(isinstance(word, str) for word in words), place
            assert len(words) == len(set(words)), place


# ---- operations ---------------------------------------------------------------------------------------------------


def test_operations_and_their_functions() -> None:
    """The first tag names the module, the operationId in snake_case the function, unless a rule answers it."""
    found = {
        operation["operationId"]: "services.pass_through" if "x-pass-through" in operation
        else f"{operation['tags'][0]}.{inflection.underscore(operation['operationId'])}"
        for _, _, operation in operations()
    }
    assert len(found) == len(operations()), "an operationId occurs twice"
    assert found == FUNCTIONS


def test_paths_are_looked_up_in_a_safe_order() -> None:
    """connexion matches in the order of the document: a path without parameters comes before one that could take it."""
    paths = list(contract()["paths"])
    for at, path in enumerate(paths):
        pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path))
        assert not [later for later in paths[at + 1 :] if pattern.fullmatch(later)], path


def test_an_operation_is_described(operation: dict[str, Any]) -> None:
    """Summary and description for people, declared tags for order."""
    assert operation["summary"]
    assert operation["description"].strip()
    assert set(operation["tags"]) <= {tag["name"] for tag in contract()["tags"]}
    assert all(tag["description"] for tag in contract()["tags"])


def test_an_operation_is_protected(operation: dict[str, Any]) -> None:
    """Either scheme suffices everywhere, and on Gemini's paths a third; a few operations need none, and say so."""
    assert contract()["security"] == [{"bearerAuth": []}, {"apiKeyAuth": []}]
    assert set(contract()["components"]["securitySchemes"]) == {"bearerAuth", "apiKeyAuth", "googApiKeyAuth"}
    if operation["x-dialect"] == "gemini":
        assert operation["security"] == [{"googApiKeyAuth": []}, *contract()["security"]]
        operation = {name: value for name, value in operation.items() if name != "security"}
    if operation["operationId"] in OPEN:
        assert operation["security"] == []
        assert "401" not in operation["responses"]
    else:
        assert "security" not in operation
        assert "401" in operation["responses"]


def test_an_operation_declares_its_failures(operation: dict[str, Any]) -> None:
    """Every operation answers wrong methods and faults of ours; those with a body all that a provider may bring."""
    wanted = {"405", "500"}
    if operation["operationId"] not in OPEN:
        wanted |= {"400", "401"}
    if "requestBody" in operation:
        wanted |= {"402", "403", "404", "409", "413", "415", "422", "429", "502", "503", "504", "529"}
    assert wanted <= set(operation["responses"])


def test_answers_carry_the_request_id(operation: dict[str, Any]) -> None:
    """Under either name, whatever the status; and the headers that belong to a status."""
    belonging = {"401": "WWW-Authenticate", "405": "Allow", "429": "Retry-After", "503": "Retry-After"}
    for status, response in responses(operation):
        assert {"request-id", "x-request-id"} <= set(response["headers"]), status
        assert belonging.get(status, "request-id") in response["headers"], status


def test_failures_speak_the_dialect(operation: dict[str, Any]) -> None:
    """The shape of errors is that of the API that was called; where two share a path, the caller's headers decide."""
    dialect = operation["x-dialect"]
    name = ERRORS[dialect] if isinstance(dialect, str) else "AnyError"
    assert isinstance(dialect, str) or dialect == BY_HEADER
    for status, response in responses(operation):
        if status >= "400":
            schema = response["content"]["application/json"]["schema"]
            assert schema == {"$ref": f"#/components/schemas/{name}"}, status


def test_streams_declare_their_events() -> None:
    """Beside the JSON answer stands the stream: an envelope, the schema of its data, and errors among them."""
    found = {}
    for _, _, operation in operations():
        for status, response in responses(operation):
            media = response.get("content", {}).get("text/event-stream")
            if media:
                assert status == "200"
                assert "application/json" in response["content"] or "audio/*" in response["content"]
                assert "data" in resolve(media["schema"])["required"]
                data = resolve(media["x-event-data"])
                assert {"$ref": f"#/components/schemas/{STREAMED_ERRORS[operation['x-dialect']]}"} in data["oneOf"]
                found[operation["operationId"]] = media.get("x-event-end")
            lines = response.get("content", {}).get("application/x-ndjson")
            if lines:
                assert {"$ref": f"#/components/schemas/{ERRORS[operation['x-dialect']]}"} in resolve(lines["schema"])["oneOf"]
                found[operation["operationId"]] = None
    assert found == {
        "createChatCompletion": "[DONE]", "createProviderChatCompletion": "[DONE]",
        "createMessage": None, "createProviderMessage": None,
        "createResponse": None, "createProviderResponse": None,
        "streamGeneratedContent": None, "streamProviderGeneratedContent": None, "createLocalChat": None, "createProviderLocalChat": None,
        "streamStableGeneratedContent": None, "streamProviderStableGeneratedContent": None,
        "createCompletion": "[DONE]", "createProviderCompletion": "[DONE]",
        "createImage": None, "createSpeech": None, "createTranscription": None,
        "createProviderImage": None, "createProviderSpeech": None, "createProviderTranscription": None,
    }  # fmt: skip


def test_lists_of_models_are_paged() -> None:
    """A page holds 1 to 1000; Anthropic's clients get 20 unless they say otherwise."""
    parameters = contract()["components"]["parameters"]
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000}
    assert parameters["offset"]["schema"] == {"type": "integer", "minimum": 0, "maximum": 1_000_000_000}
    for _, _, operation in operations():
        if operation["operationId"] in ("listModels", "listProviderModels"):
            names = {follow(contract(), each)["name"] for each in operation["parameters"]}
            assert {"limit", "offset", "after_id", "before_id"} <= names
            assert operation["x-default-limit"] == {"anthropic": 20}


def test_the_document_belongs_to_no_host() -> None:
    """Its address is relative: wherever it is served from, that is where it is tried out."""
    assert contract()["servers"] == [{"url": "/"}]


def test_only_what_is_read_is_required() -> None:
    """A request needs a model and a conversation, and with Anthropic's API a limit; nothing else."""
    assert schemas()["ChatCompletionRequest"]["required"] == ["model", "messages"]
    assert schemas()["MessagesRequest"]["required"] == ["model", "max_tokens", "messages"]
