"""The templates of services: what a dialect makes of a question beside a conversation that is asked in another's words.

A service that a dialect declares may have two files beside the eight: `write_<service>.j2` makes the provider's body of
the caller's, and `read_<service>.j2` the caller's answer of the provider's. The contract says what the caller's look
like; without the two files a body passes through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .deferred_templates import function_of
from .dialects import EIGHT
from .problems import Problems
from .resources import Resources
from .templates import Kind

Function = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class ServiceTemplates:
    """The two functions of one service."""

    write: Function
    read: Function


def kind_of(name: str) -> Kind:
    """The kind of a template, by its file's name without the ending."""
    if name in EIGHT:
        return Kind(name)
    return Kind.WRITE_SERVICE if name.startswith("write_") else Kind.READ_SERVICE


def service_files(
    resources: Resources, chain: tuple[str, ...], services: Iterable[str], problems: Problems, place: tuple[str, int]
) -> dict[str, Path]:
    """The files of a dialect's services by name; one without the other is a problem."""
    found: dict[str, Path] = {}
    for service in services:
        names = [f"write_{service}", f"read_{service}"]
        both = {name: path for name in names if name not in EIGHT and (path := resources.template(chain, f"{name}.j2"))}
        for name in names:
            if both and name not in both:
                sentence = f"dialects.{chain[0]}.services.{service}: templates/{chain[0]}/{name}.j2 is missing."
                problems.error("L001", *place, sentence, "Both are needed, or neither: then bodies pass through.")
        found |= both
    return found


def service_functions(templates: Mapping[str, Any], services: Iterable[str]) -> dict[str, ServiceTemplates]:
    """The functions of those services that have templates."""
    found = {}
    for service in services:
        write, read = function_of(templates, f"write_{service}"), function_of(templates, f"read_{service}")
        if write is not None and read is not None and f"write_{service}" not in EIGHT:
            found[service] = ServiceTemplates(write, read)
    return found
