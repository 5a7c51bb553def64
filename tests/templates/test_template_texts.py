"""Texts with holes: paths and headers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from templates.workbench import compiler

from handlers.engine.errors import ConfigurationError, TemplateError

INPUTS = ("key", "model", "stream", "values")


@pytest.mark.parametrize(
    ("text", "given", "value"),
    [
        ("Bearer {{ key }}", {"key": "k"}, "Bearer k"),
        ("Bearer {{ key }}", {}, None),
        ("{{ values.version }}", {"values": {"version": 3}}, "3"),
        ("{{ values.version }}", {"values": {}}, None),
        ("plain, with } and %", {}, "plain, with } and %"),
        ("", {}, ""),
        ("a\n", {}, "a\n"),
        ("/{{ model }}:{{ 'stream' if stream else 'generate' }}", {"model": "m", "stream": True}, "/m:stream"),
        ("{{ stream }}", {"stream": True}, "true"),
        ("{{ model | upper }}-{{ values.x or 'none' }}", {"model": "m"}, "M-none"),
    ],
)
def test_a_text_is_filled(text: str, given: dict[str, Any], value: str | None) -> None:
    """Holes are filled with texts, numbers and booleans; an absent hole makes the whole text absent."""
    assert compiler({}).compile_text(text, inputs=INPUTS)(given) == value


def test_each_hole_is_encoded_by_itself() -> None:
    """In a path each hole is one segment; what is written out is left alone."""
    text = compiler({}).compile_text("/a/{{ model }}/b", inputs=INPUTS, encode=lambda hole: quote(hole, safe=""))
    assert text({"model": "x/y z"}) == "/a/x%2Fy%20z/b"


def test_a_text_without_holes_is_known_beforehand() -> None:
    """`constant` saves the call; `reads` names the inputs."""
    compile_text = compiler({}).compile_text
    assert compile_text("v1", inputs=INPUTS).constant == "v1"
    assert compile_text("{{ key }}", inputs=INPUTS).constant is None
    assert compile_text("{{ key }} {{ values.x or model }}", inputs=INPUTS).reads == {"key", "values", "model"}


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        ("Bearer {{ kee }}", "`kee` is not known here. Did you mean 'key'?", 7),
        ("{{ key | nope }}", "no filter `nope`", 7),
        ("a\n{{ key", "unexpected end of template", 8),
        ("{% if key %}a{% endif %}", "no statements", 7),
        ("{{ dialect }}", "`dialect` is not known here", 7),
        ("{{ key.upper() }}", "only macros can be called", 7),
    ],
)
def test_mistakes_in_a_text_are_told_with_its_place(text: str, says: str, line: int) -> None:
    """File and line are those of the configuration that holds the text."""
    with pytest.raises(ConfigurationError) as caught:
        compiler({}).compile_text(text, inputs=INPUTS, where=("providers.yaml", 7))
    assert says.lower() in str(caught.value).lower()
    assert (caught.value.file, caught.value.line) == ("providers.yaml", line)


def test_a_list_in_a_text_fails() -> None:
    """What cannot be part of a text is a TemplateError."""
    with pytest.raises(TemplateError) as caught:
        compiler({}).compile_text("{{ values }}", inputs=INPUTS, where=("providers.yaml", 7))({"values": {}})
    assert (caught.value.path, caught.value.line) == ("providers.yaml", 7)
