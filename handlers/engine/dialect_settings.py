"""What the YAML of a dialect says, as the fields of a Dialect; its form has been checked (declarations.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .dialects import Framing, Globs, ModelIn, ModelList, NameRule, Reasoning, UsageOption
from .merging import plain, present
from .patches import Patches
from .raw_reasoning import Carrier
from .token_rules import TokenRule


def settings_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What the YAML of a dialect says, as the fields of Dialect."""
    stream = entry.get("stream") or {}
    return {
        "path": entry.get("path", ""),
        "query": present(entry.get("query", {})),
        "headers": present(entry.get("headers", {})),
        "stream": _framing(stream),
        "stream_headers": present(stream.get("headers", {})),
        "tool_names": _name_rule(entry.get("tool_names")),
        "tool_ids": _name_rule(entry.get("tool_ids")),
        "defaults": plain(entry.get("defaults", {})),
        "values": plain(entry.get("values", {})),
        "reasoning": _reasoning(entry.get("reasoning", {})),
        "request_id_header": entry.get("request_id_header", "").lower() or None,
        "forward_request_headers": Globs(entry.get("forward_request_headers", ())),
        "forward_response_headers": Globs(entry.get("forward_response_headers", ())),
        "error_inside": entry.get("error_inside"),
        "answer_in": _pointers(entry.get("answer_in") or ()),
        "errors_in_stream": frozenset(entry.get("errors_in_stream", ())),
        "models": _model_list(entry.get("models")),
        "usage_option": _usage_option(entry.get("usage_option")),
        "model_in": ModelIn(**{name: _pointers(value) for name, value in entry.get("model_in", {}).items()}),
        "usage_in": _pointers(entry.get("usage_in") or ()),
        "services": present(entry.get("services", {})),
        "told": entry.get("told", ()),
        "tokens": _token_rule(entry.get("tokens") or {}),
        "schemas": entry.get("schemas", {}),
        "patch": entry.get("patch") or Patches(),
    }


def _name_rule(declared: Mapping[str, Any] | None) -> NameRule | None:
    return NameRule(declared.get("max"), declared.get("pattern")) if declared else None


def _reasoning(declared: Mapping[str, Any]) -> Reasoning:
    carriers = tuple(Carrier.read(carrier) for carrier in declared.get("carriers", ()))
    named = {name: declared[name] for name in ("replay", "seals", "calls", "signed") if name in declared}
    return Reasoning(carriers, **named, tags=tags(declared.get("tags")))


def _framing(declared: Mapping[str, Any]) -> Framing:
    return Framing(
        declared.get("framing", "sse"), declared.get("end"), declared.get("number"), declared.get("comments", True),
        declared.get("opens", False),
    )


def tags(declared: list[str] | None) -> tuple[str, str] | None:
    """What opens a thought in a text, and what closes it."""
    return (declared[0], declared[1]) if declared else None


def _token_rule(declared: Mapping[str, Any]) -> TokenRule:
    given = {name: value for name, value in declared.items() if name != "image"}
    return TokenRule(**given, **declared.get("image", {}))


def _usage_option(declared: Mapping[str, Any] | None) -> UsageOption | None:
    return UsageOption(declared["set"], declared.get("empty")) if declared else None


def _model_list(declared: Mapping[str, Any] | None) -> ModelList | None:
    if not declared or "path" not in declared:
        return None
    return ModelList(
        declared["path"], declared.get("query", {}), declared.get("items", ""), declared.get("id", "/id"),
        declared.get("name"), declared.get("created"), declared.get("owned_by"), declared.get("prefix", ""),
        declared.get("base_url", ""),
    )  # fmt: skip


def _pointers(declared: str | Sequence[str]) -> tuple[str, ...]:
    return (declared,) if isinstance(declared, str) else tuple(declared)
