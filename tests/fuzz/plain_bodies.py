"""Random bodies made a little less wild, so that most of them can be translated and what follows is tried out too.

A random conversation is full of what a translation refuses, rightly: messages, parts and tools of kinds that nobody has
heard of, results whose call nobody made, integers beyond 64 bits, members that only one vendor knows. Were all cases
like that, the fuzzer would hardly ever see an answer.
"""

from __future__ import annotations

from typing import Any

from contract.contract_specimens import contract

Json = dict[str, Any]
MOST = 1 << 53
TAGS = ("type", "role")
OUTPUTS = {
    "function_call_output": {"type": "function_call", "arguments": "{}"},
    "custom_tool_call_output": {"type": "custom_tool_call", "input": ""},
}
"""The items that are results, and their calls."""
OWN = {
    "executableCode", "codeExecutionResult", "toolCall", "toolResponse", "videoMetadata", "mediaResolution", "partMetadata",
    "googleSearch", "googleSearchRetrieval", "googleMaps", "codeExecution", "urlContext", "computerUse", "fileSearch",
    "retrieval", "enterpriseWebSearch", "mcpServers",
}  # fmt: skip
"""Kinds of parts and tools that only their own vendor has; where others tell kinds by a tag, here they are members."""
UNCOMMON = {"n", "audio", "web_search_options", "function_call", "mcp_servers", "container", "fallbacks", "thread", "cachedContent"}
"""Members that change what an answer means, and that hardly any other vendor has a word for."""


def tags(schema: Any) -> set[str]:
    """The values by which the unions of the contract tell their known branches apart."""
    if isinstance(schema, list):
        return set().union(*map(tags, schema))
    if not isinstance(schema, dict):
        return set()
    members = schema.get("properties") or {}
    own = {value for name in TAGS if isinstance(members, dict) for value in members.get(name, {}).get("enum", ())}
    return own.union(*map(tags, schema.values()))


KNOWN = tags(contract()["components"]["schemas"])


def plain(body: Json) -> Json:
    """A copy without what nobody knows, and with each result of a tool after a call that it answers."""
    body = {name: known(value) for name, value in body.items() if name not in UNCOMMON and not is_strange(value)}
    for place in ("messages", "input"):
        if isinstance(body.get(place), list):
            body[place] = [each for item in body[place] for each in (called(item) if isinstance(item, dict) else [item])]
    if isinstance(body.get("contents"), list):
        body["contents"] = [each for content in body["contents"] for each in spoken(content)]
        body["tools"] = [{name: tool[name] for name in tool if name not in OWN} for tool in body.get("tools") or ()]
    return body


def spoken(content: Json) -> list[Json]:
    """A content of Gemini's without what only its own tools do, after the calls that its results belong to."""
    parts = [{name: value for name, value in part.items() if name not in OWN} for part in content["parts"]]
    results = [part["functionResponse"] for part in parts if "functionResponse" in part]
    calls = [{"functionCall": {name: result[name] for name in ("id", "name") if name in result}} for result in results]
    content = {**content, "parts": parts}
    return [{"role": "model", "parts": calls}, {**content, "role": "user"}] if calls else [content]


def known(value: Any) -> Any:
    """`value` with integers that 64 bits can hold, and no objects in its lists of kinds that are not in the contract."""
    if isinstance(value, dict):
        return {name: known(member) for name, member in value.items()}
    if isinstance(value, list):
        return [known(each) for each in value if not is_strange(each)]
    if isinstance(value, int) and abs(value) > MOST:
        return value % MOST
    return value


def is_strange(value: Any) -> bool:
    """Whether an object is of a kind that the contract does not list."""
    return isinstance(value, dict) and any(isinstance(value.get(tag), str) and value[tag] not in KNOWN for tag in TAGS)


def called(message: Json) -> list[Json]:
    """The message or item, after the calls that its results belong to, in the words of its dialect."""
    if message.get("type") in OUTPUTS:
        message = {**message, "call_id": message.get("call_id") or "call"}
        return [{**OUTPUTS[message["type"]], "call_id": message["call_id"], "name": "look"}, message]
    if message.get("role") == "tool" and not isinstance(message.get("tool_call_id"), str):
        call = {"function": {"name": message.get("tool_name") or "look", "arguments": {}}}
        return [{"role": "assistant", "content": "", "tool_calls": [call]}, message]
    if message.get("role") == "tool":
        call = {"id": message["tool_call_id"], "type": "function", "function": {"name": "look", "arguments": "{}"}}
        return [{"role": "assistant", "tool_calls": [call]}, message]
    if message.get("role") == "function":
        call = {"name": message.get("name") or "look", "arguments": "{}"}
        return [{"role": "assistant", "function_call": call}, message]
    blocks = message.get("content") if message.get("role") == "user" else None
    ids = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"} if isinstance(blocks, list) else ()
    calls = [{"type": "tool_use", "id": each, "name": "look", "input": {}} for each in sorted(ids)]
    return [{"role": "assistant", "content": calls}, message] if calls else [message]
