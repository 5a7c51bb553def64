"""URLs and headers of calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handlers.engine.configuration import load_configuration
from handlers.engine.doors import Door
from handlers.engine.errors import ConfigurationError, GatewayError
from handlers.engine.providers import Provider

DIALECT = "dialects:\n  mine: {like: openai, DIALECT}\n"
HEAD = "providers:\n  p: {type: mine, base_url: 'https://example.com/v1', key: '${KEY}', PROVIDER}\n"


def provider(home: Path, dialect: str = "path: /chat", more: str = "name: P", key: str = "sk-secret") -> Provider:
    (home / "providers.yaml").write_text(DIALECT.replace("DIALECT", dialect) + HEAD.replace("PROVIDER", more))
    return load_configuration(home, {"KEY": key, "REGION": "eu {{ key }}"}).providers["p"]


def headers(door: Door, forwarded: Any = None, model: str = "m", stream: bool = False) -> dict[bytes, bytes]:
    return dict(door.headers({"model": model, "stream": stream}, forwarded))


@pytest.mark.parametrize(
    ("dialect", "model", "stream", "url"),
    [
        ("path: /chat", "m", False, "https://example.com/v1/chat"),
        ("path: '/models/{{ model }}:go'", "a/b:c d?", False, "https://example.com/v1/models/a%2Fb%3Ac%20d%3F:go"),
        ("path: \"/{{ 'stream' if stream else 'whole' }}\"", "m", True, "https://example.com/v1/stream"),
        ("path: /x, query: {alt: \"{{ 'sse' if stream }}\", v: '1'}", "m", False, "https://example.com/v1/x?v=1"),
        ("path: /x, query: {alt: \"{{ 'sse' if stream }}\", v: a&b}", "m", True, "https://example.com/v1/x?alt=sse&v=a%26b"),
        ("path: '/{{ place }}/x', values: {place: a/b}", "m", False, "https://example.com/v1/a%2Fb/x"),
    ],
)
def test_a_url_is_base_url_and_path_and_each_hole_is_one_segment(tmp_path, dialect, model, stream, url) -> None:
    assert provider(tmp_path, dialect).main.url(model=model, stream=stream) == url


@pytest.mark.parametrize(
    ("dialect", "url"),
    [
        ("query: {key: '{{ key }}', m: '{{ model }}', alt: \"{{ 'sse' if stream }}\"}", "https://example.com/v1/models?key=sk-secret"),
        ("query: {v: '1'}, models: {path: '/{{ place }}/list', query: {v: '2', limit: '9'}}, values: {place: eu}",
         "https://example.com/v1/eu/list?v=2&limit=9"),
        ("query: {v: '1'}, models: {query: {v: null}}", "https://example.com/v1/models"),
        ("models: null", None),
    ],
)  # fmt: skip
def test_the_list_of_models_is_asked_for_with_what_all_calls_carry(tmp_path: Path, dialect: str, url: str | None) -> None:
    """A key or a version in the query goes along; what names a model, or tells streams, does not."""
    assert provider(tmp_path, dialect).main.models_url() == url


def test_base_url_is_used_as_it_stands_defect_215_defect_173(tmp_path: Path) -> None:
    """Nothing is put between base_url and path, and nothing is taken away but one slash where both have it."""
    (tmp_path / "providers.yaml").write_text(
        "providers:\n  a: {type: openai, base_url: 'https://h/openai/v1'}\n  b: {type: openai, base_url: 'https://h/'}\n"
    )
    providers = load_configuration(tmp_path, {}).providers
    assert providers["a"].main.url(model="m", stream=False) == "https://h/openai/v1/chat/completions"
    assert providers["b"].main.url(model="m", stream=False) == "https://h/chat/completions"


@pytest.mark.parametrize("model", [".", ".."])
def test_a_model_cannot_climb_out_of_its_segment(tmp_path: Path, model: str) -> None:
    with pytest.raises(GatewayError, match="cannot stand in a URL"):
        provider(tmp_path, "path: '/models/{{ model }}/go'").main.url(model=model, stream=False)


def test_an_absent_hole_leaves_its_header_out(tmp_path: Path) -> None:
    found = headers(provider(tmp_path, "headers: {x-team: '{{ team }}', x-other: 'a {{ values.none }}'}, values: {team: null}").main)
    assert b"x-team" not in found
    assert b"x-other" not in found
    assert found[b"authorization"] == b"Bearer sk-secret"


def test_what_a_provider_declares_under_values_is_a_hole(tmp_path: Path) -> None:
    """The provider's value wins over the dialect's, and a model's stays a matter of templates."""
    found = provider(tmp_path, "headers: {x-team: 'team {{ team }}'}, values: {team: one}", "values: {team: two}")
    assert headers(found.main)[b"x-team"] == b"team two"


def test_a_variable_is_no_template(tmp_path: Path) -> None:
    """What stands in the environment is text, also where a text may hold holes."""
    assert headers(provider(tmp_path, more="headers: {x-region: '${REGION}'}").main)[b"x-region"] == b"eu {{ key }}"


def test_the_providers_headers_win_and_null_takes_away(tmp_path: Path) -> None:
    found = headers(provider(tmp_path, more="headers: {Authorization: null, api-key: '{{ key }}', Content-Type: x/y}").main)
    assert found == {b"api-key": b"sk-secret", b"content-type": b"x/y", b"user-agent": b"morello"}


