"""What a provider's answer, and an event of its stream, must look like at least: a dialect's `shapes.yaml`.

Readers of answers are lenient: what is absent is left out, so that an answer in a wrong shape (a number where a message
is expected) would read as an empty one, as if the model had nothing to say. The file holds two JSON Schemas (2020-12),
`response` and `event`, and `$defs` they share. They say what the readers rely on and nothing more, for servers leave
out, add and null whatever they like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jsonschema_rs
import yaml

from .contract.explaining import find_failure
from .problems import Problems, did_you_mean
from .resources import Resources

FILE = "shapes.yaml"
KINDS = ("response", "event")
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Shape:
    """One of the two schemas, compiled."""

    __slots__ = ("is_valid", "validator")

    def __init__(self, schema: Any) -> None:
        self.validator = jsonschema_rs.Draft202012Validator(schema, offline=True, mask="value")
        self.is_valid = self.validator.is_valid

    def fault(self, value: Any) -> str:
        """What is wrong with `value`, as the end of a sentence that begins with `it`; the empty text if nothing is."""
        try:
            if self.is_valid(value):
                return ""
        except ValueError:  # the validator's own limit of nesting
            return "it is nested too deeply"
        failure = find_failure(self.validator, value)
        if failure is None:
            return ""
        if failure.missing:
            return f"it has no {failure.pointer}"
        return f"its {failure.pointer} is not {failure.expected}" if failure.path else f"it is not {failure.expected}"


def read_shapes(resources: Resources, chain: Sequence[str], problems: Problems) -> dict[str, Shape]:
    """The shapes of a dialect, its own or those of whom it is like; what is wrong with the file goes to `problems`."""
    path = resources.template(chain, FILE)
    if path is None:
        return {}
    file = resources.shown(path)
    try:
        document = yaml.load(path.read_text("utf-8"), Loader)  # noqa: S506  (both loaders are safe ones)
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        reason = " ".join(str(error).split())
        problems.error("P001", file, mark.line + 1 if mark else 0, "This is not YAML.", f"({reason})")
        return {}
    if not isinstance(document, Mapping):
        hint = "Write `response:` or `event:` with a JSON Schema."
        problems.error("P004", file, 1, "A mapping is expected here.", hint)
        return {}
    found = {}
    for name, schema in document.items():
        if name == "$defs":
            continue
        if name not in KINDS:
            problems.error("P003", file, 0, f"{name}: is not a key here.", did_you_mean(str(name), (*KINDS, "$defs")))
            continue
        try:
            found[name] = Shape({**schema, "$defs": document.get("$defs", {})})
        except (ValueError, TypeError) as error:
            reason = str(error).splitlines()[0]
            problems.error("P004", file, 0, f"{name}: is not a JSON Schema ({reason}).", "The dialect is 2020-12.")
    return found
