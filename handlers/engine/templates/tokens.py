"""The words of a template: JSON's marks and literals, Jinja's holes and statements, each with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from jinja2 import nodes

from .problems import Problems

WORD = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<mark>[{}\[\]:,])"
    r'|(?P<text>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<number>-?\d[\d.eE+-]*)"
    r"|(?P<word>\w+)"
)
CONSTANTS = {"true": True, "false": False, "null": None}
MEANT = {"True": "true", "False": "false", "None": "null", "none": "null", "undefined": "null"}
LARGEST = 2**64 - 1


class Token(NamedTuple):
    kind: str  # a mark, or "literal", "hole", "statement"
    value: Any
    line: int


def tokens(body: Sequence[nodes.Node], problems: Problems) -> list[Token]:
    """The words of a Jinja body, in order."""
    found: list[Token] = []
    for node in body:
        if not isinstance(node, nodes.Output):
            found.append(Token("statement", node, node.lineno))
            continue
        for index, part in enumerate(node.nodes):
            if isinstance(part, nodes.TemplateData):
                followed = index + 1 < len(node.nodes) or node is not body[-1]
                found += _words(part.data, part.lineno, followed, problems)
            else:
                found.append(Token("hole", part, part.lineno))
    return found


def _words(text: str, line: int, followed: bool, problems: Problems) -> Iterator[Token]:
    at = 0
    while at < len(text):
        match = WORD.match(text, at)
        if match is None:
            _unreadable(text[at:], line, followed, problems)
        if match["mark"]:
            yield Token(match[0], None, line)
        elif match["text"] or match["number"] or match["word"]:
            yield Token("literal", _literal(match[0], line, problems), line)
        line += match[0].count("\n")
        at = match.end()


def _literal(word: str, line: int, problems: Problems) -> Any:
    if word in CONSTANTS:
        return CONSTANTS[word]
    if word in MEANT:
        problems.fail("T010", f"`{word}` is not JSON", line, f"Write {MEANT[word]}.")
    try:
        value = json.loads(word)
    except ValueError:
        hint = "Text needs double quotes, a value of the input a hole: {{ … }}." if word[0].isalpha() else ""
        problems.fail("T010", f"`{word}` is not JSON", line, hint)
    if type(value) is str and not value.isascii() and not writable(value):
        problems.fail("T010", f"`{word}` holds half of a character", line, "Surrogates come in pairs.")
    if type(value) is float and value in (float("inf"), float("-inf")):
        problems.fail("T010", f"`{word}` is too large for a number", line)
    if type(value) is int and not -(2**63) <= value <= LARGEST:
        problems.fail("T010", f"`{word}` does not fit into 64 bits", line)
    return value


def writable(text: str) -> bool:
    """Whether a text can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unreadable(text: str, line: int, followed: bool, problems: Problems) -> NoReturn:
    if text[0] == '"':
        if followed and "\n" not in text:
            hint = 'Leave the quotes out, or write {{ "…" ~ x }}.'
            problems.fail("T011", "a hole inside a JSON string", line, hint)
        problems.fail("T010", "a text that is never closed", line)
    hint = "JSON's texts have double quotes." if text[0] == "'" else ""
    problems.fail("T010", f"unexpected `{text[:20].splitlines()[0]}`", line, hint)
