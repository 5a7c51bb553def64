"""What headers and queries carry across the gateway, and what they never do."""

from __future__ import annotations

import email.utils
import time
from typing import Any

import pytest
from providers.vendor_server import Reply

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
TURN = {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
CHAT_ANSWER = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "hey", "refusal": None}, "logprobs": None, "finish_reason": "stop"}]}
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hey"}],
           "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
ANSWERS = {"o": CHAT_ANSWER, "a": MESSAGE}
PATHS = [pytest.param(path, provider, id=f"{name} to {provider}")
         for path, name in ((CHAT, "chat"), (MESSAGES, "messages")) for provider in "oa"]  # fmt: skip
STREAM = [(b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant",'
           b'"content":"hey"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')]  # fmt: skip


# ---- out -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_a_stream_is_not_kept_changed_or_held_up_on_its_way_defect_63(bench: Any, path: str) -> None:
    """The media type names its characters; proxies between us and the caller neither store nor gather."""
    answer = bench.post(path, {"model": "o:m", "stream": True, **TURN}, Reply(200, events=STREAM))
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "content-length" not in answer.headers


@pytest.mark.parametrize(("path", "provider"), PATHS)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_no_shared_cache_keeps_an_answer_defect_64(bench: Any, path: str, provider: str, status: int) -> None:
    """What one caller's key was told is nobody else's, errors included, whatever the provider says about caching."""
    body = ANSWERS[provider] if status == 200 else {"error": {"message": "no", "type": "invalid_request_error"}}
    reply = Reply(status, body, headers={"cache-control": "public, max-age=3600", "vary": "accept"})
    answer = bench.post(path, {"model": f"{provider}:m", **TURN}, reply)
    assert answer.status_code == status
    assert answer.headers.get_list("cache-control") == ["private, no-store"]
    assert "authorization" in answer.headers["vary"].lower()
    assert "x-api-key" in answer.headers["vary"].lower()


def test_nor_does_it_keep_the_list_of_models_defect_64(bench: Any) -> None:
    """The same law where no provider is asked."""
    answer = bench.client.get("/v1/models")
    assert answer.headers["cache-control"] == "private, no-store"
    assert "authorization" in answer.headers["vary"].lower()


@pytest.mark.parametrize(("path", "provider"), PATHS)
@pytest.mark.parametrize(("said", "heard"), [("7", "7"), ("0.2", "1"), ("30.0", "30"), ("date", "100"), ("yesterday", "0")])
def test_retry_after_is_whole_seconds_defect_142_defect_232(bench: Any, path: str, provider: str, said: str, heard: str) -> None:
    """A date or a fraction makes clients give up, so both become seconds, on both paths."""
    now = time.time()
    dates = {"date": now + 100, "yesterday": now - 86400}
    value = email.utils.formatdate(dates[said], usegmt=True) if said in dates else said
    reply = Reply(429, {"error": {"message": "slow down", "type": "rate_limit_error"}}, headers={"retry-after": value})
    answer = bench.post(path, {"model": f"{provider}:m", **TURN}, reply)
    assert answer.status_code == 429
    got = answer.headers.get_list("retry-after")
    assert len(got) == 1
    assert got[0].isdigit()
    assert int(heard) - 3 <= int(got[0]) <= int(heard)


def test_a_retry_after_that_says_nothing_does_no_harm_defect_232(bench: Any) -> None:
    """What cannot be read as a time is no reason to fail."""
    reply = Reply(429, {"error": {"message": "slow down"}}, headers={"retry-after": "soon"})
    for path in (CHAT, MESSAGES):
        assert bench.post(path, {"model": "o:m", **TURN}, reply).status_code == 429


@pytest.mark.parametrize("stream", [False, True])
def test_limits_and_advice_of_the_provider_arrive_verbatim_defect_142_defect_233(bench: Any, stream: bool) -> None:
    """Whether to try again, and what is left of which allowance: clients read these headers by their exact names."""
    said = {"x-should-retry": "true", "anthropic-ratelimit-unified-status": "allowed_warning",
            "anthropic-ratelimit-unified-5h-utilization": "0.93", "anthropic-ratelimit-tokens-reset": "2026-11-02T10:00:00Z"}
    reply = Reply(529, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, headers=said)
    answer = bench.post(MESSAGES, {"model": "a:m", "stream": stream, **TURN}, reply)
    assert answer.status_code == 529
    assert {name: answer.headers[name] for name in said} == said
    said = {"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-tokens": "6m0s", "x-should-retry": "false"}
    answer = bench.post(CHAT, {"model": "o:m", "stream": stream, **TURN}, Reply(429, {"error": {"message": "x"}}, headers=said))
    assert {name: answer.headers[name] for name in said} == said


# ---- in --------------------------------------------------------------------------------------------------------


def test_betas_arrive_word_for_word_defect_149_defect_222(bench: Any) -> None:
    """Names nobody here has heard of too, and the one that lets a subscription's login in; several headers stay several."""
    betas = "claude-code-20250219,oauth-2025-04-20, interleaved-thinking-2025-05-14,made-up-2031-01-01"
    bench.post(MESSAGES, {"model": "a:m", **TURN}, Reply(200, MESSAGE), anthropic_beta=betas)
    assert bench.provider.last.headers["anthropic-beta"] == betas


def test_what_clients_say_of_themselves_is_welcome_defect_152(bench: Any) -> None:
    """Versions, the word of a browser that it knows what it does, an SDK's own headers: none is refused, the family's go on."""
    reply = Reply(200, MESSAGE)
    answer = bench.post(MESSAGES, {"model": "a:m", **TURN}, reply, anthropic_version="2023-06-01",
                        anthropic_dangerous_direct_browser_access="true", x_stainless_lang="js", x_stainless_retry_count="0",
                        user_agent="claude-cli/9", x_app="cli")  # fmt: skip
    assert answer.status_code == 200
    got = bench.provider.last.headers
    assert got["anthropic-version"] == "2023-06-01"
    assert got["anthropic-dangerous-direct-browser-access"] == "true"


