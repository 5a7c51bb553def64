"""The unions of the contract: told apart by tags, open at their end, and precise about what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from contract.closed_view import is_open_branch
from contract.contract_specimens import contract, excluded, name_of, resolve, schemas, specimen, tags_of, unions

from handlers.engine.contract.explaining import find_failure
from handlers.engine.contract.schemas import Schemas

CLOSED_UNIONS = {
    "AnyError": "what Morello writes itself, in one of two shapes",
    "ChatCompletionStreamEvent": "two shapes without a tag between them",
    "CompletionStreamEvent": "two shapes without a tag between them",
    "ChatFile": "told apart by the member that is there",
    "GenerateContentStreamEvent": "two shapes without a tag between them",
    "OllamaStreamEvent": "two shapes without a tag between them",
}
"""Unions of objects that do not end in an open branch, with the reason."""

UNTAGGED = {"OpenAIError"}
"""Kinds that are told apart from the tagged ones of a union by having no tag."""

WITHIN = {"ResponseInputItem": ["message"]}
"""Kinds that are a union of their own within the union, told apart by another tag."""
BESIDE = {"ResponseInputMessage": ["type", "role"]}
"""Unions whose open branch names another tag, too, which keeps it apart from what surrounds the union."""

UNIONS = dict(unions())
VALIDATORS = Schemas(contract())


def objects(branches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [branch for branch in branches if resolve(branch).get("type") == "object"]


TAGGED = {place: branches for place, branches in UNIONS.items() if len(objects(branches)) > 1}
KNOWN = [
    (place, name_of(branch))
    for place, branches in UNIONS.items()
    for branch in objects(branches)
    if not is_open_branch(resolve(branch))
]


def union_of(place: str) -> dict[str, Any]:
    """The union itself, as a schema."""
    return {"oneOf": UNIONS[place]}


@pytest.mark.parametrize("place", TAGGED)
def test_a_union_ends_in_an_open_branch(place: str) -> None:
    """Its last branch takes every tag but the known ones, exactly those, and nothing else is asked of it."""
    branches = UNIONS[place]
    if place in CLOSED_UNIONS:
        assert not any(is_open_branch(resolve(branch)) for branch in branches)
        return
    assert [is_open_branch(resolve(branch)) for branch in branches].index(True) == len(branches) - 1
    tag, values = excluded(branches[-1])
    last = resolve(branches[-1])
    assert last["required"] == [tag]
    assert list(last["properties"]) == BESIDE.get(place, [tag])
    assert last["additionalProperties"] is True
    known = [value for branch in objects(branches)[:-1] for value in tags_of(branch).get(tag, [])] + WITHIN.get(place, [])
    assert sorted(values) == sorted(known), "the open branch leaves other values than the branches take"
    assert len(known) == len(set(known)), "two branches take the same value"


@pytest.mark.parametrize("place", TAGGED)
def test_an_unknown_kind_passes(place: str) -> None:
    """A tag that nobody here has heard of, with members of any form, is valid."""
    if place in CLOSED_UNIONS:
        return
    tag, _ = excluded(UNIONS[place][-1])
    value = {tag: "x-unheard-of", "text": 3, "nested": [{"deep": None}]}
    assert VALIDATORS.compile(union_of(place)).is_valid(value)


@pytest.mark.parametrize("whole", [False, True], ids=["required members", "all members"])
@pytest.mark.parametrize(("place", "name"), KNOWN)
def test_a_known_kind_fits_its_own_branch_only(place: str, name: str, whole: bool) -> None:
    """Exactly one branch takes it, and members that are not declared do it no harm."""
    value = specimen(schemas()[name], whole) | {"x-unheard-of": {"a": 1}}
    failure = find_failure(VALIDATORS.compile(union_of(place)), value)
    assert failure is None, failure


@pytest.mark.parametrize(("place", "name"), KNOWN)
def test_a_missing_member_is_reported_at_its_place(place: str, name: str) -> None:
    """Of a known kind, each required member that is missing is named by its own pointer."""
    whole = specimen(schemas()[name], True)
    tags = tags_of(schemas()[name])
    for member in schemas()[name].get("required", ()):
        if member in tags or place in CLOSED_UNIONS or name in UNTAGGED:
            continue
        value = {key: each for key, each in whole.items() if key != member}
        failure = find_failure(VALIDATORS.compile(union_of(place)), value)
        assert failure is not None
        assert (failure.pointer, failure.missing) == (f"/{member}", True)


@pytest.mark.parametrize(
    ("request_schema", "change", "pointer"),
    [
        ("ChatCompletionRequest", {"messages": [{"role": "user"}]}, "/messages/0/content"),
        ("ChatCompletionRequest", {"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "/messages/0/content/0/text"),
        ("ChatCompletionRequest", {"messages": [{"role": "tool", "content": "x"}]}, "/messages/0/tool_call_id"),
        ("ChatCompletionRequest", {"messages": [{"content": "x"}]}, "/messages/0/role"),
        ("ChatCompletionRequest", {"temperature": "hot"}, "/temperature"),
        ("ChatCompletionRequest", {"max_tokens": 0}, "/max_tokens"),
        ("ChatCompletionRequest", {"tools": [{"type": "function", "function": {}}]}, "/tools/0/function/name"),
        ("ChatCompletionRequest", {"tool_choice": {"type": "function"}}, "/tool_choice/function"),
        ("ChatCompletionRequest", {"stop": 3}, "/stop"),
        ("MessagesRequest", {"messages": [{"role": "user"}]}, "/messages/0/content"),
        ("MessagesRequest", {"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "/messages/0/content/0/source"),
        ("MessagesRequest", {"max_tokens": -1}, "/max_tokens"),
        ("MessagesRequest", {"tools": [{"name": "a"}]}, "/tools/0/input_schema"),
        ("MessagesRequest", {"tool_choice": {"type": "tool"}}, "/tool_choice/name"),
        ("MessagesRequest", {"thinking": {"type": "enabled"}}, "/thinking/budget_tokens"),
        ("MessagesRequest", {"system": [{"type": "text"}]}, "/system/0/text"),
        ("ResponsesRequest", {"input": [{"role": "user"}]}, "/input/0/content"),
        ("ResponsesRequest", {"input": [{"content": "x"}]}, "/input/0/role"),
        ("ResponsesRequest", {"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "/input/0/content/0/text"),
        ("ResponsesRequest", {"input": [{"type": "function_call", "name": "f"}]}, "/input/0/call_id"),
        ("ResponsesRequest", {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function"}]}]},
         "/tools/0/tools/0/name"),
        ("ResponsesRequest", {"text": {"format": {"type": "json_schema"}}}, "/text/format/name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(request_schema: str, change: dict[str, Any], pointer: str) -> None:
    """Typical mistakes, and where they are reported."""
    body = {"model": "demo:echo", "max_tokens": 10, "messages": [{"role": "user", "content": "Hello"}]} | change
    validator = VALIDATORS.compile({"$ref": f"#/components/schemas/{request_schema}"})
    failure = find_failure(validator, body)
    assert failure is not None
    assert failure.pointer == pointer


@pytest.mark.parametrize(
    ("request_schema", "change"),
    [
        ("ChatCompletionRequest", {"messages": [{"role": "narrator", "content": {"any": "form"}}]}),
        ("ChatCompletionRequest", {"messages": [{"role": "user", "content": [{"type": "hologram", "x": 1}]}]}),
        ("ChatCompletionRequest", {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"type": "new"}]}]}),
        ("ChatCompletionRequest", {"tools": [{"type": "web_search_preview"}], "tool_choice": "any"}),
        ("ChatCompletionRequest", {"reasoning_effort": "ludicrous", "service_tier": "steerage", "unheard_of": [1]}),
        ("ChatCompletionRequest", {"response_format": {"type": "grammar"}, "tool_choice": {"type": "mcp"}}),
        ("ChatCompletionRequest", {"stop": None, "n": None, "tools": None, "tool_choice": None, "response_format": None}),
        ("MessagesRequest", {"messages": [{"role": "narrator"}]}),
        ("MessagesRequest", {"messages": [{"role": "user", "content": [{"type": "hologram", "x": 1}]}]}),
        ("MessagesRequest", {"messages": [{"role": "assistant", "content": [{"type": "web_fetch_tool_result",
          "tool_use_id": "x", "content": {"type": "new"}}]}]}),
        ("MessagesRequest", {"tools": [{"type": "web_search_20991231"}], "tool_choice": {"type": "most"}}),
        ("MessagesRequest", {"thinking": {"type": "sideways"}, "output_config": {"effort": "ludicrous"}}),
        ("MessagesRequest", {"tools": [{"type": None, "name": "a", "input_schema": {}}], "max_tokens": 0}),
        ("MessagesRequest", {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": ""}]}]}),
        ("MessagesRequest", {"messages": [{"role": "system", "content": "In between", "clear_at": "never"}]}),
        ("ResponsesRequest", {"input": [{"type": "dream", "role": "user"}, {"role": "narrator"}, {"type": "message", "role": "x"}]}),
        ("ResponsesRequest", {"input": [{"type": "reasoning"}, {"type": "reasoning", "content": None, "summary": []}]}),
        ("ResponsesRequest", {"tools": [{"type": "shell"}], "tool_choice": {"type": "shell"}, "include": ["all"]}),
        ("ResponsesRequest", {"reasoning": {"effort": 0.3}, "text": {"format": {"type": "poem"}}, "instructions": None}),
    ],
)  # fmt: skip
def test_what_is_new_passes(request_schema: str, change: dict[str, Any]) -> None:
    """Roles, blocks, tools, choices, efforts and members that are not known here reach a provider of the same kind."""
    body = {"model": "demo:echo", "max_tokens": 10, "messages": [{"role": "user", "content": "Hello"}]} | change
    validator = VALIDATORS.compile({"$ref": f"#/components/schemas/{request_schema}"})
    assert find_failure(validator, body) is None


@pytest.mark.parametrize("name", ["ChatMessage", "MessageParam", "ChatTool", "ToolParam", "ResponseInputItem", "ResponseTool"])
def test_a_piece_of_a_long_list_is_judged_alone(name: str) -> None:
    """Large bodies are checked in slices: the schema of one item stands by itself."""
    validator = VALIDATORS.compile({"$ref": f"#/components/schemas/{name}"})
    assert validator.is_valid(specimen(schemas()[name], True))
    assert not validator.is_valid("a text")
