"""Patches: JSON pointers, `*`, five operations, conditions, pure."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from handlers.engine.configuration import load_configuration
from handlers.engine.documents import Document
from handlers.engine.errors import ConfigurationError
from handlers.engine.patch_reading import read_patches
from handlers.engine.patches import Patches
from handlers.engine.problems import Problems


def patches(*declared: dict[str, Any]) -> Patches:
    problems = Problems()
    found = read_patches(Document("providers.yaml"), ("patch",), list(declared), problems)
    assert problems == []
    return found


CASES: list[tuple[str, list[dict[str, Any]], Any, Any]] = [
    ("set overwrites", [{"set": "/a", "value": 2}], {"a": 1}, {"a": 2}),
    ("set creates", [{"set": "/a/b/c", "value": 2}], {}, {"a": {"b": {"c": 2}}}),
    ("set goes into null", [{"set": "/a/b", "value": 2}], {"a": None}, {"a": {"b": 2}}),
    ("set in each element", [{"set": "/m/*/x", "value": 1}], {"m": [{}, {"x": 0}, "s"]}, {"m": [{"x": 1}, {"x": 1}, "s"]}),
    ("set by index", [{"set": "/m/1", "value": 9}], {"m": [1, 2]}, {"m": [1, 9]}),
    ("set beyond the end does nothing", [{"set": "/m/2", "value": 9}], {"m": [1, 2]}, {"m": [1, 2]}),
    ("set appends", [{"set": "/m/-", "value": 9}], {"m": [1, 2]}, {"m": [1, 2, 9]}),
    ("set in nothing for each", [{"set": "/m/*/x", "value": 1}], {}, {}),
    ("default fills", [{"default": "/a", "value": 2}], {}, {"a": 2}),
    ("default leaves what is there defect_129", [{"default": "/a", "value": 2}], {"a": 0}, {"a": 0}),
    ("default leaves null", [{"default": "/a", "value": 2}], {"a": None}, {"a": None}),
    ("default creates parents", [{"default": "/o/n", "value": 2}], {}, {"o": {"n": 2}}),
    ("default in each element", [{"default": "/m/*/x", "value": 1}], {"m": [{}, {"x": 0}]}, {"m": [{"x": 1}, {"x": 0}]}),
    ("remove", [{"remove": "/a"}], {"a": 1, "b": 2}, {"b": 2}),
    ("remove what is absent", [{"remove": "/x/y"}], {"a": 1}, {"a": 1}),
    ("remove in each element", [{"remove": "/m/*/x"}], {"m": [{"x": 1, "y": 2}, {"y": 3}]}, {"m": [{"y": 2}, {"y": 3}]}),
    ("remove each element", [{"remove": "/m/*"}], {"m": [1, 2]}, {"m": []}),
    ("remove nested each", [{"remove": "/m/*/c/*/z"}], {"m": [{"c": [{"z": 1}, {}]}, {}]}, {"m": [{"c": [{}, {}]}, {}]}),
    ("move", [{"move": "/a", "to": "/b"}], {"a": 1}, {"b": 1}),
    ("move overwrites", [{"move": "/a", "to": "/b"}], {"a": 1, "b": 2}, {"b": 1}),
    ("move what is absent", [{"move": "/a", "to": "/b"}], {"b": 2}, {"b": 2}),
    ("move null", [{"move": "/a", "to": "/b"}], {"a": None}, {"b": None}),
    ("move creates parents", [{"move": "/a", "to": "/o/p/a"}], {"a": 1}, {"o": {"p": {"a": 1}}}),
    ("move in each element", [{"move": "/m/*/x", "to": "/m/*/y/x"}], {"m": [{"x": 1}, {}]}, {"m": [{"y": {"x": 1}}, {}]}),
    ("move to the parent", [{"move": "/a/b", "to": "/a"}], {"a": {"b": 1}}, {"a": 1}),
    ("escapes", [{"remove": "/a~1b"}, {"set": "/c~0d", "value": 1}], {"a/b": 1}, {"c~d": 1}),
    ("in order", [{"move": "/a", "to": "/b"}, {"remove": "/b"}], {"a": 1}, {}),
    ("keep leaves the members it names", [{"keep": "/o", "members": ["a", "x"]}], {"o": {"a": 1, "b": 2}}, {"o": {"a": 1}}),
    ("keep in the whole body", [{"keep": "", "members": ["a"]}], {"a": {"b": 1}, "c": 2}, {"a": {"b": 1}}),
    ("keep in each element", [{"keep": "/m/*", "members": ["a"]}], {"m": [{"a": 1, "b": 2}, {"b": 1}, "s"]}, {"m": [{"a": 1}, {}, "s"]}),
    ("keep by index", [{"keep": "/m/1", "members": ["a"]}], {"m": [{"b": 1}, {"b": 1}]}, {"m": [{"b": 1}, {}]}),
    ("keep in what is absent", [{"keep": "/o/p", "members": ["a"]}], {"o": {}}, {"o": {}}),
    ("set where the value is one of a kind", [{"set": "/c", "value": "any", "when": {"value": {"const": "required"}}}], {"c": "required"}, {"c": "any"}),
    ("set not where it is another", [{"set": "/c", "value": "any", "when": {"value": {"const": "required"}}}], {"c": "auto"}, {"c": "auto"}),
    ("set not where there is none", [{"set": "/c", "value": "any", "when": {"value": {"const": "required"}}}], {}, {}),
    ("set in the elements that fit", [{"set": "/m/*/r", "value": "s", "when": {"value": {"const": "d"}}}], {"m": [{"r": "d"}, {"r": "u"}]}, {"m": [{"r": "s"}, {"r": "u"}]}),
    ("remove elements that fit", [{"remove": "/m/*", "when": {"value": {"type": "string"}}}], {"m": ["a", 1]}, {"m": [1]}),
    ("move what fits", [{"move": "/m/*/a", "to": "/m/*/b", "when": {"value": {"type": "string"}}}], {"m": [{"a": "x"}, {"a": 1}]}, {"m": [{"b": "x"}, {"a": 1}]}),
    ("keep of what fits", [{"keep": "/m/*", "members": ["r"], "when": {"value": {"properties": {"r": {"const": 1}}}}}], {"m": [{"r": 1, "x": 1}, {"r": 2, "x": 1}]}, {"m": [{"r": 1}, {"r": 2, "x": 1}]}),
    ("when the body is one of a kind", [{"remove": "/a", "when": {"body": {"required": ["b"]}}}], {"a": 1, "b": 1}, {"b": 1}),
    ("not when it is another", [{"remove": "/a", "when": {"body": {"required": ["b"]}}}], {"a": 1}, {"a": 1}),
    ("a star names a member of an object too? no", [{"remove": "/a/*"}], {"a": {"*": 1}}, {"a": {"*": 1}}),
]


@pytest.mark.parametrize(("declared", "before", "after"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_a_patch_does_what_it_says_and_leaves_the_body_it_was_given(declared, before, after) -> None:
    """Pure: a new dict comes back, and the one given is as it was."""
    given = copy.deepcopy(before)
    assert patches(*declared).apply(given, "any") == after
    assert given == before


def test_what_is_not_touched_is_shared() -> None:
    """A large body is not copied for a small patch."""
    body = {"messages": [{"role": "user"}], "user": "x"}
    result = patches({"remove": "/user"}).apply(body, "m")
    assert result["messages"] is body["messages"]


def test_what_has_nothing_to_do_gives_back_the_body_itself() -> None:
    body = {"a": 1}
    assert patches({"remove": "/x"}, {"move": "/y", "to": "/z"}, {"default": "/a", "value": 2}).apply(body, "m") is body


@pytest.mark.parametrize(
    ("globs", "model", "applies"),
    [("gpt-4*", "gpt-4o", True), ("gpt-4*", "gpt-5", False), (["a", "b/*"], "b/x", True), ("GPT*", "gpt", False)],
)
def test_when_restricts_a_patch_to_models(globs, model: str, applies: bool) -> None:
    found = patches({"remove": "/a", "when": {"models": globs}})
    assert found.apply({"a": 1}, model) == ({} if applies else {"a": 1})


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({}, "exactly one of set, default, remove, move and keep"),
        ({"set": "/a", "remove": "/a", "value": 1}, "exactly one"),
        ({"set": "/a"}, "set needs a value"),
        ({"remove": "/a", "value": 1}, "remove takes no value"),
        ({"move": "/a"}, "move needs to"),
        ({"remove": "/a", "to": "/b"}, "only move takes to"),
        ({"remove": "a"}, "does not begin with a slash"),
        ({"remove": "/a~2"}, "neither ~0 nor ~1"),
        ({"remove": ""}, "the whole body"),
        ({"move": "/a", "to": ""}, "the whole body"),
        ({"move": "/a", "to": "/a/b"}, "into itself"),
        ({"move": "/m/*/x", "to": "/x"}, "the same number of *"),
        ({"move": "/m/*/x", "to": "/n/*/x"}, "the same up to their last *"),
        ({"set": "/model", "value": "x"}, "declare an alias"),
        ({"keep": "/a"}, "keep needs members"),
        ({"remove": "/a", "members": ["b"]}, "only keep takes members"),
        ({"set": "/a", "value": 1, "when": {"value": {"type": "thing"}}}, "when.value is no JSON Schema"),
        ({"default": "/a", "value": 1, "when": {"value": True}}, "what is absent"),
    ],
)
def test_a_patch_that_cannot_work_is_found_at_load(declared, words: str) -> None:
    problems = Problems()
    read_patches(Document("providers.yaml", None, {("patch", 0): 7}), ("patch",), [declared], problems)
    assert [(problem.code, problem.line) for problem in problems] == [("P012", 7)]
    assert words in str(problems[0])


HOME = """
dialects:
  parent: {like: openai, patch: [{default: /a, value: 1}, {set: /b, value: 1}]}
  child: {like: parent, patch: [{set: /b, value: 2}]}
