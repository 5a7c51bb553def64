"""From the model a caller names to the provider that serves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.engine.configuration import Configuration, load_configuration
from handlers.engine.errors import GatewayError
from handlers.engine.resolving import resolve

TEXT = """\
providers:
  one: {type: openai, base_url: "http://localhost:1/v1", models: {gpt-4o: {}, "llama3:8b": {}, "org/model": {}}}
  two: {type: openai, base_url: "http://localhost:2/v1", models: any}
  three: {type: anthropic, base_url: "http://localhost:3", models: {gpt-4o: {}, claude: {}}}
  unset: {type: openai, base_url: "http://localhost:4/v1", key: "${NOT_SET_ANYWHERE}", models: {gpt-4o: {}, big-one: {}}}
  away: {type: openai, base_url: "http://localhost:5/v1", enabled: false}
aliases:
  fast: one:gpt-4o
  best: [unset:gpt-4o, away:x, three:claude]
  never: [unset:gpt-4o, away:x]
  "one:other": three:claude
"""


@pytest.fixture(scope="module")
def configuration(tmp_path_factory) -> Configuration:
    home: Path = tmp_path_factory.mktemp("home")
    (home / "providers.yaml").write_text(TEXT)
    return load_configuration(home, {})


@pytest.mark.parametrize(
    ("model", "provider_id", "provider", "model_id"),
    [
        pytest.param("one:gpt-4o", None, "one", "gpt-4o", id="provider and model"),
        pytest.param("one:llama3:8b", None, "one", "llama3:8b", id="defect_147 the first colon only"),
        pytest.param("one:org/model", None, "one", "org/model", id="defect_147 a slash in the id"),
        pytest.param("two:a:b:c", None, "two", "a:b:c", id="any id is let through"),
        pytest.param("two:two:x", None, "two", "two:x", id="a prefix is taken off once"),
        pytest.param("llama3:8b", "one", "one", "llama3:8b", id="under a path the model's colon is its own"),
        pytest.param("one:llama3:8b", "one", "one", "llama3:8b", id="under a path its own prefix may stand"),
        pytest.param("three:x", "two", "two", "three:x", id="under a path another's prefix belongs to the model"),
        pytest.param("fast", "two", "two", "fast", id="under a path an alias is no alias"),
        pytest.param("fast", None, "one", "gpt-4o", id="an alias"),
        pytest.param("best", None, "three", "claude", id="an alias takes the first that is on"),
        pytest.param("one:other", None, "three", "claude", id="an alias wins over a provider's prefix"),
    ],
)
def test_where_a_call_goes(configuration, model, provider_id, provider, model_id) -> None:
    target = resolve(configuration, model, provider_id)
    assert (target.provider.id, target.model_id, target.requested) == (provider, model_id, model)


@pytest.mark.parametrize(
    ("model", "provider_id", "status", "code", "words"),
    [
        ("gpt-4o", None, 400, "model_without_provider", "needs its provider before it: one:gpt-4o, three:gpt-4o."),
        ("llama3:8b", None, 400, "model_without_provider", "one:llama3:8b"),
        ("model", None, 400, "model_without_provider", "one:org/model"),
        ("gpt4o", None, 404, "model_not_found", "Did you mean 'one:gpt-4o'"),
        ("one:gpt-40", None, 404, "model_not_found", "Did you mean 'gpt-4o'?"),
        ("oen:gpt-4o", None, 404, "model_not_found", "there is no provider 'oen'. Did you mean 'one'"),
        ("one:zzzzzzzzzzz", None, 404, "model_not_found", "It has: gpt-4o, llama3:8b, org/model."),
        ("two:", None, 404, "model_not_found", "has no model ''"),
        ("", None, 404, "model_not_found", "names no provider"),
        (":", None, 404, "model_not_found", "names no provider"),
        ("big-one", None, 404, "provider_off", "'unset:big-one' cannot be asked: the provider 'unset' is off: NOT_SET_ANYWHERE"),
        ("unset:gpt-4o", None, 404, "provider_off", "'unset' is off: NOT_SET_ANYWHERE is not set."),
        ("away:x", None, 404, "provider_off", "'away' is off: it is switched off (enabled: false)."),
        ("never", None, 404, "provider_off", "unset is off: NOT_SET_ANYWHERE is not set; away is off"),
        ("x", "oen", 404, "provider_not_found", "no provider 'oen'. Did you mean 'one'"),
        ("x", "unset", 404, "provider_off", "NOT_SET_ANYWHERE"),
        ("x\r\ny: z", None, 404, "model_not_found", "'x??y: z'"),
        ("é" * 100_000, None, 404, "model_not_found", "…"),
    ],
)
def test_what_names_nothing_is_told_in_one_sentence(configuration, model, provider_id, status, code, words) -> None:
    """The sentence helps: who has a model of that name, what is spelt like it, why a provider is off."""
    with pytest.raises(GatewayError) as raised:
        resolve(configuration, model, provider_id)
    assert (raised.value.status, raised.value.code) == (status, code)
    assert words in raised.value.message
    assert len(raised.value.message) < 1000
