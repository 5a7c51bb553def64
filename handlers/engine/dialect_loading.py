"""From an entry under `dialects:` and its folder to a Dialect: `like:` resolved, files found, templates compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .checked_templates import CheckedTemplates
from .declared_losses import DeclaredLoss
from .deferred_templates import DeferredTemplates, function_of
from .dialect_settings import settings_of
from .dialects import CLIENT_SIDE, EIGHT, PROVIDER_SIDE, Dialect
from .documents import Document
from .errors import ConfigurationError
from .merging import merged, present
from .patch_reading import read_patches
from .patches import Patches
from .problems import Problems, did_you_mean
from .resources import Resources
from .service_templates import kind_of, service_files, service_functions
from .shapes import FILE, read_shapes
from .streams import READ_ONLY
from .templates import Compiler, Template

COMPILED: dict[Any, tuple[dict[str, Any], set[Path], Problems]] = {}
"""Compiled folders, the files they took, the warnings about them, by the state of their files: a configuration that is
read again compiles only what has changed."""
MOST_COMPILED = 64

Entries = Mapping[str, tuple[Document, dict[str, Any]]]


def lowered(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with the names of headers in lower case, so that a child's `Authorization` replaces `authorization`."""
    result = dict(entry)
    if "headers" in result:
        result["headers"] = {name.lower(): text for name, text in result["headers"].items()}
    if "headers" in result.get("stream", {}):
        result["stream"] = lowered(result["stream"])
    return result