def test_a_forwarded_header_wins_over_a_default_but_not_over_our_key(tmp_path: Path) -> None:
    dialect = "headers: {x-version: '1', x-auth: '{{ key }}'}, forward_request_headers: ['x-*', authorization, api-key]"
    door = provider(tmp_path, dialect).main
    sent = [(b"X-Version", b"2"), (b"x-auth", b"theirs"), (b"Authorization", b"Bearer theirs"), (b"x-more", b"3"),
            (b"x-api-key", b"theirs"), (b"cookie", b"c"), (b"api-key", b"theirs"), (b"y", b"4")]  # fmt: skip
    forwarded = door.dialect.forward_request_headers.choose(sent)
    assert forwarded == [(b"x-version", b"2"), (b"x-auth", b"theirs"), (b"x-more", b"3")]
    found = headers(door, forwarded)
    assert (found[b"x-version"], found[b"x-auth"], found[b"x-more"]) == (b"2", b"sk-secret", b"3")
    assert found[b"authorization"] == b"Bearer sk-secret"


def test_a_stream_has_headers_of_its_own(tmp_path: Path) -> None:
    door = provider(tmp_path, "stream: {headers: {accept: text/event-stream}}").main
    assert headers(door, stream=True)[b"accept"] == b"text/event-stream"
    assert b"accept" not in headers(door)


@pytest.mark.parametrize("key", ["sk\nx-evil: 1", "sk\rx", "sk\0x"])
def test_a_key_with_a_line_break_is_found_at_load(tmp_path: Path, key: str) -> None:
    """CR, LF and NUL in a header are errors; the message does not hold the key."""
    with pytest.raises(ConfigurationError) as raised:
        provider(tmp_path, key=key)
    assert "line break" in str(raised.value)
    assert "sk" not in str(raised.value)


def test_a_line_break_at_the_end_of_a_key_is_only_how_it_was_copied(tmp_path: Path) -> None:
    assert headers(provider(tmp_path, key="sk-secret\n").main)[b"authorization"] == b"Bearer sk-secret"


def test_a_model_with_a_line_break_is_refused_where_a_header_names_it(tmp_path: Path) -> None:
    door = provider(tmp_path, "headers: {x-model: '{{ model }}'}").main
    assert headers(door, model="m/1")[b"x-model"] == b"m/1"
    with pytest.raises(GatewayError) as raised:
        headers(door, model="m\r\nx-evil: 1")
    assert raised.value.status == 400


def test_a_further_dialect_is_taken_by_callers_of_its_family(tmp_path: Path) -> None:
    """`also:` says what differs; headers, query and key are the provider's; patches belong to the door they stand at."""
    (tmp_path / "providers.yaml").write_text(
        "providers:\n  d:\n    type: openai\n    base_url: https://h\n    key: ${KEY}\n    headers: {x-both: '1'}\n"
        "    patch: [{remove: /user}]\n    also:\n      anthropic: {base_url: 'https://h/anthropic', headers: {x-own: '2'}}\n"
    )
    found = load_configuration(tmp_path, {"KEY": "sk-secret"}).providers["d"]
    door = found.door("anthropic")
    assert door.url(model="m", stream=False) == "https://h/anthropic/v1/messages"
    assert {b"x-api-key": b"sk-secret", b"x-both": b"1", b"x-own": b"2"}.items() <= headers(door).items()
    assert (bool(door.patch), bool(found.main.patch)) == (False, True)
    assert found.door("openai") is found.door("nobody's") is found.main


def test_a_child_that_overrides_a_provider_side_template_does_not_pass_through(tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "mine"
    folder.mkdir(parents=True)
    (folder / "write_error.j2").write_text('{"error": {{ message }}}')
    passing = provider(tmp_path)
    assert (passing.dialect.family, passing.dialect.passes_through) == ("openai", True)
    (folder / "read_error.j2").write_text('{"type": "upstream", "message": "no"}')
    assert provider(tmp_path).dialect.passes_through is False


def test_values_and_defaults_merge_model_over_provider_over_dialect(tmp_path: Path) -> None:
    more = "values: {b: 2, c: 2}, defaults: {top_p: 2, seed: 2}, models: {m: {values: {c: 3}, defaults: {seed: 3}}}"
    found = provider(tmp_path, "values: {a: 1, b: 1, c: 1}, defaults: {max_tokens: 1, top_p: 1, seed: 1}", more)
    door, model = found.main, found.models["m"]
    assert door.merged_values(model.values) == {"a": 1, "b": 2, "c": 3}
    assert door.merged_defaults(model.defaults) == {"max_tokens": 1, "top_p": 2, "seed": 3}


def test_a_variable_in_a_value_fills_holes_as_any_text_does(tmp_path) -> None:
    """A value from the environment is text in URLs, in headers and for templates."""
    (tmp_path / "providers.yaml").write_text("""
providers:
  p:
    type: openai
    base_url: http://127.0.0.1:1
    query: {version: "{{ version }}"}
    headers: {x-region: "{{ values.region }}"}
    values: {version: "${THE_VERSION}", region: "r-${THE_VERSION}"}
""")
    provider = load_configuration(tmp_path, {"THE_VERSION": "v 1"}).providers["p"]
    assert provider.main.url(model="m", stream=False) == "http://127.0.0.1:1/chat/completions?version=v%201"
    assert (b"x-region", b"r-v 1") in provider.main.headers({"model": "m", "stream": False})
    assert {type(value) for value in provider.values.values() if isinstance(value, str)} == {str}
