"""The contract as a document: reading openapi.yaml, and following its references.

The file is read as data, not as a Jinja template and not as YAML 1.1: dates stay text, `no` stays text, and `{{` in an
example means itself. What is read here is the very document that connexion checks and binds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ..errors import ConfigurationError

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""The members of a path item that are operations."""

PLAIN = (
    ("tag:yaml.org,2002:null", r"(?:~|null|)\Z", ["~", "n", ""]),
    ("tag:yaml.org,2002:bool", r"(?:true|false)\Z", ["t", "f"]),
    ("tag:yaml.org,2002:int", r"-?(?:0|[1-9][0-9]*)\Z", list("-0123456789")),
    ("tag:yaml.org,2002:float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z", list("-0123456789")),
    ("tag:yaml.org,2002:merge", r"<<\Z", ["<"]),
)
"""Plain scalars that are not text: JSON's, as in YAML 1.2. In YAML 1.1 `no`, `on` and 2024-01-01 are none either."""


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader with the scalars of PLAIN."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _tag, _pattern, _first in PLAIN:
    Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


def load_document(path: Path) -> dict[str, Any]:
    """The contract in the file `path`. Raises ConfigurationError where it cannot be read."""
    try:
        text = path.read_text("utf-8")
        document = yaml.load(text, Loader)  # noqa: S506 - a subclass of the safe loader
    except OSError as error:
        raise ConfigurationError(f"The contract cannot be read: {error.strerror}.", file=str(path)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 0
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise ConfigurationError(f"The contract cannot be read: {problem}.", file=str(path), line=line) from None
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise ConfigurationError("The contract has no `paths`.", file=str(path))
    return document


def follow(document: Mapping[str, Any], node: Any) -> Any:
    """`node`, or what it refers to if it is a `$ref`, through any number of them."""
    while isinstance(node, Mapping) and "$ref" in node:
        node = at_pointer(document, node["$ref"].removeprefix("#"))
    return node


def at_pointer(document: Any, pointer: str) -> Any:
    """What stands at a JSON pointer (RFC 6901). Raises KeyError where nothing does."""
    node = document
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        node = node[int(name)] if isinstance(node, list) else node[name]
    return node


def operations(document: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Each operation as (path, method in lower case, path item, operation), in the document's order."""
    found = []
    for path, item in document["paths"].items():
        resolved = follow(document, item)
        found += [(path, method, resolved, resolved[method]) for method in resolved if method in METHODS]
    return found
