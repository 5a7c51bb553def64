"""Files in templates/ that nothing reaches: most are misspelt, so something else is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..configuration import Configuration
from ..dialects import EIGHT
from ..problems import Problems, did_you_mean


def find_unreachable(configuration: Configuration, problems: Problems, *, everything: bool) -> None:
    """Folders that no dialect names, and files of a dialect that are neither one of the eight nor imported by one, nor
    hold its schemas; in the home, or in what is bundled too."""
    resources = configuration.resources
    named = {where.partition("#")[0] for each in configuration.dialects.values() for where in each.schemas.values()}
    reached = {path.resolve() for path in configuration.templates_read}
    reached |= {(folder / name).resolve() for folder in resources.folders for name in named}
    known = set(configuration.declared_dialects)
    for folder in _folders(configuration.resources.folders if everything else [resources.home]):
        if folder.name not in known:
            hint = did_you_mean(folder.name, known) or f"Add an entry {folder.name}: under dialects:, or delete it."
            problems.warning("L004", resources.shown(folder), 0, "No dialect has this name.", hint)
            continue
        if folder.name not in configuration.dialects:
            continue  # it does not load, so what it imports is not known
        for path in sorted(folder.rglob("*")):
            shadowed = resources.template((folder.name,), str(path.relative_to(folder))) != path
            if path.is_file() and not shadowed and path.resolve() not in reached:
                hint = did_you_mean(path.name, [f"{kind}.j2" for kind in EIGHT])
                sentence = "Nothing reaches this file: it is none of the eight, and none of them imports it."
                problems.warning("L004", resources.shown(path), 0, sentence, hint)


def _folders(places: Iterable[Path]) -> Iterator[Path]:
    for folder in places:
        templates = folder / "templates"
        if templates.is_dir():
            yield from sorted(path for path in templates.iterdir() if path.is_dir() and not path.name.startswith("."))