providers:
  p: {type: child, base_url: "http://127.0.0.1:1", patch: [{set: /c, value: 3}]}
"""


def test_a_dialect_has_patches_that_come_before_its_childrens_and_its_providers(tmp_path) -> None:
    """What a parent mends is mended for all that are like it."""
    (tmp_path / "providers.yaml").write_text(HOME)
    configuration = load_configuration(tmp_path, {})
    assert configuration.dialects["parent"].patch.apply({}, "m") == {"a": 1, "b": 1}
    assert configuration.providers["p"].main.patch.apply({}, "m") == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize("patch", ["{remove: /model}", '{keep: "", members: [messages]}'])
@pytest.mark.parametrize(("path", "fine"), [("/chat", False), ("/models/{{ model }}/chat", True)])
def test_the_model_is_taken_out_only_where_something_else_names_it(tmp_path, patch: str, path: str, fine: bool) -> None:
    """Else nobody would know whom the call is for."""
    text = f"providers:\n  p: {{type: openai, base_url: 'http://127.0.0.1:1', path: '{path}',\n    patch: [{patch}]}}\n"
    (tmp_path / "providers.yaml").write_text(text)
    if fine:
        assert load_configuration(tmp_path, {}).providers["p"].main.patch.apply({"model": "m", "messages": []}, "m") == {"messages": []}
    else:
        with pytest.raises(ConfigurationError, match=r"providers\.yaml:3: .*takes the model out of the body"):
            load_configuration(tmp_path, {})
