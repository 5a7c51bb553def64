"""Compiles the templates that the cases hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from handlers.engine.templates import Compiler, Kind, Template

HERE = Path(__file__).parent


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of one file, each with a law that no other case has."""
    found: list[dict[str, Any]] = yaml.safe_load(HERE.joinpath(name).read_text("utf-8"))
    laws = [case["law"] for case in found]
    assert len(set(laws)) == len(laws)
    return found


def compiler(files: Mapping[str, str]) -> Compiler:
    """A compiler for the folder `acme` with these files."""

    def load(name: str) -> tuple[str, str]:
        folder, _, file = name.partition("/")
        if folder != "acme" or file not in files:
            raise FileNotFoundError(name)
        return files[file], name

    return Compiler(load)


def compiled(template: str, kind: str = "read_request", files: Mapping[str, str] | None = None) -> Template:
    """One template, with what it imports."""
    chosen = Kind(kind)
    return compiler({f"{kind}.j2": template, **(files or {})}).compile(f"acme/{kind}.j2", kind=chosen, dialect="acme")