def test_a_narrower_dialect_keeps_betas_from_its_provider_defect_150(bench: Any) -> None:
    """A server that refuses betas it does not know is declared by a child dialect; the caller still passes through."""
    answer = bench.post(MESSAGES, {"model": "narrow:m", **TURN, "unknown_member": {"a": 1}}, Reply(200, MESSAGE),
                        anthropic_beta="unheard-of-2030-01-01", anthropic_version="2023-06-01")  # fmt: skip
    assert answer.status_code == 200
    got = bench.provider.last
    assert "anthropic-beta" not in got.headers
    assert got.headers["anthropic-version"] == "2023-06-01"
    assert got.body["unknown_member"] == {"a": 1}


def test_a_beta_does_not_get_round_a_narrow_dialect_defect_151(bench: Any) -> None:
    """Neither in other letters, nor several times, nor as a member that a patch takes out."""
    body = {"model": "narrow:m", **TURN, "anthropic_beta": ["unheard-of-2030-01-01"]}
    bench.provider.next_replies = [Reply(200, MESSAGE)]
    answer = bench.client.post(MESSAGES, json=body, headers=[("Anthropic-Beta", "one"), ("ANTHROPIC-BETA", "two"), ("anthropic-beta", "three")])
    assert answer.status_code == 200
    assert "anthropic-beta" not in bench.provider.last.headers
    assert "anthropic_beta" not in bench.provider.last.body


@pytest.mark.parametrize(("path", "provider"), PATHS)
def test_whose_credential_goes_where_defect_190_defect_216(bench: Any, path: str, provider: str) -> None:
    """The caller's key opens the gateway and goes no further; the provider gets its own, in its own header, once."""
    bench.post(path, {"model": f"{provider}:m", **TURN}, Reply(200, ANSWERS[provider]), x_api_key="sk-something-of-the-caller")
    got = bench.provider.last.headers
    ours = {"o": {"authorization": "Bearer sk-secret-of-o"}, "a": {"x-api-key": "sk-secret-of-a"}}[provider]
    assert {name: value for name, value in got.items() if name in ("authorization", "x-api-key")} == ours


def test_a_provider_without_a_key_gets_none_defect_216(bench: Any) -> None:
    """Where no key is declared, the caller's does not take its place."""
    bench.post(MESSAGES, {"model": "thinker-a:m", **TURN}, Reply(200, MESSAGE), x_api_key="sk-something-of-the-caller")
    assert not {"authorization", "x-api-key"} & set(bench.provider.last.headers)


@pytest.mark.parametrize("header", [
    "x-provider", "x-model-provider", "x-routing-provider", "x-portkey-provider", "x-bf-provider", "x-base-url", "x-api-base",
    "gateway-model", "gateway-provider", "x-forwarded-host", "x-original-url", "x-rewrite-url", "x-model",
])  # fmt: skip
def test_no_header_chooses_the_provider_defect_213_defect_191(bench: Any, header: str) -> None:
    """Model and path say where a request goes; a header of any name changes nothing, and our own cannot be forged."""
    answer = bench.post("/a/v1/messages", {"model": "a:m", **TURN}, Reply(200, MESSAGE), **{header: "o"})
    assert bench.provider.last.path == "/a/v1/messages"
    assert bench.provider.last.headers["x-api-key"] == "sk-secret-of-a"
    assert answer.headers.get_list("gateway-model") == ["a:m"]


QUERIES = [
    ("beta=true", "beta=true"),
    ("beta=true&x=1&x=2&empty=&bare", "beta=true&x=1&x=2&empty=&bare"),
    ("q=caf%C3%A9%20%26%3D", "q=caf%C3%A9%20%26%3D"),
    ("key=sk-1&beta=true&access_token=t&api_key=k&API-Key=k&apikey=k&token=t&X-Amz-Security-Token=t&client_secret=s&sig=s", "beta=true"),
    ("%6bey=sk-1&access%5Ftoken=t", ""),
    ("", ""),
]


@pytest.mark.parametrize(("asked", "sent"), QUERIES)
@pytest.mark.parametrize(("path", "model"), [(MESSAGES, "a:m"), (CHAT, "o:m")])
def test_a_query_reaches_a_provider_of_the_callers_family_defect_65(bench: Any, path: str, model: str, asked: str, sent: str) -> None:
    """`?beta=true` belongs to the request; what may hold a credential stays here."""
    answer = bench.post(f"{path}?{asked}", {"model": model, **TURN}, Reply(200, ANSWERS[model[0]]))
    assert answer.status_code == 200
    assert bench.provider.last.query == sent


def test_a_query_does_not_replace_the_doors_own_defect_65(bench: Any) -> None:
    """What the operator declares wins; the rest stands behind it."""
    bench.post(f"{CHAT}?api-version=evil&API-VERSION=evil&beta=true", {"model": "versioned:m", **TURN}, Reply(200, CHAT_ANSWER))
    assert bench.provider.last.query == "api-version=v1&beta=true"


def test_a_query_of_one_family_means_nothing_to_another_defect_65(bench: Any) -> None:
    """In translation the caller's query says nothing that the provider would understand."""
    bench.post(f"{MESSAGES}?beta=true", {"model": "o:m", **TURN}, Reply(200, CHAT_ANSWER))
    assert bench.provider.last.query == ""
