"""What each template does not carry, as notes: nothing is wrong with that, but it should be known.

A call pays for the pair of dialects that it passes, and its losses are told in its own words (losses/); here each
template stands for itself.
"""

from __future__ import annotations

import re
from typing import Any

from ..dialects import Dialect
from ..losses import Table
from ..problems import Problems
from .speech import Speech
from .trials import PATH, REQUEST, RESPONSE

KINDS = ("read_request", "write_request", "write_response")
LONGEST = 400
"""Characters of a note; the rest is counted."""
NAMES_MODEL = re.compile(r"\{\{[^}]*\bmodel\b")
"""A hole for the model in a path, a parameter or a header."""
CARRIED_SOMETIMES = ": depends on what stands beside it"
"""What a line says that tells of no loss by itself."""


def tell_losses(dialect: Dialect, speech: Speech, problems: Problems) -> None:
    """A note for each template that leaves something of its input behind."""
    for kind in KINDS:
        given = speech.given(kind)
        if kind not in dialect.templates or given is None:
            continue
        template = dialect.templates[kind]
        try:
            lines = Table(lambda value, kind=kind: run(dialect, kind, value), given.schema).lines()  # type: ignore[misc]
        except ValueError as error:
            problems.warning("L006", template.file, 0, f"It cannot be tried: {error}.")
            continue
        lines = [line for line in lines if CARRIED_SOMETIMES not in line]
        if lines:
            problems.note("L005", template.file, 0, f"It does not carry: {shortened(lines)}.")


def run(dialect: Dialect, kind: str, value: Any) -> Any:
    function = dialect.templates[kind].function
    if kind == "read_request":
        return function({"body": value, "path": PATH, "values": dialect.values})
    if kind == "write_response":
        return function({**RESPONSE, **value, "request": REQUEST, "values": dialect.values})
    texts = (dialect.path, *dialect.query.values(), *dialect.headers.values())
    elsewhere = value.get("model") if any(map(NAMES_MODEL.search, texts)) else None
    return function({**value, "values": dialect.values}), elsewhere


def shortened(lines: list[str]) -> str:
    """The lines as one, what stands at the top of the request first: that is what most people look for."""
    shown, length = [], 0
    for line in sorted((line.removesuffix(": unsupported") for line in lines), key=depth):
        length += len(line) + 2
        if length > LONGEST:
            break
        shown.append(" ".join(line.removeprefix(".").split()))
    more = len(lines) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def depth(line: str) -> int:
    """How deep in the request that stands of which a line speaks."""
    return line.partition(":")[0].count(".")
