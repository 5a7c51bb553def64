"""The checks of the fuzzer see what they are there for: each of these answers is right but for one thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fuzz.fuzz_run import Fuzzing
from fuzz.fuzz_world import aimed, provider_of
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
BODY = {"max_tokens": 5, "messages": [{"role": "user", "content": "Hello there"}]}


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        assert old in content, content
        return content.replace(old, new)

    return change


TABLE: list[tuple[str, str, bool, Callable[[bytes], bytes], str]] = [
    ("a stray member", CHAT, False, replaced(b'"object"', b'"stray":1,"object"'), "whole_answers_are_exact"),
    ("a stray member", MESSAGES, False, replaced(b'"role"', b'"stray":1,"role"'), "whole_answers_are_exact"),
    ("an unknown word", CHAT, False, replaced(b'"stop"', b'"tired"'), "whole_answers_are_exact"),
    ("an unknown word", MESSAGES, False, replaced(b'"end_turn"', b'"tired"'), "whole_answers_are_exact"),
    ("a missing member", CHAT, False, replaced(b'"created"', b'"creates"'), "Response violates schema"),
    ("another model", CHAT, False, replaced(b"demo:echo", b"demo:ecko"), "whole_answers_are_exact"),
    ("another model", MESSAGES, True, replaced(b"demo:echo", b"demo:ecko"), "streams_are_exact"),
    ("no end", CHAT, True, replaced(b"data: [DONE]\n\n", b""), "the end is told"),
    ("more after the end", CHAT, True, replaced(b"data: [DONE]\n\n", b"data: [DONE]\n\ndata: {}\n\n"), "nothing follows"),
    ("no stop", MESSAGES, True, replaced(b"event: message_stop", b"event: ping"), "streams_are_exact"),
    ("half an event", MESSAGES, True, lambda content: content[:-1], "ends with a whole event"),
    ("no JSON", CHAT, True, replaced(b'data: {"id"', b'data: {"id'), "streams_are_exact"),
    ("an event without its name", MESSAGES, True, replaced(b"event: content_block_stop\n", b""), "streams_are_exact"),
    ("a stray member of an event", CHAT, True, replaced(b'"delta":{', b'"stray":1,"delta":{'), "streams_are_exact"),
    ("a stray member of an event", MESSAGES, True, replaced(b'"text_delta"', b'"text_delta","stray":1'), "streams_are_exact"),
    ("no role", CHAT, True, replaced(b'"role":"assistant",', b""), "streams_are_exact"),
]


@pytest.mark.parametrize(("what", "path", "stream", "change", "seen_by"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE])
def test_a_flaw_is_seen(
    fuzzing: Fuzzing, what: str, path: str, stream: bool, change: Callable[[bytes], bytes], seen_by: str
) -> None:
    """The answer passes as it came, and fails with the flaw."""
    case = a_case(fuzzing, path, stream)
    response = Response.from_any(fuzzing.judge(case))
    with pytest.raises(FailureGroup) as failed:
        validate(fuzzing, case, doctored(response, content=change(response.content)))
    assert seen_by in str(failed.value)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (CHAT, b'"param"', b'"parameter"'),
        (CHAT, b'"code"', b'"stray":1,"code"'),
        (MESSAGES, b'"type":"error",', b""),
        (MESSAGES, b"invalid_request_error", b"some_other_error"),
    ],
)
def test_an_error_in_other_words_is_seen(fuzzing: Fuzzing, path: str, old: bytes, new: bytes) -> None:
    case = a_case(fuzzing, path, False)
    case.body = {"model": "demo:echo"}
    response = Response.from_any(fuzzing.judge(case))
    assert response.status_code == 400
    with pytest.raises(FailureGroup) as failed:
        validate(fuzzing, case, doctored(response, content=replaced(old, new)(response.content)))
    assert "failures_speak_the_dialect" in str(failed.value)


@pytest.mark.parametrize("name", ["request-id", "x-request-id", "gateway-model"])
def test_a_header_that_is_missing_is_seen(fuzzing: Fuzzing, name: str) -> None:
    case = a_case(fuzzing, CHAT, False)
    response = Response.from_any(fuzzing.judge(case))
    headers = {each: values for each, values in response.headers.items() if each != name}
    with pytest.raises(FailureGroup) as failed:
        validate(fuzzing, case, doctored(response, headers=headers))
    assert ("gateway_headers" if name == "gateway-model" else "request_ids") in str(failed.value)


@pytest.mark.parametrize("target", ["chat:m", "messages:m"])
def test_a_request_that_arrives_otherwise_is_seen(fuzzing: Fuzzing, target: str) -> None:
    """Whether it passes through or is translated."""
    case = aimed(a_case(fuzzing, CHAT, False), target, False)
    response = Response.from_any(fuzzing.judge(case))
    provider = fuzzing.checks.world.providers[provider_of(target)]
    provider.last.body["stray"] = 1
    with pytest.raises(FailureGroup) as failed:
        validate(fuzzing, case, response)
    assert "requests_arrive" in str(failed.value)


def a_case(fuzzing: Fuzzing, path: str, stream: bool) -> Case:
    case = fuzzing.schema[path]["POST"].Case(body={"model": "m", **BODY}, media_type="application/json")
    return aimed(case, "demo:echo", stream)


def doctored(response: Response, **changes: Any) -> Response:
    given = {"headers": response.headers, "content": response.content, **changes}
    return Response(status_code=response.status_code, request=response.request, elapsed=0.1, verify=True, **given)


def validate(fuzzing: Fuzzing, case: Case, response: Response) -> None:
    case.validate_response(
        response, additional_checks=fuzzing.checks.all, excluded_checks=[fuzzing.ignored_auth]
    )
