"""The schemas that are bundled for dialects no caller speaks say what their vendors' own types say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rosetta.oracles import check_official
from rosetta.stories import PROVIDERS_ONLY, ROOT

from handlers.engine.configuration import Configuration, load_configuration
from handlers.engine.lint import lint
from handlers.engine.lint.speech import Speech


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    return load_configuration(ROOT, {})


def strange(value: Any) -> bool:
    """Whether a word that nobody knows stands in it: the vendors' types are closed."""
    return "unheard-of" in str(value)


def with_nothing_in(value: Any, names: tuple[str, ...] = ("auto", "any")) -> Any:
    """A value in which these objects are empty, as they always are: no specimen can be made of nothing."""
    if isinstance(value, list):
        return [with_nothing_in(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: {} if name in names else with_nothing_in(one, names) for name, one in value.items()}


@pytest.mark.parametrize("dialect", PROVIDERS_ONLY)
@pytest.mark.parametrize("what", ["request", "response"])
def test_what_the_schemas_allow_the_vendor_allows(configuration: Configuration, dialect: str, what: str) -> None:
    """Each specimen is one for the vendor's own package."""
    speech = Speech(configuration.dialects[dialect], configuration)
    assert not speech.problems
    specimens = [value for value in speech.own[what].specimens if not strange(value)]
    assert len(specimens) > 30
    for value in specimens:
        check_official(dialect, what, with_nothing_in(value), [])


def test_lint_tries_what_is_bundled(configuration: Configuration) -> None:
    """Every dialect that is spoken to providers says what its bodies look like, and nothing is found wrong."""
    assert [name for name, one in configuration.dialects.items() if one.speaks_to_providers and not one.schemas] == []
    assert list(map(str, lint(configuration, bundled=True).errors)) == []


def test_a_template_that_breaks_such_a_schema_is_told(tmp_path: Path) -> None:
    """At its line: an operator who changes a file of his own hears of it."""
    (tmp_path / "providers.yaml").write_text("providers: {p: {type: cohere, base_url: 'http://127.0.0.1:1', models: any}}\n")
    (tmp_path / "templates/cohere").mkdir(parents=True)
    text = (ROOT / "templates/cohere/write_request.j2").read_text("utf-8")
    line = next(number for number, one in enumerate(text.splitlines(), 1) if one.startswith('  "seed"'))
    (tmp_path / "templates/cohere/write_request.j2").write_text(text.replace('  "seed":', '  "sed":'))
    found = [str(problem) for problem in lint(load_configuration(tmp_path, {})).errors]
    assert any(one.startswith(f"templates/cohere/write_request.j2:{line}  L003") and "'sed'" in one for one in found), found
