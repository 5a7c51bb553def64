"""Binding: each operation finds its function when the gateway starts, or the start fails in plain words."""

from __future__ import annotations

import copy
import importlib
import inspect
from pathlib import Path

import pytest
from contract.asgi import SMALL, Plain, ask_now, small_app

import handlers
from handlers.engine.contract import ContractResolver, load_document, operations
from handlers.engine.errors import ConfigurationError

REAL = Path(handlers.__file__).parent.parent / "openapi" / "openapi.yaml"


@pytest.fixture
def document():
    return copy.deepcopy(load_document(SMALL))


def start(document, package="contract.small"):
    ask_now(small_app(document, package), "GET", "/health")


def test_a_missing_function_stops_the_start(document):
    document["paths"]["/health"]["get"]["operationId"] = "getWealth"
    with pytest.raises(ConfigurationError, match=r"getWealth needs `async def get_wealth.* in contract\.small\.open"):
        start(document)


def test_a_missing_module_stops_the_start(document):
    document["paths"]["/health"]["get"]["tags"] = ["closedDoors"]
    with pytest.raises(ConfigurationError, match=r"module contract\.small\.closed_doors, which does not exist"):
        start(document)


def test_an_operation_needs_a_tag(document):
    del document["paths"]["/health"]["get"]["tags"]
    with pytest.raises(ConfigurationError, match="needs an operationId and a tag"):
        start(document)


def test_a_function_that_is_no_coroutine_does_not_count(document, monkeypatch):
    monkeypatch.setattr("contract.small.open.get_health", lambda: Plain({}))
    with pytest.raises(ConfigurationError, match="async def get_health"):
        start(document)


def test_a_function_may_ask_only_for_what_the_contract_gives(document, monkeypatch):
    async def get_health(color):
        return Plain({"color": color})

    monkeypatch.setattr("contract.small.open.get_health", get_health)
    with pytest.raises(ConfigurationError, match="getHealth asks for color"):
        start(document)


def test_an_error_inside_a_module_is_not_taken_for_a_missing_one(document, monkeypatch):
    document["paths"]["/health"]["get"]["tags"] = ["broken"]
    wanted = importlib.import_module

    def import_module(name):
        if name.endswith(".broken"):
            raise ModuleNotFoundError("No module named 'absent'", name="absent")
        return wanted(name)

    monkeypatch.setattr(importlib, "import_module", import_module)
    with pytest.raises(ModuleNotFoundError, match="absent"):
        start(document)


def test_what_can_not_be_enforced_is_refused(document):
    document["components"]["securitySchemes"]["apiKeyAuth"]["in"] = "query"
    with pytest.raises(ConfigurationError, match="apiKeyAuth is none that can be enforced"):
        start(document)


def test_the_file_is_data_not_a_template_and_not_yaml_1_1(tmp_path):
    """Dates stay text, `no` stays text, braces stay braces."""
    file = tmp_path / "openapi.yaml"
    text = "a: 2024-01-01, b: no, c: '{{ x }}', d: true, e: 1, f: on, g: 12:30:45, h: 0123, i: -1.5e3, j: null, k: '1'"
    file.write_text(f"{{paths: {{}}, {text}}}", "utf-8")
    assert load_document(file) == {
        "paths": {}, "a": "2024-01-01", "b": "no", "c": "{{ x }}", "d": True, "e": 1, "f": "on", "g": "12:30:45",
        "h": "0123", "i": -1500.0, "j": None, "k": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("paths: {}\na: b: c", r"openapi\.yaml:2"), ("[]", "has no `paths`"), (None, "cannot be read")],
)
def test_a_file_that_can_not_be_used_is_named(tmp_path, text, complaint):
    file = tmp_path / "openapi.yaml"
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=complaint):
        load_document(file)


# ---- the real contract ----------------------------------------------------------------------------------------------


def test_every_operation_has_a_handler():
    found = ContractResolver().check(load_document(REAL))
    assert len(found) == len(operations(load_document(REAL)))


def test_every_exported_handler_has_an_operation():
    """A public coroutine function in a module that a tag names is an operation, or it belongs elsewhere."""
    bound = set(ContractResolver().check(load_document(REAL)).values())
    for module in {inspect.getmodule(each) for each in bound}:
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
            if not name.startswith("_") and function.__module__ == module.__name__:
                assert function in bound, f"{module.__name__}.{name} belongs to no operation"


def test_handlers_are_found_relative_to_the_package():
    """The package is `handlers` in a checkout and `morello.handlers` when installed; nothing names either."""
    assert ContractResolver().package == handlers.__name__
