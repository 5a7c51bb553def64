"""The README's tables and limits say what the code says: each is compared with what it is about, both ways."""

from __future__ import annotations

import argparse
import ast
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from documentation.readme import ROOT, TEXT, table, words

from handlers import server
from handlers.cli import HOST, LOG_LEVELS, PORT, parser
from handlers.engine import engine, framings, guard, upstream, vocabulary
from handlers.engine.contract import bodies
from handlers.engine.errors import STATUS
from handlers.engine.losses.loss import HEADER_LIMIT, LOG_LIMIT
from handlers.engine.problems import CODES
from handlers.engine.templates import problems as template_problems
from handlers.engine.templates import runtime
from handlers.engine.templates.kinds import INPUTS, Kind

Schema = dict[str, Any]


def schema_of(name: str) -> Schema:
    document: Schema = yaml.safe_load((ROOT / "openapi" / name).read_text("utf-8"))
    return document


NEUTRAL = schema_of("neutral.schema.yaml")["$defs"]
PROVIDERS = schema_of("providers.schema.yaml")


def inner(schema: Schema) -> Iterator[str]:
    """The names of members that an entry's value may have, its alternatives and elements included."""
    if "$ref" in schema:
        schema = {**PROVIDERS["$defs"][schema["$ref"].rpartition("/")[2]], **{k: v for k, v in schema.items() if k != "$ref"}}
    yield from schema.get("properties", {})
    for one in [*schema.get("oneOf", ()), schema.get("items"), schema.get("additionalProperties")]:
        if isinstance(one, dict):
            yield from inner(one)


@pytest.mark.parametrize("entry", ["provider", "dialect"])
def test_the_keys_of_providers_yaml(entry: str) -> None:
    """Each key of an entry stands in the table, with the members its value may have, and nothing else does."""
    rows = table(f"{entry} keys")
    properties = PROVIDERS["$defs"][entry]["properties"]
    named = [name for first, _ in rows for name in words(first)]
    assert sorted(named) == sorted(properties)
    for first, second in rows:
        if entry == "dialect" and first == "`patch`":
            continue  # told of providers
        told = set(re.findall(r"\w+", " ".join(words(second))))
        for name in words(first):
            if name not in ("values", "defaults", "carriers", "reasoning"):
                assert set(inner(properties[name])) <= told | set(words(first)), name


def test_the_sections_of_providers_yaml() -> None:
    """Each section is spoken of where the home folder is."""
    paragraph = TEXT.partition("## Configure")[2].partition("```")[0]
    assert set(PROVIDERS["properties"]) <= set(words(paragraph))


def branches(name: str, tag: str = "type") -> list[str]:
    """The values of a union's tag, in order of first occurrence."""
    found: dict[str, None] = {}
    todo = list(NEUTRAL[name].get("oneOf", [NEUTRAL[name]]))
    while todo:
        branch = todo.pop(0)
        if "$ref" in branch:
            branch = NEUTRAL[branch["$ref"].rpartition("/")[2]]
        if "oneOf" in branch and "properties" not in branch:
            todo = [*branch["oneOf"], *todo]
            continue
        found.setdefault(branch["properties"][tag]["const"])
    return list(found)


def test_neutral_words() -> None:
    parts = dict.fromkeys([*branches("assistant_part"), *branches("tool_result"), *branches("unknown")])
    expected = {
        "request": list(NEUTRAL["request"]["properties"]),
        "message roles": branches("message", "role"),
        "part types": sorted(parts),
        "response": list(NEUTRAL["response"]["properties"]),
        "finish reasons": NEUTRAL["finish_reason"]["enum"],
        "usage": list(NEUTRAL["usage"]["properties"]),
        "loose events (readers)": branches("loose_event"),
        "events (writers)": branches("event"),
        "error types": NEUTRAL["error"]["properties"]["type"]["enum"],
    }
    told = {first: words(second) for first, second in table("neutral words")}
    told["part types"] = sorted(told["part types"])
    assert told == expected


def test_the_eight_templates() -> None:
    """What each is given: the inputs that the compiler knows."""
    rows = {words(row[0])[0].removesuffix(".j2"): row[1] for row in table("templates")}
    assert set(rows) == {kind.value for kind in Kind}
    for kind in Kind:
        told = rows[kind.value]
        named = [name for name in INPUTS[kind] if name in words(told)]
        whole = "the members of" in told
        assert named == words(told)
        assert whole or set(named) == set(INPUTS[kind])


def test_filters_and_tests() -> None:
    """The table is the one that the vocabulary makes of its own documentation."""
    hint = "put what `python -c 'from handlers.engine.vocabulary import table; print(table())'` prints into templates/README.md"
    assert vocabulary.table() in TEXT, hint
    assert [words(row[0])[0].partition("(")[0] for row in table("vocabulary")][: len(vocabulary.FILTERS)] == list(vocabulary.FILTERS)


def test_codes_of_lint() -> None:
    told = {code: text for row in table("lint codes") for code, text in zip(row[::2], row[1::2], strict=True) if code}
    assert told == CODES | template_problems.CODES


# ---- errors ---------------------------------------------------------------------------------------------------------

TYPES = {"InvalidRequest": "invalid_request", "NotFound": "not_found", "TooLarge": "too_large",
         "Unauthenticated": "authentication", "UpstreamError": "upstream"}  # fmt: skip
CODE = re.compile(r"[a-z][a-z0-9_]+")


