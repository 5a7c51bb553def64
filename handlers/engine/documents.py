"""YAML as operators write it: read with ruamel.yaml, every place kept, so that each later complaint has a line.

The schema is YAML 1.2 core: `no` is text, 0123 is 123, dates are text. `${NAME}` is filled in from the environment in
scalars that are already parsed, so a value can change neither the structure nor the kind of anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from .problems import Problems

Path = tuple[str | int, ...]

VARIABLE = re.compile(r"\$(\$)?\{([^{}]*)\}")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
INTEGER = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
    ".inf": float("inf"), ".Inf": float("inf"), ".INF": float("inf"),
    "-.inf": float("-inf"), "-.Inf": float("-inf"), "-.INF": float("-inf"),
    ".nan": float("nan"), ".NaN": float("nan"), ".NAN": float("nan"),
}  # fmt: skip
"""The plain scalars of YAML 1.2 core that are neither text nor digits."""


class Filled(str):
    """Text into which variables were filled.

    `written` is the text as it stands in the file, `values` the filled-in values (secrets, for all we know), and
    `template` the same text with the values' braces made harmless, for texts that may hold `{{ }}`.
    """

    __slots__ = ("template", "values", "written")
    written: str
    template: str
    values: tuple[str, ...]


class Unset(str):
    """Text whose variables are not all set; `names` are the missing ones. The text is as written."""

    __slots__ = ("names",)
    names: tuple[str, ...]


class Document:
    """One file: `data` is plain values, `line(path)` where a value stands, `file` its name for messages."""

    def __init__(self, file: str, data: Any = None, lines: dict[Path, int] | None = None) -> None:
        self.file = file
        self.data = data
        self.lines = lines or {}
        self.refused: dict[str, Any] = {}
        """Providers whose form is wrong, by id: they are not loaded."""
        self.names = {key: frozenset(map(str, value)) for key, value in self.sections()}

    def sections(self) -> list[tuple[str, dict[str, Any]]]:
        """The top-level mappings. `names` keeps their keys as written, also where an entry is refused later."""
        found = self.data.items() if isinstance(self.data, dict) else ()
        return [(key, value) for key, value in found if isinstance(value, dict)]

    def line(self, path: Path) -> int:
        """The line (from 1) of the key or value at `path`, else of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def section(self, name: str) -> dict[str, Any]:
        """A top-level mapping, empty where it is absent or is not one."""
        return self.at((name,))

    def at(self, path: Path) -> dict[str, Any]:
        """The mapping at `path`, empty where there is none."""
        value = self.data
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}

    def unset(self, path: Path = ()) -> list[tuple[Path, str]]:
        """The places below `path` whose variables are not set, with the variable's name."""
        value = self.data
        for step in path:
            value = value[step]
        return list(_unset(value, path))


def _unset(value: Any, path: Path) -> list[tuple[Path, str]]:
    if isinstance(value, Unset):
        return [(path, name) for name in value.names]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, member in inner for found in _unset(member, (*path, key))]


def read_document(
    text: str, file: str, environment: Mapping[str, str], problems: Problems, *, raw: frozenset[str] = frozenset()
) -> Document:
    """Parse `text`; whatever is wrong goes to `problems`, and what could be read is returned.

    `raw` names top-level sections in which `${NAME}` stays as it is.
    """
    reader = YAML(typ="safe", pure=True)
    try:
        node = reader.compose(text)
    except MarkedYAMLError as error:
        _complain(error, text, file, problems)
        return Document(file, {})
    except YAMLError as error:
        problems.error("P001", file, 0, f"This is not YAML: {' '.join(str(error).split())}.")
        return Document(file, {})
    builder = _Builder(file, environment, problems, raw)
    data = builder.build(node, ()) if node is not None else {}
    if node is not None and not isinstance(data, dict):
        problems.error("P001", file, 1, "A mapping is expected here, such as `providers:` with providers below it.")
        data = {}
    return Document(file, data, builder.lines)