class DialectLoader:
    """Makes the dialects of some entries. What is wrong goes to `problems`; a dialect with errors is left out.

    Templates that are among the `checked` ones are compiled later (deferred_templates.py).
    """

    def __init__(
        self, resources: Resources, entries: Entries, problems: Problems, checked: CheckedTemplates | None = None
    ) -> None:
        self.resources = resources
        self.entries = entries
        self.problems = problems
        self.checked = checked
        self.read: set[Path] = set()
        self.templates_read: set[Path] = set()
        self.loaded: dict[str, Dialect | None] = {}

    def load_all(self) -> dict[str, Dialect]:
        found = {}
        for name in self.entries:
            dialect = self.load(name)
            if dialect is not None:
                found[name] = dialect
        return found

    def chain(self, name: str) -> tuple[str, ...]:
        """`name` and whom it is like, up to the root. Stops, with a problem, where the chain breaks."""
        chain = [name]
        while True:
            document, entry = self.entries[chain[-1]]
            parent = entry.get("like")
            if parent is None:
                return tuple(chain)
            line = document.line(("dialects", chain[-1], "like"))
            if parent in chain:
                # Everybody in the circle comes by here; it is told once, at its first name.
                if chain[0] == min(chain):
                    circle = " → ".join([*chain, parent])
                    self.problems.error("P005", document.file, line, f"dialects.{name}: {circle} is a circle.")
                return ()
            if parent not in self.entries:
                hint = did_you_mean(str(parent), self.entries) or f"Known: {', '.join(sorted(self.entries))}."
                self.problems.error(
                    "P005", document.file, line, f"dialects.{chain[-1]}.like: {parent!r} is not a dialect.", hint
                )
                return ()
            chain.append(parent)

    def load(self, name: str) -> Dialect | None:
        """The dialect of that name; None where something is wrong with it."""
        if name not in self.loaded:
            self.loaded[name] = None
            chain = self.chain(name)
            self.loaded[name] = self.make(name, chain) if chain else None
        return self.loaded[name]

    def make(self, name: str, chain: tuple[str, ...]) -> Dialect | None:
        entry: dict[str, Any] = {}
        for link in reversed(chain):
            entry = merged(lowered(self.entries[link][1]), entry)
        entry["patch"] = Patches(patch for link in reversed(chain) for patch in self.patches(link, name).patches)
        entry["told"] = tuple(self.declared_losses(chain, entry.get("told") or ()))
        document = self.entries[name][0]
        place = (document.file, document.line(("dialects", name)))
        before = len(self.problems.errors)
        services = present(entry.get("services") or {})
        files = self.files(name, chain, place) | service_files(self.resources, chain, services, self.problems, place)
        framing = (entry.get("stream") or {}).get("framing")
        if framing in READ_ONLY and "write_event" in files:
            sentence = f"dialects.{name}.stream: nothing is written to callers in {framing}."
            self.problems.error("P013", *place, sentence, "Only providers stream so; take the callers' side away.")
        shapes = read_shapes(self.resources, chain, self.problems)
        templates = self.templates(name, chain, files)
        if templates is None or len(self.problems.errors) > before:
            return None
        functions: dict[str, Any] = {kind: function_of(templates, kind) for kind in EIGHT}
        own = {path for link in chain[:-1] for kind in PROVIDER_SIDE if (path := self.own_file(link, kind))}
        return Dialect(
            name=name,
            family=chain[-1],
            chain=chain,
            files=files,
            templates=templates,
            passes_through=not own and entry.get("pass_through", True),
            place=place,
            places=self.places(chain),
            service_templates=service_functions(templates, services),
            shapes=shapes,
            **functions,
            **settings_of(entry),
        )

    def declared_losses(self, chain: tuple[str, ...], declared: Sequence[Any]) -> Iterator[DeclaredLoss]:
        """The entries of `told:`; what is wrong with one is told at its line."""
        for index, entry in enumerate(declared):
            try:
                yield DeclaredLoss.read(entry)
            except ValueError as error:
                place = self.places(chain).get(("told", index), ("", 0))
                self.problems.error("P015", *place, f"This loss cannot be told: {error}")

    def patches(self, link: str, name: str) -> Patches:
        """The patches that stand at `link`, told as problems when it is `name` itself that is loaded."""
        document, entry = self.entries[link]
        problems = self.problems if link == name else Problems()
        return read_patches(document, ("dialects", link, "patch"), entry.get("patch"), problems)

    def places(self, chain: tuple[str, ...]) -> dict[tuple[str | int, ...], tuple[str, int]]:
        """Where each member of the merged entry stands, the child's own lines first."""
        found: dict[tuple[str | int, ...], tuple[str, int]] = {}
        for link in chain:
            document = self.entries[link][0]
            for path, line in document.lines.items():
                if path[:2] == ("dialects", link):
                    found.setdefault(path[2:], (document.file, line))
        return found

    def templates(self, name: str, chain: tuple[str, ...], files: Mapping[str, Path]) -> Mapping[str, Any] | None:
        """The compiled templates. A child without a file of its own shares its parent's."""
        if len(chain) > 1 and not self.resources.template_folder(name):
            parent = self.load(chain[1])
            return parent.templates if parent else None
        folder = [path for link in chain for path in self.resources.template_folder(link)]
        state = tuple((path, (stat := path.stat()).st_mtime_ns, stat.st_size) for path in folder)
        remembered = COMPILED.get((name, chain, state))
        digest = self.checked.digest(name, chain, folder) if self.checked is not None else ""
        if self.checked is not None and digest in self.checked:
            compiler = self.compiler(name, chain)
            return DeferredTemplates(iter(files), lambda kind: self.compile_kind(compiler, name, kind, chain[-1]))
        if remembered is None:
            told, self.read = Problems(), set()
            remembered = self.compile(name, chain, files, told), self.read, told
            if self.checked is not None and not told:
                self.checked.add(digest)
            if not told.errors:
                if len(COMPILED) >= MOST_COMPILED:
                    COMPILED.clear()
                COMPILED[name, chain, state] = remembered
        compiled, read, told = remembered
        self.templates_read |= read | {path for path in folder if path.name == FILE}
        self.problems += [problem for problem in told if problem not in self.problems]
        return compiled

    def own_file(self, name: str, kind: str) -> Path | None:
        return self.resources.template((name,), f"{kind}.j2")

    def files(self, name: str, chain: tuple[str, ...], place: tuple[str, int]) -> dict[str, Path]:
        """The templates of a dialect by kind; a side of which some are missing is a problem, and so is no side."""
        found = {kind: path for kind in EIGHT if (path := self.resources.template(chain, f"{kind}.j2"))}
        for side in (CLIENT_SIDE, PROVIDER_SIDE):
            present = [kind for kind in side if kind in found]
            for kind in side:
                if present and kind not in found:
                    self.problems.error(
                        "L001", *place, f"dialects.{name}: templates/{name}/{kind}.j2 is missing.",
                        f"There is {', '.join(present)}; all four of a side are needed.",
                    )  # fmt: skip
        if not found:
            self.problems.error(
                "L001", *place, f"dialects.{name}: there is no template in templates/{name}/.",
                f"Providers' dialects need {', '.join(PROVIDER_SIDE)}, callers' {', '.join(CLIENT_SIDE)}.",
            )  # fmt: skip
        return found

    def compiler(self, name: str, chain: tuple[str, ...]) -> Compiler:
        """What compiles the templates of one dialect, its own files before those of whom it is like."""

        def load(asked: str) -> tuple[str, str]:
            file = asked.removeprefix(f"{name}/")
            path = self.resources.template(chain, file)
            if path is None:
                raise FileNotFoundError(asked)
            self.read.add(path)
            return path.read_text("utf-8"), self.resources.shown(path)

        return Compiler(load)

    @staticmethod
    def compile_kind(compiler: Compiler, name: str, kind: str, family: str) -> Template:
        return compiler.compile(f"{name}/{kind}.j2", kind=kind_of(kind), dialect=family)

    def compile(
        self, name: str, chain: tuple[str, ...], files: Mapping[str, Path], problems: Problems
    ) -> dict[str, Any]:
        compiler = self.compiler(name, chain)
        compiled = {}
        for kind, path in files.items():
            try:
                compiled[kind] = self.compile_kind(compiler, name, kind, chain[-1])
                for warning in compiled[kind].warnings:
                    problems.caught(warning, "T010", level="warning")
            except ConfigurationError as error:
                for one in (error, *getattr(error, "others", ())):
                    problems.caught(one, "T010", self.resources.shown(path))
            except (UnicodeDecodeError, OSError) as error:
                problems.error("L001", self.resources.shown(path), 0, f"This file cannot be read ({error}).")
        return compiled
