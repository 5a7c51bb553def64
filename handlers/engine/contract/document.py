"""The contract as a document: reading openapi.yaml, and following its references.

The file is read as data, not as a Jinja template and not as YAML 1.1: dates stay text, `no` stays text, and `{{` in an
example means itself. What is read here is the very document that connexion checks and binds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigurationError

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""The members of a path item that are operations."""

BOOLEAN = re.compile(r"^(?:true|false)$")


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML whose plain scalars are JSON's: true and false are the only booleans, and there are no dates."""


def _plain_scalars() -> dict[str, list[tuple[str, Any]]]:
    unwanted = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool"}
    kept = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in unwanted]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for first in "tf":
        kept[first] = [*kept.get(first, []), ("tag:yaml.org,2002:bool", BOOLEAN)]
    return kept


Loader.yaml_implicit_resolvers = _plain_scalars()


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