def _complain(error: MarkedYAMLError, text: str, file: str, problems: Problems) -> None:
    """Say what the YAML parser found, or what is really wrong where it cannot know."""
    marks = [mark.line for mark in (error.context_mark, error.problem_mark) if mark is not None]
    lines = text.splitlines()
    first, last = (min(marks), max(marks)) if marks else (0, 0)
    for number in range(first, min(last + 1, len(lines))):
        braced = re.search(r"[{\[,:]\s*[^\"'{}\[\],]*\$\{([A-Za-z0-9_]*)\}?", lines[number])
        if braced and str(error.problem).startswith("expected ',' or"):
            name = braced[1]
            problems.error(
                "P009", file, number + 1, f"${{{name}}} stands inside {{ }} or [ ] without quotes.",
                'Put the whole value in "double quotes".',
            )  # fmt: skip
            return
    line = (error.problem_mark or error.context_mark).line + 1 if marks else 0
    context = f" {error.context}" if error.context else ""
    hint = "Indent with spaces." if "\\t" in str(error.problem) else ""
    if "expected <block end>" in str(error.problem):
        hint = "What belongs together starts in the same column: look at this line and the ones before it."
    problems.error("P001", file, line, f"This is not YAML:{context} {error.problem}.".replace("  ", " "), hint)


class _Builder:
    """Turns the parser's nodes into plain values and notes the line of each."""

    def __init__(self, file: str, environment: Mapping[str, str], problems: Problems, raw: frozenset[str]) -> None:
        self.file, self.environment, self.problems, self.raw = file, environment, problems, raw
        self.lines: dict[Path, int] = {}
        self.around: set[int] = set()

    def build(self, node: Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, ScalarNode):
            return self.scalar(node, path)
        if id(node) in self.around:
            self.fail("P001", node, "An anchor contains itself.", "Write the value out.")
            return None
        self.around.add(id(node))
        try:
            return self.mapping(node, path) if isinstance(node, MappingNode) else self.sequence(node, path)
        finally:
            self.around.discard(id(node))

    def sequence(self, node: Node, path: Path) -> list[Any]:
        return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]

    def mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.fail("P001", key_node, "A key must be text.", 'If this is a text with {{ }}, put it in "quotes".')
                continue
            key = key_node.value
            if key in found:
                first = self.lines[(*path, key)]
                self.fail("P006", key_node, f"{key!r} is written twice here, first in line {first}.", "Keep one.")
                continue
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            found[key] = self.build(value_node, (*path, key))
        return found

    def scalar(self, node: ScalarNode, path: Path) -> Any:
        text = node.value
        if node.style is None and (node.tag not in ("tag:yaml.org,2002:str", "!") or text in WORDS):
            plain = _plain(text)
            if not isinstance(plain, str):
                return plain
        if "${" not in text or (path and path[0] in self.raw):
            return text
        return self.filled(text, node)

    def filled(self, text: str, node: Node) -> str:
        """`text` with its variables; Unset where one is missing."""
        missing: list[str] = []
        values: list[str] = []
        plain, harmless, end = "", "", 0
        for match in VARIABLE.finditer(text):
            before, written = text[end : match.start()], match[0]
            end = match.end()
            value = written[1:] if match[1] else self.variable(match[2], node)
            if not match[1]:
                (values if value else missing).append(value or match[2])
            plain += before + value
            harmless += before + (written[1:] if match[1] else value.replace("{", '{{ "{" }}'))
        if missing:
            unset = Unset(text)
            unset.names = tuple(dict.fromkeys(missing))
            return unset
        filled = Filled(plain + text[end:])
        filled.template = harmless + text[end:]
        filled.values, filled.written = tuple(values), text
        return filled

    def variable(self, name: str, node: Node) -> str:
        """The value of a variable; an empty one counts as not set."""
        if not NAME.match(name):
            self.fail("P002", node, f"${{{name}}} is not the name of a variable.", "Write ${NAME}.")
        return self.environment.get(name, "")

    def fail(self, code: str, node: Node, sentence: str, hint: str) -> None:
        self.problems.error(code, self.file, node.start_mark.line + 1, sentence, hint)


def _plain(text: str) -> Any:
    """A plain scalar in YAML 1.2 core."""
    if text in WORDS:
        return WORDS[text]
    if INTEGER.match(text):
        base = 8 if text.startswith("0o") else 16 if text.startswith("0x") else 10
        return int(text, base)
    if FLOAT.match(text):
        return float(text)
    return text
