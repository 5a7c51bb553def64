"""What templates mean, how they fail, and what is refused before they run."""

from __future__ import annotations

import copy
import re
import traceback
from typing import Any

import pytest
from templates.workbench import cases, compiled, compiler

from handlers.engine.errors import ConfigurationError, TemplateError
from handlers.engine.templates import CODES, Kind, build_explained


def by_law(name: str) -> list[Any]:
    return [pytest.param(case, id=case["law"]) for case in cases(name)]


@pytest.mark.parametrize("case", by_law("laws.yaml"))
def test_a_template_means_what_its_law_says(case: dict[str, Any]) -> None:
    """The value is the one of the law; the input is left as it was; the twin for `explain` gives the same."""
    template = compiled(case["template"], case.get("kind", "read_request"), case.get("files"))
    given = case.get("given", {})
    before = copy.deepcopy(given)
    value = template.function(given)
    assert repr(value) == repr_in_order(value, case["value"])
    assert given == before
    explained, lines = build_explained(template)(given)
    assert explained == value
    assert set(lines) <= pointers(value)


def repr_in_order(value: Any, expected: Any) -> str:
    """The repr of what is expected, members in the order of the value: 1, 1.0 and True differ, the order does not."""
    if isinstance(value, dict) and isinstance(expected, dict) and value.keys() == expected.keys():
        return "{" + ", ".join(f"{name!r}: {repr_in_order(value[name], expected[name])}" for name in value) + "}"
    if isinstance(value, list) and isinstance(expected, list) and len(value) == len(expected):
        return "[" + ", ".join(repr_in_order(*pair) for pair in zip(value, expected, strict=True)) + "]"
    return repr(expected)


def pointers(value: Any, pointer: str = "") -> set[str]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = set()
    for key, inner in pairs:
        step = f"{pointer}/{key}"
        found |= {step} | pointers(inner, step)
    return found


@pytest.mark.parametrize("case", by_law("failures.yaml"))
def test_a_failure_names_file_and_line(case: dict[str, Any]) -> None:
    """Whatever a template fails on, it is a TemplateError with the line that failed."""
    kind = case.get("kind", "read_request")
    template = compiled(case["template"], kind, case.get("files"))
    with pytest.raises(TemplateError) as caught:
        template.function(case["given"])
    assert (caught.value.path, caught.value.line) == (case.get("file", f"acme/{kind}.j2"), case["line"])
    assert re.search(case["says"], caught.value.reason), caught.value.reason
    assert caught.value.reason not in caught.value.message


@pytest.mark.parametrize("case", by_law("mistakes.yaml"))
def test_a_mistake_is_found_when_the_template_is_loaded(case: dict[str, Any]) -> None:
    """A ConfigurationError with code, file, line and a sentence; `problems` finds it too."""
    kind = case.get("kind", "read_request")
    text = case["template"]
    if text == "NESTED":
        text = '{"a": [' + "{% for x in body %}" * 25 + "1," + "{% endfor %}" * 25 + "]}"
    files = {f"{kind}.j2": text, **case.get("files", {})}
    with pytest.raises(ConfigurationError) as caught:
        compiled(text, kind, case.get("files"))
    error = caught.value
    assert re.search(case["says"], str(error), re.IGNORECASE), str(error)
    assert (error.code, error.file, error.line) == (case["code"], case.get("file", f"acme/{kind}.j2"), case["line"])
    assert error.code in CODES
    found = compiler(files).problems(f"acme/{kind}.j2", kind=Kind(kind), dialect="acme")
    assert str(found[0]) == str(error)


def test_every_code_has_a_mistake_that_shows_it() -> None:
    """The table of codes holds what can happen, T018 being a warning."""
    assert {case["code"] for case in cases("mistakes.yaml")} | {"T018"} == set(CODES)


