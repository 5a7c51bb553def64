"""How declarations inherit: a child dialect from its parent, a provider from its dialect, a model from its provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

Declared = TypeVar("Declared")


def merged(child: Any, parent: Any) -> Any:
    """`child` over `parent`: mappings member by member, anything else whole. Null takes away what was inherited; but a
    null under `values` declares a name that is absent, so it stays."""
    if not isinstance(child, dict) or not isinstance(parent, dict):
        return child
    result = {**parent, **{name: merged(value, parent.get(name)) for name, value in child.items() if name != "values"}}
    result = {name: value for name, value in result.items() if value is not None}
    if "values" in child:
        result["values"] = merged_values(child["values"], parent.get("values", {}))
    return result


def merged_values(child: Mapping[str, Any], parent: Mapping[str, Any]) -> dict[str, Any]:
    """Values over values; of mappings, such as budgets by effort, single members can be replaced."""
    return {**parent, **{name: merged(value, parent.get(name)) for name, value in child.items()}}


def present(texts: Mapping[str, Declared | None]) -> dict[str, Declared]:
    """Texts without the nulls that take away what is inherited."""
    return {name: text for name, text in texts.items() if text is not None}


def plain(declared: Any) -> Any:
    """The same values, whose texts no longer know that variables were filled into them: templates take nothing else."""
    if isinstance(declared, Mapping):
        return {str(name): plain(value) for name, value in declared.items()}
    if isinstance(declared, list):
        return [plain(value) for value in declared]
    return str(declared) if isinstance(declared, str) else declared
