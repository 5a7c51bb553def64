"""Bodies as everyday clients send them: nobody is refused, and nobody is told of a loss that is none."""

import pytest
from losses.real_pairs import coding_agent, table, translation

from handlers.engine.losses import check

LOOK = {"name": "look", "description": "d", "parameters": {"type": "object", "properties": {}}}
SEE = {"name": "see", "description": "d", "parameters": {"type": "object", "properties": {}}}
TOOLS = [{"type": "function", "function": LOOK}, {"type": "function", "function": SEE}]
NAMED = {"type": "function", "function": {"name": "see"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
CALL = {"id": "c", "type": "function", "index": 0, "function": {"name": "look", "arguments": "{}"}}
ANSWERED = [
    {"role": "user", "content": "x"},
    {"role": "assistant", "content": None, "refusal": None, "annotations": [], "audio": None, "function_call": None,
     "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c", "name": "look", "content": "r"},
]  # fmt: skip


def chat(**members):
    """Losses of a Chat Completions body on its way to another family."""
    return table("openai", "anthropic")({"model": "m", "messages": [{"role": "user", "content": "x"}], **members})


def messages(**members):
    body = {"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": "x"}], **members}
    return table("anthropic", "openai")(body)


@pytest.mark.parametrize("members", [
    {},
    {"temperature": 0.7, "max_tokens": 500},
    {"stream": True, "stream_options": {"include_usage": True}},
    {"n": 1, "logprobs": False, "store": False, "service_tier": "auto", "user": "u"},
    {"frequency_penalty": 0, "presence_penalty": 0, "top_p": 1, "logit_bias": None, "stop": None, "tools": []},
    {"response_format": {"type": "text"}},
    {"tools": TOOLS, "tool_choice": "auto"},
    {"tools": TOOLS, "tool_choice": "auto", "parallel_tool_calls": True},
    {"tools": TOOLS, "tool_choice": "auto", "parallel_tool_calls": False},
    {"tools": TOOLS, "tool_choice": "required"},
    {"tools": TOOLS, "tool_choice": "none"},
    {"tools": TOOLS, "tool_choice": NAMED, "parallel_tool_calls": False},
    {"tools": TOOLS, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}}},
    {"tools": TOOLS, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED]}}},
    {"functions": [LOOK, SEE]},
    {"functions": [LOOK, SEE], "function_call": "auto"},
    {"functions": [LOOK, SEE], "function_call": {"name": "see"}},
    {"messages": ANSWERED, "tools": TOOLS},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "5m"}}]}]},
    {"reasoning_effort": "low"},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}},
    {"stop": ["END", "STOP"], "max_completion_tokens": 100},
], ids=str)  # fmt: skip
def test_a_chat_client_loses_nothing(members):
    assert [str(loss) for loss in chat(**members)] == []


@pytest.mark.parametrize(("members", "losses"), [
    ({"metadata": {"a": "b"}}, ["unsupported metadata"]),
    ({"store": True}, ["unsupported store"]),
    ({"service_tier": "flex"}, ["unsupported service_tier"]),
    ({"response_format": {"type": "json_object"}}, ["unsupported response_format"]),
    ({"logprobs": True}, ["unsupported logprobs"]),
    ({"temperature": 1.5}, ["unsupported temperature"]),
    ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "see"}}, "seed": 1}, ["unsupported seed"]),
], ids=str)  # fmt: skip
def test_a_chat_client_is_told_and_not_refused(members, losses):
    found = chat(**members)
    assert [str(loss) for loss in found] == losses
    check(found)


@pytest.mark.parametrize("stop", ["\n", " ", ["\n"], ["END", "\n"], ["a", "b", " "]], ids=repr)
def test_a_blank_stop_word_that_the_provider_refuses_is_told(stop):
    found = [str(loss) for loss in chat(stop=stop)]
    assert found == ["unsupported stop" if isinstance(stop, str) else f"unsupported stop[{len(stop) - 1}]"]


TOOL = {"name": "Bash", "description": "d", "input_schema": {"type": "object"}}


@pytest.mark.parametrize("members", [
    {},
    {"system": "s", "temperature": 0.5, "top_p": 0.5, "stop_sequences": ["END"]},
    {"system": [{"type": "text", "text": "s"}], "metadata": {"user_id": "u"}, "service_tier": "auto", "stream": True},
    {"tools": [{**TOOL, "type": "custom"}]},
    {"tools": [TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": False}},
    {"tools": [TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
    {"tools": [TOOL, {**TOOL, "name": "B"}], "tool_choice": {"type": "tool", "name": "B"}},
    {"tools": [TOOL], "tool_choice": {"type": "any"}},
    {"tools": [TOOL], "tool_choice": {"type": "none"}},
    {"thinking": {"type": "disabled"}},
    {"output_config": {"effort": "high"}},
    {"output_format": {"type": "json_schema", "schema": SCHEMA}},
    {"mcp_servers": []},
], ids=str)  # fmt: skip
def test_a_messages_client_loses_nothing(members):
    assert [str(loss) for loss in messages(**members)] == []


@pytest.mark.parametrize("thinking", [
    {"type": "adaptive", "display": "omitted"},
    {"type": "adaptive", "display": "updates"},
    {"type": "enabled", "budget_tokens": 31999, "display": "omitted"},
], ids=str)  # fmt: skip
def test_a_coding_agent_works_as_it_comes_defect_237(thinking):
    """Whatever it believes the model to be: it is told what does not come along, and never refused."""
    losses = table("anthropic", "openai")({**coding_agent(), "thinking": thinking})
    assert losses
    check(losses)


def test_tools_that_a_coding_agent_looks_up_are_offered():
    """A tool that was found comes back as a reference to one that is offered anyway: the provider gets them all."""
    body = coding_agent()
    body["messages"] += [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t2", "name": "ToolSearch", "input": {"query": "later"}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "tool_reference", "tool_name": "Later"}]},
        ]},
        {"role": "system", "content": [
            {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "Later"}},
        ]},
    ]  # fmt: skip
    check(table("anthropic", "openai")(body))


def test_a_tool_that_the_provider_would_run_is_refused():
    """It has no such tool, and the answer would be another one."""
    losses = messages(tools=[{"type": "web_search_20250305", "name": "web_search"}, TOOL])
    assert [str(loss) for loss in losses if loss.refuse] == ["unsupported tools[0]"]


def test_a_tool_that_joins_in_the_middle_is_offered():
    """Coding agents add tools as they go; a family without that gets them from the start."""
    body = coding_agent()
    added = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {**TOOL, "name": "Added"}}}
    body["messages"].append({"role": "system", "content": [added]})
    check(table("anthropic", "openai")(body))
    sent = translation("anthropic", "openai")(body)[0]
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["Bash", "Later", "Added"]
