"""Checks a providers.yaml against openapi/providers.schema.yaml and says what is wrong in sentences with lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from .documents import Document
from .problems import Problems, did_you_mean
from .resources import BUNDLED

KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


@cache
def providers_validator() -> Draft202012Validator:
    """The validator of providers.yaml. PyYAML's fast loader does for our own schema, which has no key such as `on`."""
    text = (BUNDLED / "openapi" / "providers.schema.yaml").read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Draft202012Validator(yaml.load(text, Loader=loader))  # noqa: S506 (it is a safe loader)


def check_declarations(document: Document, problems: Problems) -> None:
    """Add what is wrong with `document` to `problems`, in the order of its lines."""
    found = Problems()
    for error in _leaves(providers_validator().iter_errors(document.data)):
        _report(error, document, found)
    problems.extend(sorted(set(found), key=lambda problem: problem.line))


def _leaves(errors: Iterable[Any]) -> Iterator[Any]:
    """Each error at its innermost: of alternatives, those of the one that fits the kind of the value."""
    for error in errors:
        if error.validator != "oneOf" or not error.context:
            yield error
            continue
        branches: dict[Any, list[Any]] = {}
        for inner in error.context:
            branches.setdefault(inner.schema_path[0], []).append(inner)
        fitting = [
            inner
            for inner in branches.values()
            if not any(one.validator in ("type", "const") and not one.path for one in inner)
        ]
        if fitting:
            yield from _leaves(fitting[0])
        else:
            yield error


def _report(error: Any, document: Document, problems: Problems) -> None:
    path = tuple(error.absolute_path)
    place = _place(path)
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        for key in error.instance:
            if key not in known:
                hint = did_you_mean(key, known) or f"Known: {', '.join(sorted(known))}."
                where = f"{place}: " if place else ""
                line = document.line((*path, key))
                problems.error("P003", document.file, line, f"{where}{key!r} is not known.", hint)
        return
    line = document.line(path)
    if "propertyNames" in error.absolute_schema_path:
        line = document.line((*path, error.instance))
        sentence = f"{place}: {error.instance!r} cannot be a name here."
        problems.error("P010", document.file, line, sentence, _shape(error))
        return
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        problems.error("P004", document.file, line, f"{place}: {missing[0]!r} is missing.")
        return
    problems.error("P004", document.file, line, f"{place}: {_wrong(error)}", _shape(error))


def _place(path: tuple[str | int, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def _wrong(error: Any) -> str:
    """What is wrong, without the value itself: it may be a secret."""
    match error.validator:
        case "type" | "oneOf":
            return f"{_expected(error)} is expected, not {_kind(error.instance)}."
        case "enum":
            words = ", ".join(map(str, error.validator_value))
            return f"{error.instance!r} is none of {words}."
        case "const":
            return f"{error.validator_value!r} is expected."
        case "minimum" | "exclusiveMinimum":
            return f"{error.instance} is too small."
        case "maximum":
            return f"{error.instance} is too large."
        case "minLength" | "minItems":
            return "This must not be empty."
        case _:
            return "This does not have the right form."


def _expected(error: Any) -> str:
    if error.validator == "type":
        kinds = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
        return " or ".join(KINDS[kind] for kind in kinds if kind != "null") or "nothing"
    expected = []
    for branch in error.validator_value:
        if "const" in branch:
            expected.append(repr(branch["const"]))
        else:
            expected.append(KINDS.get(branch.get("type", "string"), "text"))
    return " or ".join(expected)


def _kind(value: Any) -> str:
    for kind, python in (("boolean", bool), ("object", dict), ("array", list), ("string", str), ("integer", int)):
        if isinstance(value, python):
            return KINDS[kind]
    return "nothing" if value is None else "a number"


def _shape(error: Any) -> str:
    if error.validator == "enum":
        return did_you_mean(str(error.instance), [str(word) for word in error.validator_value])
    if error.validator in ("pattern", "propertyNames", "format") and isinstance(error.schema, dict):
        said = error.schema.get("description")
        if said:
            return re.sub(r"(?<![.!?])\Z", ".", said)
        return f"It must match {error.schema['pattern']}." if "pattern" in error.schema else ""
    if error.validator == "type" and isinstance(error.instance, int | float) and "string" in error.validator_value:
        return "Put it in quotes."
    return ""
