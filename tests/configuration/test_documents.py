"""YAML as operators write it."""

from __future__ import annotations

import pytest

from handlers.engine.documents import Filled, Unset, read_document
from handlers.engine.problems import Problems


def read(text: str, environment: dict[str, str] | None = None, **more):
    problems = Problems()
    return read_document(text, "providers.yaml", environment or {}, problems, **more), problems


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("true", True), ("False", False), ("~", None), ("null", None),
        ("", None), ("0123", 123), ("0o17", 15), ("0x1F", 31), ("1e3", 1000.0), (".5", 0.5), ("1_000", "1_000"),
        ("2025-09-29", "2025-09-29"), ("12:30", "12:30"), ('"0123"', "0123"), ("'true'", "true"), ("!!str 12", "12"),
        ("08", 8), ("-7", -7), ("+7", 7), ("nil", "nil"), ("<<", "<<"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2_core(written: str, value: object) -> None:
    """`no` is text, 0123 is a number, dates are text."""
    document, problems = read(f"a: {written}\n")
    assert (document.data, problems) == ({"a": value}, [])
    assert type(document.data["a"]) is type(value)


def test_every_place_has_its_line() -> None:
    """The line of a value is that of its key, also inside flow collections; an unknown place has its parent's."""
    document, _ = read("a:\n  b: 1\n  c: {d: 2,\n    e: 3}\nf:\n  - x\n  - y: z\n")
    places = {("a", "b"): 2, ("a", "c", "e"): 4, ("f", 0): 6, ("f", 1, "y"): 7, ("a", "c", "gone", "deep"): 3}
    assert {place: document.line(place) for place in places} == places


def test_variables_are_filled_into_scalars_only() -> None:
    """A value can change neither structure nor kind: whatever it holds, it is part of one text."""
    evil = 'x", admin: true}\n- &a *a: {{ 7 * 7 }} #'
    document, problems = read('a: {b: "${EVIL}/v1", c: 5}\nd: ${NUMBER}\n', {"EVIL": evil, "NUMBER": "12"})
    assert problems == []
    assert document.data == {"a": {"b": evil + "/v1", "c": 5}, "d": "12"}
    filled = document.data["a"]["b"]
    assert isinstance(filled, Filled)
    assert (filled.written, filled.values) == ("${EVIL}/v1", (evil,))
    assert "{{ 7" not in filled.template


def test_a_variable_that_is_not_set_or_empty_is_known_by_place_and_name_defect_174() -> None:
    """`${NAME}` is never used literally as a value: the text is marked, and says which names are missing."""
    document, problems = read("p:\n  key: ${NOPE}\n  url: http://${EMPTY}/${NOPE}\n", {"EMPTY": ""})
    assert problems == []
    assert isinstance(document.data["p"]["key"], Unset)
    assert document.unset(("p",)) == [(("p", "key"), "NOPE"), (("p", "url"), "EMPTY"), (("p", "url"), "NOPE")]


def test_two_dollars_stand_for_one() -> None:
    """`$${NAME}` is the text `${NAME}`; raw sections are left as they are."""
    document, _ = read("a: $${HOME}\ntests: ['${HOME}']\n", raw=frozenset({"tests"}))
    assert document.data == {"a": "${HOME}", "tests": ["${HOME}"]}


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ("a: {key: ${FOO}}\n", "P009", 1, "${FOO} stands inside { } or [ ] without quotes"),
        ("a:\n  - {set: /x, value: ${FOO}}\n", "P009", 2, '"double quotes"'),
        ("a: [${X}]\n", "P009", 1, "${X}"),
        ("a: {x: ${A}/v1}\n", "P009", 1, "${A}"),
        ("a: b: c\n", "P001", 1, "mapping values are not allowed"),
        ("a:\n\tb: 1\n", "P001", 2, "Indent with spaces"),
        ("a:\n  b: {{ model }}\n", "P001", 2, 'put it in "quotes"'),
        ("a: &x [*x]\n", "P001", 1, "contains itself"),
        ("- 1\n", "P001", 1, "A mapping is expected"),
        ("a: {x: 1\nb: 2\n", "P001", 2, "not YAML"),
        ("a: 1\nb: 2\na: 3\n", "P006", 3, "first in line 1"),
        ("a: *nowhere\n", "P001", 1, "nowhere"),
        ("a: ${not a name}\n", "P002", 1, "not the name of a variable"),
        ("a: 'x\n", "P001", 2, "not YAML"),
        ("a: 1\n---\nb: 2\n", "P001", 2, "not YAML"),
        ("a: \x00\n", "P001", 0, "not YAML"),
    ],
)
def test_what_is_wrong_with_the_file_has_a_line_and_a_sentence(text: str, code: str, line: int, words: str) -> None:
    _, problems = read(text)
    assert [(problem.code, problem.level, problem.line) for problem in problems] == [(code, "error", line)]
    assert words in str(problems[0])
    assert str(problems[0]).startswith(f"providers.yaml:{line}  " if line else "providers.yaml  ")


def test_duplicate_ids_are_refused_defect_176() -> None:
    """Two providers of one id: an error with both lines, not the last one wins."""
    _, problems = read("providers:\n  a: {type: openai}\n  a: {type: openai}\n")
    assert [str(problem) for problem in problems] == [
        "providers.yaml:3  P006 error    'a' is written twice here, first in line 2. Keep one."
    ]


def test_an_empty_file_is_an_empty_mapping() -> None:
    document, problems = read("# nothing yet\n")
    assert (document.data, problems) == ({}, [])
