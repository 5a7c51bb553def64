"""The words of templates: each documented, with an example that holds, in the table for the README."""

from __future__ import annotations

import doctest
import inspect
from typing import Any

import pytest
from templates.workbench import compiled

from handlers.engine import vocabulary, vocabulary_lists, vocabulary_numbers, vocabulary_tests, vocabulary_text
from handlers.engine.templates import arithmetic, problems, runtime, values
from handlers.engine.templates.expressions import INLINE_TESTS

VALUES: list[Any] = [None, "", "a", 0, 1, 1.5, True, False, [], [1], {}, {"a": 1}]


WITH_EXAMPLES = [
    vocabulary_text,
    vocabulary_lists,
    vocabulary_numbers,
    vocabulary_tests,
    runtime,
    arithmetic,
    values,
    problems,
]


@pytest.mark.parametrize("module", WITH_EXAMPLES, ids=lambda module: module.__name__)
def test_every_example_holds(module: Any) -> None:
    """The examples in the docstrings are run."""
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", vocabulary.FILTERS)
def test_every_filter_is_documented_with_an_example(name: str) -> None:
    """A word without a sentence and an example is not in the language."""
    assert ">>> " in (inspect.getdoc(vocabulary.FILTERS[name]) or "")


@pytest.mark.parametrize("name", vocabulary.TESTS)
def test_every_test_is_documented(name: str) -> None:
    """A test says what it is true of."""
    assert inspect.getdoc(vocabulary.TESTS[name])


def test_the_table_has_each_word() -> None:
    """The README's table is made from the docstrings: a row for each filter, and for each test that has an example."""
    words = [row.split(" | ")[0] for row in vocabulary.table().splitlines()]
    for name in [*vocabulary.FILTERS, *(f"is {test}" for test in vocabulary.TESTS)]:
        assert any(f"`{name}`" in word or f"`{name}(" in word for word in words), name


@pytest.mark.parametrize("name", INLINE_TESTS)
def test_tests_that_are_written_as_operators_mean_the_same(name: str) -> None:
    """The compiler's shortcut for a test gives what the function gives."""
    function = compiled(f'{{"a": {{{{ body is {name} }}}}}}').function
    for value in VALUES:
        assert function({"body": value}) == {"a": vocabulary.TESTS[name](value)}, value


@pytest.mark.parametrize("name", ["or_empty", "default"])
def test_filters_that_are_written_as_operators_mean_the_same(name: str) -> None:
    """The compiler's shortcut for a filter gives what the function gives."""
    arguments = "" if name == "or_empty" else '("other")'
    more = [] if name == "or_empty" else ["other"]
    function = compiled(f'{{"a": [{{{{ body | {name}{arguments} }}}}]}}').function
    for value in VALUES:
        assert function({"body": value}) == {"a": [vocabulary.FILTERS[name](value, *more)]}, value


@pytest.mark.parametrize("name", vocabulary.FILTERS)
def test_a_filter_of_what_is_absent_does_not_fail(name: str) -> None:
    """Absent goes through every filter."""
    function = vocabulary.FILTERS[name]
    required = [
        parameter
        for parameter in list(inspect.signature(function).parameters.values())[1:]
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL
    ]
    expected = {"or_empty": [], "length": 0, "default": 1}.get(name)
    assert function(None, *[1 for _ in required]) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}),
        ("", ""),
        ("{", "{"),
        ("NaN", "NaN"),
        ('{"n": 18446744073709551615}', {"n": 18446744073709551615}),
        ('{"n": 18446744073709551616}', '{"n": 18446744073709551616}'),
        ('{"n": -9223372036854775808}', {"n": -9223372036854775808}),
        ('{"n": -9223372036854775809}', '{"n": -9223372036854775809}'),
        ('{"s": "123456789012345678901234567890"}', {"s": "123456789012345678901234567890"}),
        ('{"s": "\\"123456789012345678901234567890"}', {"s": '"123456789012345678901234567890'}),
        ("1" * 5000, "1" * 5000),
        ("0.1234567890123456789", 0.1234567890123456789),
        ("12345678901234567890123e5", 12345678901234567890123e5),
        ("[" * 100 + "]" * 100, None),
        ("[" * 101 + "]" * 101, "[" * 101 + "]" * 101),
        ("[" + "[]," * 200 + "[]]", [[]] * 201),
        ('"\\ud800"', '"\\ud800"'),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_from_json_keeps_what_it_cannot_hold_exactly_as_text(text: str, value: Any) -> None:
    """Numbers beyond 64 bits, nesting that could not be written again and what is no JSON stay text."""
    if value is None:
        value = []
        for _ in range(99):
            value = [value]
    found = vocabulary.from_json(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("url", "value"),
    [
        ("data:image/png;base64,AAAA", {"media_type": "image/png", "data": "AAAA"}),
        ("DATA:image/png;BASE64,AAAA", {"media_type": "image/png", "data": "AAAA"}),
        ("data:text/plain;charset=utf-8;base64,AAAA", {"media_type": "text/plain", "data": "AAAA"}),
        ("data:text/plain,a%20b", {"media_type": "text/plain", "data": "YSBi"}),
        ("data:;base64,AAAA", {"media_type": "image/*", "data": "AAAA"}),
        ("data:,", {"media_type": "image/*", "data": ""}),
        ("data:broken", {"url": "data:broken"}),
        ("https://example.com/data:x,y", {"url": "https://example.com/data:x,y"}),
    ],
)
def test_read_url_tells_data_from_addresses(url: str, value: dict[str, str]) -> None:
    """What stands in a data: URL is read as it is meant, with or without base64, media type and parameters."""
    assert vocabulary.read_url(url, "image/*") == value


def test_read_url_without_a_default_leaves_the_media_type_out() -> None:
    """Nothing is invented."""
    assert vocabulary.read_url("data:;base64,AAAA") == {"data": "AAAA"}
