"""The words a template may use beside Jinja's operators: filters (`x | word`) and tests (`x is word`).

A filter of what is absent is absent, unless it says otherwise; what a filter leaves empty is absent too. A value of
a kind that a filter is not made for is an error. Each example is run as a test, and the table in templates/README.md is
made from these docstrings (`table()`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .vocabulary_lists import (
    before,
    first,
    items,
    joined,
    keys,
    last,
    length,
    merged,
    numbered,
    omit,
    only,
    pick,
    read_url,
    since,
    take,
    text,
    without,
    without_members,
    write_url,
)
from .vocabulary_numbers import (
    at_least,
    at_most,
    default,
    float32_base64,
    integer,
    numbers,
    or_empty,
    or_null,
    rounded,
    seconds,
    timestamp,
)
from .vocabulary_schemas import json_schema
from .vocabulary_tests import (
    blank,
    containing,
    ending,
    is_absent,
    is_boolean,
    is_false,
    is_integer,
    is_mapping,
    is_number,
    is_present,
    is_sequence,
    is_string,
    is_true,
    media,
    starting,
)
from .vocabulary_text import (
    base64_hex,
    base64_text,
    from_json,
    hex_base64,
    join,
    lower,
    replaced,
    shortened,
    split,
    standard_base64,
    text_base64,
    to_json,
    trim,
    upper,
)

__all__ = ["FILTERS", "TESTS", "table", "without_members"]

FILTERS: dict[str, Callable[..., Any]] = {
    "or_null": or_null, "or_empty": or_empty, "default": default,
    "from_json": from_json, "to_json": to_json, "lower": lower, "upper": upper, "join": join, "split": split,
    "trim": trim, "base64_text": base64_text, "text_base64": text_base64, "standard_base64": standard_base64,
    "base64_hex": base64_hex, "hex_base64": hex_base64,
    "text": text, "only": only, "without": without, "read_url": read_url, "write_url": write_url,
    "omit": omit, "pick": pick, "keys": keys, "items": items, "merged": merged, "joined": joined, "numbered": numbered,
    "first": first, "last": last,
    "take": take, "length": length,
    "before": before, "since": since, "shortened": shortened, "replaced": replaced,
    "integer": integer, "numbers": numbers, "round": rounded, "at_most": at_most, "at_least": at_least,
    "timestamp": timestamp, "seconds": seconds, "json_schema": json_schema, "float32_base64": float32_base64,
}  # fmt: skip

TESTS: dict[str, Callable[..., bool]] = {
    "string": is_string, "number": is_number, "integer": is_integer, "boolean": is_boolean, "mapping": is_mapping,
    "sequence": is_sequence, "none": is_absent, "undefined": is_absent, "defined": is_present, "true": is_true,
    "false": is_false, "blank": blank, "media": media, "starting": starting, "ending": ending, "containing": containing,
}  # fmt: skip


def table() -> str:
    """The filters and tests as a table in Markdown, for templates/README.md."""
    rows = ["| word | gives | example |", "|---|---|---|"]
    for name, function in FILTERS.items():
        rows.append(_row(f"`{name}{_parameters(function)}`", function))
    plain = [name for name, function in TESTS.items() if ">>> " not in (function.__doc__ or "")]
    rows.append(f"| {' '.join(f'`is {name}`' for name in plain)} | What the words say; the kinds are JSON's. | |")
    for name, function in TESTS.items():
        if name not in plain:
            rows.append(_row(f"`is {name}{_parameters(function)}`", function))
    return "\n".join(rows) + "\n"


def _parameters(function: Callable[..., Any]) -> str:
    names = [
        f"{name}…" if parameter.kind is parameter.VAR_POSITIONAL else name
        for name, parameter in list(inspect.signature(function).parameters.items())[1:]
    ]
    return f"({', '.join(names)})" if names else ""


def _row(word: str, function: Callable[..., Any]) -> str:
    lines = [line.strip() for line in (function.__doc__ or "").splitlines() if line.strip()]
    example = next((f"`{line[4:]}` → `{lines[at + 1]}`" for at, line in enumerate(lines) if line[:4] == ">>> "), "")
    return f"| {word} | {lines[0]} | {example} |"
