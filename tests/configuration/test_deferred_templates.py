"""What is known to compile is compiled later; all else before anything starts."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from handlers.engine.checked_templates import CheckedTemplates
from handlers.engine.configuration import load_configuration
from handlers.engine.deferred_templates import DeferredFunction, DeferredTemplates
from handlers.engine.dialects import EIGHT
from handlers.engine.errors import ConfigurationError

HOME = """
dialects:
  own: {like: openai}
providers:
  mine: {type: own, base_url: "https://models.test/v1", models: {m: {}}}
"""


def home_with(folder: Path, template: str) -> Path:
    (folder / "templates" / "own").mkdir(parents=True)
    (folder / "templates" / "own" / "read_error.j2").write_text(template)
    (folder / "providers.yaml").write_text(HOME)
    return folder


@pytest.fixture(autouse=True)
def _nothing_compiled(monkeypatch):
    monkeypatch.setattr("handlers.engine.dialect_loading.COMPILED", {})


@pytest.fixture
def checked(tmp_path, monkeypatch) -> CheckedTemplates:
    """What a start has left behind, read again."""
    file = tmp_path / "state" / "checked-templates"
    load_configuration(tmp_path, {}, CheckedTemplates(file))
    monkeypatch.setattr("handlers.engine.dialect_loading.COMPILED", {})
    return CheckedTemplates(file)


def test_deferred_templates_are_the_same_functions(tmp_path, checked):
    """Whenever they are compiled, the same source comes out, for every bundled dialect."""
    later, now = load_configuration(tmp_path, {}, checked), load_configuration(tmp_path, {})
    assert now.dialects.keys() == later.dialects.keys()
    for name, dialect in now.dialects.items():
        assert isinstance(later.dialects[name].templates, DeferredTemplates)
        assert later.dialects[name].templates.keys() == dialect.templates.keys()
        for kind, template in dialect.templates.items():
            assert later.dialects[name].templates[kind].source == template.source


def test_a_dialect_that_has_settled_calls_its_functions_without_a_detour(tmp_path, checked):
    dialect = load_configuration(tmp_path, {}, checked).dialects["openai"]
    assert all(isinstance(getattr(dialect, kind), DeferredFunction) for kind in EIGHT)
    error = {"type": "rate_limit", "message": "Slowly!"}
    before = dialect.write_error(error)
    dialect.settle()
    assert not any(isinstance(getattr(dialect, kind), DeferredFunction) for kind in EIGHT)
    assert dialect.write_error(error) == before
    assert before["error"]["message"] == "Slowly!"


def test_the_first_start_compiles_all(tmp_path):
    """Nothing is put off before it has been compiled once."""
    dialects = load_configuration(tmp_path, {}, CheckedTemplates(tmp_path / "checked")).dialects
    assert not any(isinstance(dialect.templates, DeferredTemplates) for dialect in dialects.values())


def test_a_mistake_is_told_at_every_start(tmp_path):
    """What does not compile is never taken for checked, and a file that has changed since is looked at anew."""
    file, bad = tmp_path / "checked", '{"message": {{ body.message | unheard_of }} }'
    home = home_with(tmp_path, '{"message": {{ body.message }} }')
    load_configuration(home, {}, CheckedTemplates(file))
    (home / "templates" / "own" / "read_error.j2").write_text(bad)
    for _ in range(2):
        with pytest.raises(ConfigurationError) as caught:
            load_configuration(home, {}, CheckedTemplates(file))
        assert (caught.value.file, caught.value.line) == ("templates/own/read_error.j2", 1)


def test_a_place_that_cannot_be_written_is_no_reason_not_to_start(tmp_path):
    (tmp_path / "file").write_text("")
    assert load_configuration(tmp_path, {}, CheckedTemplates(tmp_path / "file" / "checked")).dialects


def test_threads_that_want_a_template_at_once_get_the_same_one():
    """It is compiled once, however many ask for it."""
    made: list[str] = []
    both = threading.Barrier(2)
    templates = DeferredTemplates(iter(("read_event",)), lambda kind: made.append(kind) or object())
    found: list[object] = []

    def ask() -> None:
        both.wait()
        found.append(templates["read_event"])

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == ["read_event"]
    assert found[0] is found[1]
    with pytest.raises(KeyError):
        templates["read_request"]
