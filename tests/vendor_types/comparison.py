"""What the templates of a dialect use that its vendor's types do not have, and what these have that no template uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from vendor_types.template_members import SIDES, edges, patched, words
from vendor_types.vendor_members import Vocabulary
from vendor_types.vendors import vocabularies

from handlers.engine.configuration import load_configuration

HOME = Path(__file__).parents[2]
LISTED = Path(__file__).with_name("vendor_fields.yaml")
PROVIDER = ("write_request", "read_response", "read_event")


@cache
def shipped() -> Any:
    return yaml.safe_load((HOME / "providers.yaml").read_text(encoding="utf-8"))["dialects"]


@cache
def compare(dialect: str) -> dict[str, frozenset[str]]:
    """`unknown` and `missing`, each name with the file it is about: `read_event/usage.total_tokens`."""
    found: dict[str, set[str]] = {"unknown": set(), "missing": set()}
    declared = shipped()[dialect]
    folders = [HOME / "templates" / name for name in (dialect, declared.get("like")) if name]
    for kind, template in load_configuration(HOME, {}).dialects[dialect].templates.items():
        name = str(getattr(kind, "value", kind))
        if name not in (PROVIDER if "like" in declared else SIDES):  # callers speak the parent's dialect
            continue
        used = edges(template, name)
        if name == "write_request":
            used = patched(used, declared.get("patch", ()))
        vendor = vocabularies(dialect)[SIDES[name]]
        found["unknown"] |= {f"{name}/{edge}" for edge in unknown(used, vendor)}
        found["missing"] |= {f"{name}/{edge}" for edge in missing(used, words(HOME / template.file, folders), vendor)}
    return {what: frozenset(names) for what, names in found.items()}


def unknown(used: set[str], vendor: Vocabulary) -> set[str]:
    return used - vendor.edges


def missing(used: set[str], mentioned: set[str], vendor: Vocabulary) -> set[str]:
    """Members of the root; members of each object that a template looks into; and, of objects that are told apart by
    kind, the kinds (whoever does not know a kind has no use for its members)."""
    alternatives = Counter(kind.partition("=")[0] for kind in vendor.kinds)
    told_apart = {parent for parent, number in alternatives.items() if number > 1}
    into = {edge.rpartition(".")[0] for edge in used} | {""}
    members = {
        edge
        for edge in vendor.edges - used
        if (parent := edge.rpartition(".")[0]) in into
        and (not parent or (parent not in told_apart and edge.rpartition(".")[2] not in mentioned))
    }
    return members | {
        kind
        for kind in vendor.kinds
        if kind.partition("=")[0] in into & told_apart and kind.partition("=")[2] not in mentioned
    }


@cache
def listed(dialect: str) -> Mapping[str, list[dict[str, Any]]]:
    """The exceptions of a dialect: under `unknown` and `missing` groups of patterns, each with its reason."""
    return yaml.safe_load(LISTED.read_text(encoding="utf-8"))[dialect]


def patterns(dialect: str, what: str) -> list[str]:
    return [pattern for group in listed(dialect).get(what, []) for pattern in group["at"]]


def unlisted(dialect: str, what: str, names: frozenset[str]) -> list[str]:
    known = patterns(dialect, what)
    return sorted(name for name in names if not any(fits(name, pattern) for pattern in known))


def stale(dialect: str, what: str, names: frozenset[str]) -> list[str]:
    return [pattern for pattern in patterns(dialect, what) if not any(fits(name, pattern) for name in names)]


def fits(name: str, pattern: str) -> bool:
    """A pattern without a file is about each of them."""
    return fnmatchcase(name if "/" in pattern else name.partition("/")[2], pattern)