def constant(node: ast.expr | None) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def raised(node: ast.Call) -> tuple[str, int] | None:
    """Code and status of a failure that this call makes, if it makes one."""
    name = ast.unparse(node.func).rpartition(".")[2]
    given = {keyword.arg: constant(keyword.value) for keyword in node.keywords}
    code, kind = given.get("code"), given.get("type")
    if name in TYPES:
        kind = kind or TYPES[name]
    elif name == "GatewayError" and node.args:
        kind = constant(node.args[0])
    elif len(node.args) >= 2 and (name == "error" or (name == "Failure" and isinstance(constant(node.args[0]), str))):
        code = code or constant(node.args[1])
        kind = kind or (constant(node.args[2]) if len(node.args) > 2 else "upstream")
    if not isinstance(code, str) or not CODE.fullmatch(code) or kind not in STATUS:
        return None
    return code, given.get("status") or STATUS[kind]


def codes_in_the_code() -> set[tuple[str, int]]:
    found = set()
    for path in (ROOT / "handlers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and (one := raised(node)):
                found.add(one)
            if isinstance(node, ast.FunctionDef) and node.name == "code" and "contract" in path.parts:
                found |= {(text, 400) for one in ast.walk(node) if CODE.fullmatch(text := str(constant(one)))}  # type: ignore[arg-type]
            if isinstance(node, ast.Dict):
                members = {constant(key): constant(value) for key, value in zip(node.keys, node.values, strict=True) if key}
                code = members.get("code")
                if isinstance(code, str) and CODE.fullmatch(code):
                    found.add((code, members.get("status") or STATUS["upstream"]))
    return found


def test_codes_of_errors() -> None:
    """Each code that the code raises stands in the table beside its status, and no other does."""
    found = codes_in_the_code()
    rows = table("error codes")
    assert sorted(code for row in rows for code in words(row[1]) if not code.startswith("--")) == sorted({code for code, _ in found})
    for code, status in found:
        assert any(str(status) in first and code in words(second) for first, second in rows), (code, status)


# ---- the command ----------------------------------------------------------------------------------------------------


def verbs() -> dict[str, argparse.ArgumentParser]:
    action = next(one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    return dict(action.choices)


def options_of(verb: str) -> set[str]:
    return {option for action in verbs()[verb]._actions for option in action.option_strings if option.startswith("--")} - {"--help"}


def test_options_of_serve() -> None:
    rows = table("options")
    assert {word for row in rows for word in words(row[0])} == options_of("serve")
    told = " ".join(row[1] for row in rows)
    assert f"else {HOST}" in told
    assert f"else {PORT}" in told
    assert all(f"`{level}`" in told for level in LOG_LEVELS)


def test_options_of_lint() -> None:
    paragraph = TEXT.partition("<!-- table: lint codes -->")[2].partition("##")[0]
    assert {word for word in words(paragraph) if word.startswith("--")} == options_of("lint") - {"--home"}


def test_every_command_is_spoken_of() -> None:
    for verb in verbs():
        assert f"morello {verb}" in TEXT or f"`{verb}`" in TEXT


def test_variables() -> None:
    """Each variable that the code names stands in the table."""
    told = {word for row in table("environment") for word in words(row[0])}
    source = "".join(path.read_text("utf-8") for path in (ROOT / "handlers").rglob("*.py"))
    named = set(re.findall(r"\b(?:MORELLO|XDG)_[A-Z_]+\b|\b[A-Z]+_PROXY\b", source))
    assert told == named


# ---- numbers --------------------------------------------------------------------------------------------------------


def test_limits() -> None:
    """Each number among the limits is the code's."""
    paragraph = " ".join(TEXT.partition("- **Ctrl-C**")[2].partition("- **What is wrong**")[0].split())
    for words_with_number in (
        f"{server.GRACE:.0f} seconds; then", f"silent for {engine.PING_AFTER:.0f} seconds", f"at most {bodies.MOST_BYTES >> 20} MB",
        f"{bodies.MOST_LEVELS} levels", f"{guard.MOST_HEAD_BYTES >> 10} KB and {guard.MOST_HEADERS} headers, within {guard.HEAD_SECONDS:.0f} seconds",
        f"a whole answer {upstream.ANSWER_LIMIT >> 20} MB", f"one event of a stream {framings.EVENT_LIMIT >> 20} MB",
        f"larger than {bodies.LARGE >> 10} KB",
    ):  # fmt: skip
        assert words_with_number in paragraph, words_with_number
    assert f"The header holds {HEADER_LIMIT >> 10} KB, then `+N more`; the log holds {LOG_LIMIT >> 10} KB" in TEXT
    assert f"each other, {runtime.DEEPEST} deep" in TEXT


def test_figures_are_those_of_the_bench() -> None:
    """The table of figures has the head that the bench prints; the figures themselves are a machine's."""
    source = (ROOT / "tests" / "bench" / "report.py").read_text("utf-8")
    head = re.search(r'^HEADER = \("(.*?)"\)$', source, re.MULTILINE)
    assert head
    figures = TEXT.partition("<!-- figures: make bench -->\n")[2].partition("<!-- end of figures -->")[0]
    assert figures.startswith(head[1].replace("\\n", "\n"))


# ---- dependencies ---------------------------------------------------------------------------------------------------


def test_dependencies() -> None:
    """A line for each package that is installed, and no line for another."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.match(r"[A-Za-z0-9._-]+", one)[0] for one in declared}  # type: ignore[index]
    assert {word for row in table("dependencies") for word in words(row[0])} == names


def test_new_things_go_where_there_is_something() -> None:
    """Each place that the table names exists."""
    for row in table("where"):
        for word in words(row[1]):
            if "/" in word and "<" not in word:
                assert list(ROOT.glob(word.rstrip("/"))), word
