"""The configuration: both providers.yaml read, checked and put together, home first.

Of a home providers.yaml the sections `providers`, `aliases`, `keys` and `tests` replace the bundled ones whole;
`dialects` are looked up by name, home first. Bundled aliases and tests speak of bundled providers; they go with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .checked_templates import CheckedTemplates
from .declarations import check_declarations
from .dialect_loading import DialectLoader
from .dialects import Dialect
from .documents import Document, Filled, Unset, read_document
from .errors import ConfigurationError
from .problems import Problems, did_you_mean
from .provider_loading import ProviderLoader
from .providers import Provider, Target
from .resources import Resources, environment_of

OWN_KEY = "MORELLO_API_KEY"
SHORTEST_SECRET = 6
"""Shorter values are not replaced in texts: they would be found in the middle of ordinary words."""


@dataclass(frozen=True, slots=True)
class Case:
    """One entry of `tests:` and where it stands."""

    it: str
    given: Mapping[str, Any]
    expect: Mapping[str, Any]
    overrides: Mapping[str, Any]
    file: str
    line: int


@dataclass(repr=False)
class Configuration:
    """All that operators decide. `origins` says for each section and template which file won."""

    resources: Resources
    dialects: dict[str, Dialect]
    providers: dict[str, Provider]
    aliases: dict[str, list[str]]
    keys: dict[str, list[str]]
    tests: list[Case]
    origins: dict[str, str]
    warnings: list[str]
    secrets: list[str]
    problems: Problems
    templates_read: set[Path] = field(default_factory=set)
    environment: Mapping[str, str] = field(default_factory=dict)
    declared_dialects: frozenset[str] = frozenset()
    targets: dict[tuple[str, str | None], Target] = field(default_factory=dict, repr=False)
    """Where models go that were asked for already (resolving.py)."""

    def __repr__(self) -> str:
        return f"Configuration({len(self.dialects)} dialects, {len(self.providers)} providers)"

    @cached_property
    def on(self) -> dict[str, Provider]:
        """The providers that calls can be sent to."""
        return {name: provider for name, provider in self.providers.items() if provider.off is None}

    @cached_property
    def listed(self) -> dict[str, list[str]]:
        """The full ids by what they end in, a model's id or its last piece after a slash; for error messages."""
        return listed(self.on.values())

    @cached_property
    def listed_off(self) -> dict[str, list[str]]:
        """The same of providers that are off."""
        return listed(provider for provider in self.providers.values() if provider.off is not None)


def listed(providers: Iterable[Provider]) -> dict[str, list[str]]:
    """The full ids of some providers' declared models by what they end in."""
    found: dict[str, list[str]] = {}
    for provider in providers:
        for model_id in provider.models:
            full = f"{provider.id}:{model_id}"
            for name in dict.fromkeys((model_id, model_id.rpartition("/")[2])):
                found.setdefault(name, []).append(full)
    return found


def load_configuration(
    home: Path, environment: Mapping[str, str], checked: CheckedTemplates | None = None
) -> Configuration:  # fmt: skip
    """The configuration of a home folder. Raises ConfigurationError for the first thing that is wrong.

    Templates that are among the `checked` ones are compiled when they are needed, for a quick start.
    """
    configuration = read_configuration(home, environment, checked)
    configuration.problems.raise_first()
    return configuration


def read_configuration(
    home: Path, environment: Mapping[str, str], checked: CheckedTemplates | None = None
) -> Configuration:  # fmt: skip
    """Like load_configuration, but with everything that is wrong in `problems`, and what could be read beside it.

    Raises ConfigurationError only where the files cannot be read at all.
    """
    problems = Problems()
    resources = Resources(home)
    environment = environment_of(resources.home, environment)
    documents = [_read(resources, path, environment, problems) for path in resources.providers_files()]
    if not documents:
        raise ConfigurationError("There is no providers.yaml.", file=str(resources.home))
    if problems.errors and not documents[0].lines:
        documents = documents[:1]  # it is no YAML: nothing that follows from that is worth telling
    sections = _sections(documents)
    entries = _dialect_entries(documents)
    dialect_loader = DialectLoader(resources, entries, problems, checked)
    dialects = dialect_loader.load_all()
    if checked is not None:
        checked.keep()
    document = sections["providers"]
    bundled = document is documents[-1] and resources.origin(_path(resources, document)) == "bundled"
    declared = frozenset().union(*(document.names.get("dialects", frozenset()) for document in documents))
    loader = ProviderLoader(document, dialects, declared, problems, environment, quiet=bundled)
    providers = loader.load_all()
    _complain_unset(documents, sections, problems)
    aliases = _aliases(sections["aliases"], document, providers, problems)
    keys = _keys(sections["keys"], problems)
    own_key = environment.get(OWN_KEY, "").strip()
    secrets = [*loader.secrets, *(key for several in keys.values() for key in several), own_key]
    origins = {name: section.file for name, section in sections.items()}
    for name, dialect in dialects.items():
        for kind, path in dialect.files.items():
            origins[f"templates/{name}/{kind}.j2"] = f"{resources.shown(path)} ({resources.origin(path)})"
    return Configuration(
        resources=resources, dialects=dialects, providers=providers, aliases=aliases, keys=keys,
        tests=_tests(sections["tests"]), origins=origins,
        warnings=[str(problem) for problem in problems if problem.level == "warning"],
        secrets=spellings(secrets),
        problems=problems, templates_read=dialect_loader.templates_read,
        environment=environment, declared_dialects=declared,
    )  # fmt: skip


