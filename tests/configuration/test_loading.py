"""From providers.yaml to the configuration in force."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from handlers.engine.configuration import Configuration, load_configuration, read_configuration
from handlers.engine.errors import ConfigurationError
from handlers.engine.resolving import resolve


def load(home: Path, text: str, environment: dict[str, str] | None = None) -> Configuration:
    (home / "providers.yaml").write_text(text)
    return load_configuration(home, environment or {})


def found(home: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    """Errors and warnings, as lint prints them."""
    (home / "providers.yaml").write_text(text)
    problems = read_configuration(home, environment or {}).problems
    return [str(problem) for problem in problems if problem.level != "note" and problem.file == "providers.yaml"]


FOUR_LINES = """\
providers:
  my-openai:
    type: openai
    base_url: http://127.0.0.1:9/v1
"""


def test_four_lines_are_a_working_configuration(tmp_path: Path) -> None:
    """One provider of type openai: the dialects are the bundled ones, any model is let through, nobody else is there."""
    configuration = load(tmp_path, FOUR_LINES)
    assert list(configuration.providers) == ["my-openai"]
    assert {"openai", "anthropic", "demo"} <= set(configuration.dialects)
    target = resolve(configuration, "my-openai:any/model:1")
    assert (target.provider.off, target.model_id) == (None, "any/model:1")
    door = target.provider.door("openai")
    assert door.url(model="any/model:1", stream=True) == "http://127.0.0.1:9/v1/chat/completions"
    assert b"authorization" not in dict(door.headers({"model": "m", "stream": False}))


def test_without_a_home_file_the_bundled_one_counts(tmp_path: Path) -> None:
    """Everything can be tried a minute after cloning: demo is on, local ones are on, who needs a key is off."""
    configuration = load_configuration(tmp_path, {})
    assert {"demo", "ollama", "lmstudio"} == set(configuration.on)
    assert configuration.providers["openai"].off == "OPENAI_API_KEY is not set"
    assert configuration.providers["azure"].off == "AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY are not set"


def test_sections_replace_the_bundled_ones_whole_and_dialects_by_name(tmp_path: Path) -> None:
    configuration = load(
        tmp_path,
        "dialects:\n  mine: {like: openai, path: /mine}\naliases: {small: 'demo:echo'}\n",
    )
    assert "demo" in configuration.providers
    assert {"mine", "openai"} <= set(configuration.dialects)
    assert configuration.aliases == {"small": ["demo:echo"]}
    assert configuration.origins["aliases"] == "providers.yaml"
    assert configuration.origins["providers"] != "providers.yaml"


def test_env_file_in_the_home_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MY_KEY=sk-from-the-file\nMORELLO_API_KEY=mine-1234\n")
    configuration = load(tmp_path, FOUR_LINES + "    key: ${MY_KEY}\n")
    given = dict(configuration.providers["my-openai"].main.headers({"model": "m", "stream": False}))
    assert given[b"authorization"] == b"Bearer sk-from-the-file"
    assert configuration.environment["MORELLO_API_KEY"] == "mine-1234"
    assert configuration.secrets == ["sk-from-the-file", "mine-1234"]


def test_secrets_are_not_in_what_is_printed_defect_195(tmp_path: Path) -> None:
    """Neither repr nor str of anything loaded shows a key, nor do the problems."""
    text = FOUR_LINES + "    key: ${A}\n    headers: {x-more: '${B}'}\nkeys: {me: '${C}'}\n"
    secret = {"A": "secret-one", "B": "secret-two", "C": "secret-three"}
    configuration = load(tmp_path, text, secret)
    provider = configuration.providers["my-openai"]
    printed = " ".join(map(repr, [configuration, provider, provider.key, provider.main, str(provider.key)]))
    assert not any(value in printed for value in secret.values())
    assert sorted(configuration.secrets) == sorted(secret.values())


def test_a_provider_whose_variable_is_not_set_is_off_and_says_why_defect_174(tmp_path: Path) -> None:
    """Anywhere inside a provider; the rest works, and the warning has the line."""
    text = FOUR_LINES + "    headers: {x-team: '${TEAM}'}\n  other: {type: openai, base_url: 'http://localhost/v1'}\n"
    configuration = load(tmp_path, text)
    assert configuration.providers["my-openai"].off == "TEAM is not set"
    assert list(configuration.on) == ["other"]
    warning = "providers.yaml:5  P002 warning  providers.my-openai.headers.x-team: TEAM is not set, so my-openai is off."
    assert f"{warning} Set TEAM in the environment or in .env." in configuration.warnings


def test_a_variable_that_is_not_set_elsewhere_stops_the_start(tmp_path: Path) -> None:
    """An open or half-open gateway is worse than none."""
    with pytest.raises(ConfigurationError, match=r"^providers\.yaml:6: keys\.laptop: LAPTOP_KEY is not set\."):
        load(tmp_path, FOUR_LINES + "keys:\n  laptop: ${LAPTOP_KEY}\n")


def test_an_empty_key_stops_the_start_defect_175(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LAPTOP_KEY is not set"):
        load(tmp_path, FOUR_LINES + "keys: {laptop: '${LAPTOP_KEY}'}\n", {"LAPTOP_KEY": ""})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("providers:\n  a: {type: opneai, base_url: 'http://localhost'}\n",
         "providers.yaml:2  P005 error    providers.a.type: 'opneai' is not a dialect. Did you mean 'openai'?"),
        ("providers:\n  a: {type: openai}\n", "providers.yaml:2  P004 error    providers.a.base_url is missing."),
        ("providers:\n  a:\n    type: openai\n    base_ulr: http://localhost\n",
         "providers.yaml:4  P003 error    providers.a: 'base_ulr' is not known. Did you mean 'base_url'?"),
        ("providers:\n  v1: {type: openai, base_url: 'http://localhost'}\n",
         "providers.yaml:2  P010 error    providers: 'v1' is reserved."),
        ("providers:\n  A: {type: openai, base_url: 'http://localhost'}\n",
         "providers.yaml:2  P010 error    providers: 'A' cannot be an id."),
        ("providers:\n  a: {type: openai, base_url: 'localhost:1'}\n",
         "providers.yaml:2  P004 error    providers.a.base_url is not an address."),
        ("providers:\n  a: {type: openai, base_url: 'http://localhost/v1?x=1'}\n",
         "providers.yaml:2  P004 error    providers.a.base_url holds a query."),
        ("providers:\n  a: {type: openai, base_url: 'http://example.com/v1'}\n",
         "providers.yaml:2  P008 warning  providers.a.base_url: prompts and the key go to example.com unencrypted."),
        ("providers:\n  a: {type: openai, base_url: 'https://example.com/v1', key: sk-1234567}\n",
         "providers.yaml:2  P007 warning  providers.a.key: a key is written in the file."),
        ("providers:\n  a: {type: openai, base_url: 'http://localhost', key: 1234}\n",
         "providers.yaml:2  P004 error    providers.a.key: text is expected, not a whole number. Put it in quotes."),
        ("providers:\n  a: {type: openai, base_url: 'http://localhost', also: {anthropc: {}}}\n",
         "providers.yaml:2  P005 error    providers.a.also.anthropc: 'anthropc' is not a dialect. Did you mean 'anthropic'?"),
        ("providers:\n  a:\n    type: openai\n    base_url: http://localhost\n    patch:\n      - {rename: /x}\n",
         "providers.yaml:6  P003 error    providers.a.patch[0]: 'rename' is not known."),
        ("providers:\n  a:\n    type: openai\n    base_url: http://localhost\n    patch:\n      - {set: /x}\n",
         "providers.yaml:6  P012 error    This patch cannot work: set needs a value."),
        ("providers:\n  a:\n    type: openai\n    base_url: http://localhost\n    headers:\n      X-A: '{{ modle }}'\n",
         "providers.yaml:6  P013 error    headers.x-a: `modle` is not known here. Did you mean 'model'?"),
        ("providers:\n  a:\n    type: openai\n    base_url: http://localhost\n    headers:\n      X-A: \"a\\nb\"\n",
         "providers.yaml:6  P013 error    The header x-a holds a line break."),
        ("dialects:\n  mine: {like: opnai}\n",
         "providers.yaml:2  P005 error    dialects.mine.like: 'opnai' is not a dialect. Did you mean 'openai'?"),
        ("dialects:\n  a: {like: b}\n  b: {like: a}\n", "providers.yaml:3  P005 error    dialects.a: a → b → a is a circle."),
        ("dialects:\n  mine: {path: /x}\n",
         "providers.yaml:2  L001 error    dialects.mine: there is no template in templates/mine/."),
        ("aliases:\n  x: demo:nobody\n", "providers.yaml:2  P011 error    aliases.x: the provider 'demo' has no model 'nobody'."),
        ("aliases:\n  x: dmo:echo\n", "providers.yaml:2  P011 error    aliases.x: there is no provider 'dmo'. Did you mean 'demo'?"),
        ("aliases:\n  x: echo\n", "providers.yaml:2  P004 error    aliases.x: This does not have the right form."),
        ("keys:\n  me: written-here\n", "providers.yaml:2  P007 warning  keys.me: a key is written in the file."),
        ("keys:\n  me: ''\n", "providers.yaml:2  P004 error    keys.me: This must not be empty."),
        ("provders: {}\n", "providers.yaml:1  P003 error    'provders' is not known. Did you mean 'providers'?"),
    ],
)  # fmt: skip
def test_each_mistake_has_a_line_a_sentence_and_what_to_do(tmp_path: Path, text: str, expected: str) -> None:
    """`file:line  CODE level  sentence hint`, one finding for one mistake."""
    problems = found(tmp_path, text)
    assert len(problems) == 1, problems
    assert problems[0].startswith(expected)


def test_a_start_stops_at_the_first_error_and_says_how_many_more_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"providers.yaml:2: .* \(and 1 more: `morello lint` lists them\)"):
        load(tmp_path, "providers:\n  a: {typ: openai}\n")


def test_a_wrong_provider_does_not_hide_what_is_wrong_with_the_next(tmp_path: Path) -> None:
    """Lint shows all in one run, by lines, and nothing that only follows from another finding."""
    text = "providers:\n  a: {type: 5}\n  b: {type: nope, base_url: x}\naliases:\n  c: a:m\n  d: z:m\n"
    assert [problem.split("  ")[0] for problem in found(tmp_path, text)] == [
        "providers.yaml:2", "providers.yaml:3", "providers.yaml:6",
    ]  # fmt: skip


def test_there_is_no_default_for_what_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_configuration(tmp_path, {})


def test_numbers_with_units_and_defaults(tmp_path: Path) -> None:
    text = FOUR_LINES + "    timeout: {connect: 500ms, read: 2m, write: 3}\n    retries: {answered: 2, statuses: [429]}\n"
    provider = load(tmp_path, text).providers["my-openai"]
    assert (provider.timeout.connect, provider.timeout.read, provider.timeout.write, provider.timeout.pool) == (0.5, 120, 3, 10)
    assert (provider.retries.unsent, provider.retries.answered, provider.retries.on) == (1, 2, {429})
    assert (provider.trust_env, provider.on_loss, provider.reasoning_scope) == (True, "report", "my-openai")


def test_how_many_connections_a_provider_gets_is_the_operator_s_business(tmp_path: Path) -> None:
    """Numbers and times as written; what is not written stays as it is."""
    text = FOUR_LINES + "    connections: {limit: 8, idle_for: 1500ms, age: 2m}\n"
    provider = load(tmp_path, text).providers["my-openai"]
    kept = provider.connections
    assert (kept.limit, kept.idle, kept.idle_for, kept.age) == (8, 1000, 1.5, 120)


def test_declared_models_are_dated_and_star_speaks_for_the_rest(tmp_path: Path) -> None:
    models = "    models:\n      a: {created: 2025-09-29, name: A}\n      b: {created: 12}\n      c:\n      '*': {defaults: {top_p: 1}}\n"
    provider = load(tmp_path, FOUR_LINES + models).providers["my-openai"]
    assert [(model.id, model.name, model.created) for model in provider.models.values()] == [
        ("a", "A", 1759104000), ("b", "b", 12), ("c", "c", None),
    ]  # fmt: skip
    assert provider.any_model
    assert provider.model("other") is not None
    assert provider.model("other").defaults == {"top_p": 1}


def test_ten_thousand_models_of_three_hundred_providers_are_looked_up_in_no_time(tmp_path: Path) -> None:
    """Looking up is a dict's work however many there are; even an error does not walk far."""
    lines = ["providers:"]
    for number in range(300):
        models = ", ".join(f"model-{number}-{index}: {{}}" for index in range(34))
        lines.append(f"  p{number}: {{type: openai, base_url: 'http://localhost:1/v1', models: {{{models}}}}}")
    configuration = load(tmp_path, "\n".join(lines))
    start = time.process_time()
    for number in range(300):
        assert resolve(configuration, f"p{number}:model-{number}-7").model_id == f"model-{number}-7"
    assert time.process_time() - start < 0.05