def test_one_look_finds_more_than_one_problem() -> None:
    """Names, filters and duplicates are all told at once, in the order of the lines."""
    text = '{\n"a": {{ bdy }},\n"b": {{ body | nope }},\n"a": {{ body is wrong }}\n}'
    found = compiler({"read_request.j2": text}).problems("acme/read_request.j2", kind=Kind.READ_REQUEST, dialect="acme")
    assert [(problem.code, problem.line) for problem in found] == [
        ("T012", 2), ("T013", 3), ("T015", 4), ("T013", 4),
    ]  # fmt: skip


def test_a_file_of_macros_can_be_checked_by_itself() -> None:
    """A file that nothing imports yet is looked at all the same."""
    files = {
        "_parts.j2": "{% macro m(x) %}{{ x | nope }}{% endmacro %}",
        "_good.j2": "{% macro m(x) %}{{ x }}{% endmacro %}",
    }
    assert [problem.code for problem in compiler(files).problems("acme/_parts.j2", kind=None, dialect="acme")] == [
        "T013"
    ]
    assert compiler(files).problems("acme/_good.j2", kind=None, dialect="acme") == []


@pytest.mark.parametrize(
    ("kind", "type", "status"),
    [
        ("read_request", "invalid_request", 400),
        ("read_response", "upstream", 502),
        ("write_request", "internal", 500),
        ("write_response", "internal", 500),
        ("read_error", "upstream", 502),
        ("write_error", "internal", 500),
    ],
)
def test_the_kind_of_template_says_whose_fault_a_failure_is(kind: str, type: str, status: int) -> None:
    """400 in a client's reader, 502 in a provider's, 500 in a writer."""
    name = Kind(kind).inputs[0]
    with pytest.raises(TemplateError) as caught:
        compiled(f'{{"a": {{{{ {name} + 1 }}}}}}', kind).function({name: "text"})
    assert (caught.value.type, caught.value.status) == (type, status)


def test_a_traceback_points_into_the_template() -> None:
    """The frame of a failure has the template's own file and line."""
    with pytest.raises(TemplateError) as caught:
        compiled('{\n"a": 1,\n"b": {{ body + 1 }}}').function({"body": None})
    frames = traceback.extract_tb(caught.value.__cause__.__traceback__)  # type: ignore[union-attr]
    assert ("acme/read_request.j2", 3) in [(frame.filename, frame.lineno) for frame in frames]


def test_results_never_alias_what_the_template_holds() -> None:
    """Constants are given away as copies: who changes a result does not change the next one."""
    text = """{% set table = {"a": {"b": [1]}} %}{% set flat = {"c": 1} %}{% set list = [1] %}
    {"a": {{ table }}, "b": {{ table.a }}, "c": {{ flat }}, "d": {{ list }}, "e": {{ {"x": [2]}.x }}, "f": {{ [] }},
     "g": [], "h": [{% for x in [[1]] %}{{ x }},{% endfor %}], "i": {{ body.x or {} }}, "j": {{ body.x | default([1]) }},
     "k": {{ body.x | or_empty }}, "l": {{ list | last }}, "m": {{ [[3]][body.i] }}}"""
    template = compiled(text)
    given = {"body": {"i": 0}}
    expected = template.function(given)

    def spoil(value: Any) -> None:
        if isinstance(value, dict):
            for member in list(value.values()):
                spoil(member)
            value["spoilt"] = True
        elif isinstance(value, list):
            for element in list(value):
                spoil(element)
            value.append("spoilt")

    first = template.function(given)
    spoil(first)
    assert template.function(given) == expected


def test_unused_names_are_warnings() -> None:
    """Imports, macros, parameters and sets that nothing uses are told, and stop nothing."""
    text = """{% from "_parts.j2" import one, two %}
{% set left = 1 %}
{% macro lonely(x, y) %}{{ x }}{% endmacro %}
{"a": {{ one() }}}"""
    parts = "{% macro one() %}1{% endmacro %}{% macro two() %}2{% endmacro %}"
    template = compiled(text, files={"_parts.j2": parts})
    assert [(str(w.sentence), w.line, w.code) for w in template.warnings] == [
        ("`two` is never used.", 1, "T018"),
        ("`lonely` is never used.", 3, "T018"),
        ("`y` is never used.", 3, "T018"),
        ("`left` is never used.", 2, "T018"),
    ]