def spellings(secrets: Sequence[str]) -> list[str]:
    """The values to be kept out of texts, the longest first; a key in a URL is spelt in its own way."""
    long_enough = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
    return sorted(long_enough | {quote(secret, safe="") for secret in long_enough}, key=len, reverse=True)


def _path(resources: Resources, document: Document) -> Path:
    found = (path for path in resources.providers_files() if _name(resources, path) == document.file)
    return next(found, resources.home)


def _name(resources: Resources, path: Path) -> str:
    in_home = resources.home == resources.bundled or resources.origin(path) == "home"
    return resources.shown(path) if in_home else str(path)


def _read(resources: Resources, path: Path, environment: Mapping[str, str], problems: Problems) -> Document:
    file = _name(resources, path)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("This file cannot be read.", file=file, hint=f"({error})") from error
    document = read_document(text, file, environment, problems, raw=frozenset({"tests"}))
    before = len(problems)
    check_declarations(document, problems)
    if len(problems) > before:
        _drop_wrong(document, problems[before:])
    return document


def _drop_wrong(document: Document, found: list[Any]) -> None:
    """Take out the entries that the schema refuses, so that what reads the rest can rely on its form."""
    wrong = {problem.line for problem in found if problem.level == "error"}
    for section, content in list(document.data.items()):
        if document.line((section,)) in wrong or not isinstance(content, dict | list):
            if content is not None:
                del document.data[section]
            continue
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        for key in reversed(keys):
            if wrong & _lines(document, (section, key)):
                if section == "providers":
                    document.refused[key] = content[key]
                del content[key]


def _lines(document: Document, path: tuple[str | int, ...]) -> set[int]:
    return {line for place, line in document.lines.items() if place[: len(path)] == path}


def _sections(documents: list[Document]) -> dict[str, Document]:
    """For each section the document it is taken from."""
    home, bundled = documents[0], documents[-1]
    found = {name: home if name in home.data else bundled for name in ("providers", "aliases", "keys", "tests")}
    if found["providers"] is home:
        found["aliases"] = found["tests"] = home
    return found


def _dialect_entries(documents: list[Document]) -> dict[str, tuple[Document, dict[str, Any]]]:
    entries: dict[str, tuple[Document, dict[str, Any]]] = {}
    for document in documents:
        for name, entry in document.section("dialects").items():
            entries.setdefault(name, (document, entry or {}))
    return entries


def _complain_unset(documents: list[Document], sections: Mapping[str, Document], problems: Problems) -> None:
    """A variable that is not set outside a provider stops the start."""
    for document in documents:
        used = {name for name, section in sections.items() if section is document} | {"dialects"}
        for place, name in document.unset():
            if place[0] in used - {"providers", "tests"}:
                where = ".".join(map(str, place))
                hint = f"Set {name} in the environment or in .env."
                problems.error("P002", document.file, document.line(place), f"{where}: {name} is not set.", hint)


def _aliases(
    document: Document, owner: Document, providers: Mapping[str, Provider], problems: Problems
) -> dict[str, list[str]]:
    """Names of the operator's own; each must lead to a model that its provider has."""
    found = {}
    declared = owner.names.get("providers", frozenset())
    for alias, targets in document.section("aliases").items():
        found[alias] = [targets] if isinstance(targets, str) else list(targets)
        for target in found[alias]:
            if isinstance(target, Unset):
                continue
            provider_id, _, model_id = target.partition(":")
            provider = providers.get(provider_id)
            line = document.line(("aliases", alias))
            if provider_id not in declared:
                hint = did_you_mean(provider_id, declared) or f"Known: {', '.join(sorted(declared))}."
                sentence = f"aliases.{alias}: there is no provider {provider_id!r}."
                problems.error("P011", document.file, line, sentence, hint)
            elif provider is not None and not provider.serves(model_id):
                hint = did_you_mean(model_id, provider.models)
                sentence = f"aliases.{alias}: the provider {provider_id!r} has no model {model_id!r}."
                problems.error("P011", document.file, line, sentence, hint)
    return found


def _keys(document: Document, problems: Problems) -> dict[str, list[str]]:
    """Who may call, as declared; MORELLO_API_KEY counts beside them (security.py)."""
    found: dict[str, list[str]] = {}
    for name, declared in document.section("keys").items():
        several = [declared] if isinstance(declared, str) else list(declared)
        for key in several:
            if not isinstance(key, Filled | Unset):
                sentence = f"keys.{name}: a key is written in the file."
                line = document.line(("keys", name))
                problems.warning("P007", document.file, line, sentence, "Use ${NAME}, and set NAME in the environment.")
        found[name] = [str(key) for key in several if not isinstance(key, Unset)]
    return found


def _tests(document: Document) -> list[Case]:
    declared = document.data.get("tests") or []
    return [
        Case(
            it=entry["it"],
            given=entry["given"],
            expect=entry["expect"],
            overrides=entry.get("overrides", {}),
            file=document.file,
            line=document.line(("tests", index)),
        )
        for index, entry in enumerate(declared)
    ]
