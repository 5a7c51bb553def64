"""From an entry under `providers:` to a Provider: type found, doors made, models dated; off with a reason if so."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any
from urllib.parse import urlsplit

from .dialect_settings import tags
from .dialects import Dialect
from .documents import Document, Filled, Path, Unset
from .doors import JSON_HEADERS, Door, Knock
from .errors import ConfigurationError, GatewayError
from .merging import merged, merged_values, plain, present
from .patch_reading import read_patches
from .patches import Patches
from .problems import Problems, did_you_mean
from .providers import Connections, Model, Provider, Retries, Secret, Timeout, Tls
from .signing import OPTIONAL, Auth, contradiction, missing

RESERVED = frozenset({"v1", "v1beta", "api", "health", "api-docs", "api-docs.json"})
"""First segments of our own paths; a provider of that name could not be reached under /{provider_id}/…"""

ID = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
INSIDE = "http://inside"
"""Where a provider is that answers inside the process."""

LOOPBACK = re.compile(r"localhost\Z|.*\.localhost\Z|127\.\d+\.\d+\.\d+\Z|::1\Z")


class ProviderLoader:
    """Makes the providers of one document. What is wrong goes to `problems`; a provider with errors is left out."""

    def __init__(
        self, document: Document, dialects: Mapping[str, Dialect], declared: frozenset[str], problems: Problems,
        environment: Mapping[str, str], *, quiet: bool = False,
    ) -> None:  # fmt: skip
        """`declared`: the names of all dialects, those with errors too. `quiet`: an unset variable is but a note."""
        self.environment = environment
        self.document, self.dialects, self.declared, self.problems = document, dialects, declared, problems
        self.quiet = quiet
        self.secrets: list[str] = []

    def load_all(self) -> dict[str, Provider]:
        found = {}
        for provider_id, entry in self.document.section("providers").items():
            before = len(self.problems.errors)
            provider = self.load(provider_id, entry) if isinstance(entry, dict) else None
            if provider is not None and len(self.problems.errors) == before:
                found[provider_id] = provider
        for provider_id, entry in self.document.refused.items():
            if isinstance(entry, dict) and isinstance(entry.get("type"), str):
                self.dialect(entry["type"], ("providers", provider_id, "type"))  # to be told with what else is wrong
        return found

    def complain(self, code: str, path: Path, sentence: str, hint: str = "") -> None:
        self.problems.error(code, self.document.file, self.document.line(path), sentence, hint)

    def load(self, provider_id: str, entry: dict[str, Any]) -> Provider | None:
        path: Path = ("providers", provider_id)
        if provider_id in RESERVED or not ID.match(provider_id):
            why = "is reserved" if provider_id in RESERVED else "cannot be an id"
            hint = "Use lower-case letters, digits, dots, dashes and underscores, such as my-provider."
            self.complain("P010", path, f"providers: {provider_id!r} {why}.", hint)
            return None
        dialect = self.dialect(entry.get("type"), (*path, "type"))
        if dialect is None:
            return None
        transport = entry.get("transport", "http")
        if transport == "http":
            self.check_url(entry.get("base_url"), (*path, "base_url"))
        main = self.door(dialect, entry, path, entry)
        also = {}
        for name, difference in entry.get("also", {}).items():
            other = self.dialect(name, (*path, "also", name))
            if difference and "base_url" in difference:
                self.check_url(difference["base_url"], (*path, "also", name, "base_url"))
            if other is not None:
                also[name] = self.door(other, entry, (*path, "also", name), difference or {}, further=True)
        if main is None or None in also.values():
            return None
        self.check_key(entry, path)
        auth = self.auth(entry, path)
        doors = {name: door for name, door in also.items() if door is not None}
        listed = entry.get("models", "any")
        models, other_model = self.models(listed)
        return Provider(
            id=provider_id, type=entry["type"], dialect=dialect, name=entry.get("name", provider_id),
            base_url=str(entry.get("base_url", "")), key=Secret(entry["key"].strip()) if entry.get("key") else None,
            enabled=entry.get("enabled", True), off=self.off(entry, path),
            models=models, any_model=listed == "any" or "*" in listed, other=other_model,
            main=main, also=doors, by_family=_by_family([main, *doors.values()]),
            place=(self.document.file, self.document.line(path)),
            timeout=Timeout(**{name: _seconds(value) for name, value in entry.get("timeout", {}).items()}),
            retries=_retries(entry.get("retries", {})), connections=_connections(entry.get("connections", {})),
            trust_env=entry.get("trust_env", True), proxy=entry.get("proxy"), tls=Tls(**entry.get("tls", {})),
            http2=entry.get("http2", False), on_loss=entry.get("on_loss", "report"),
            reasoning_scope=entry.get("reasoning_scope", provider_id), transport=transport,
            broken_images=entry.get("broken_images", "send"), auth=auth,
            thought_tags=tags(entry["thought_tags"]) if "thought_tags" in entry else dialect.reasoning.tags,
        )  # fmt: skip

    def dialect(self, name: Any, path: Path) -> Dialect | None:
        found = self.dialects.get(name)
        if found is None and name not in self.declared:
            hint = did_you_mean(str(name), self.declared) or f"Known: {', '.join(sorted(self.declared))}."
            self.complain("P005", path, f"{_dotted(path)}: {name!r} is not a dialect.", hint)
        if found is not None and not found.speaks_to_providers:
            hint = "It needs write_request, read_response, read_event and read_error."
            self.complain("P005", path, f"{_dotted(path)}: {name!r} is a dialect that only callers speak.", hint)
            return None
        return found

    def check_url(self, url: Any, path: Path) -> None:
        if url is None:
            self.complain("P004", path[:-1], f"{_dotted(path)} is missing.", "It is where the provider is.")
        if url is None or isinstance(url, Unset):
            return
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            self.complain("P004", path, f"{_dotted(path)} is not an address.", "It begins with https:// or http://.")
        elif parts.query or parts.fragment or "?" in url:
            self.complain("P004", path, f"{_dotted(path)} holds a query.", "Put its parameters under query:.")
        elif parts.scheme == "http" and not LOOPBACK.match(parts.hostname):
            self.problems.warning(
                "P008", self.document.file, self.document.line(path),
                f"{_dotted(path)}: prompts and the key go to {parts.hostname} unencrypted.", "Use https.",
            )  # fmt: skip

    def check_key(self, entry: Mapping[str, Any], path: Path) -> None:
        key = entry.get("key")
        local = LOOPBACK.match(urlsplit(str(entry.get("base_url", ""))).hostname or "")
        if key and not isinstance(key, Filled | Unset) and not local:
            self.problems.warning(
                "P007", self.document.file, self.document.line((*path, "key")),
                f"{_dotted(path)}.key: a key is written in the file.", "Use ${NAME}, and set NAME in the environment.",
            )  # fmt: skip
        if key and not isinstance(key, Unset):
            self.secrets.append(key.strip())
        for member in ("headers", "query", "values", "also", "proxy"):
            self.secrets.extend(_filled_values(entry.get(member)))

    def auth(self, entry: Mapping[str, Any], path: Path) -> Auth | None:
        """The credentials that requests are signed with. None of their variables is ever shown."""
        declared = entry.get("auth")
        if not declared:
            return None
        wrong = contradiction(declared)
        if wrong is not None:
            hint = "Without keys they are looked for."
            self.complain("P004", (*path, "auth"), f"{_dotted(path)}.auth: {wrong}.", hint)
        auth = Auth.read(declared, lambda value: not isinstance(value, Unset), self.environment)
        self.secrets.extend(auth.secrets)
        if not isinstance(declared.get("secret_key"), Filled | Unset | NoneType):
            self.problems.warning(
                "P007", self.document.file, self.document.line((*path, "auth", "secret_key")),
                f"{_dotted(path)}.auth.secret_key: a key is written in the file.", "Use ${NAME}, and set NAME.",
            )  # fmt: skip
        return auth

    def off(self, entry: Mapping[str, Any], path: Path) -> str | None:
        """Why nothing can be sent to this provider, or None."""
        if not entry.get("enabled", True):
            return "it is switched off (enabled: false)"
        unset = [(place, name) for place, name in self.document.unset(path) if place[2:] != ("auth", OPTIONAL)]
        for place, name in unset:
            say = self.problems.note if self.quiet else self.problems.warning
            say("P002", self.document.file, self.document.line(place),
                f"{_dotted(place)}: {name} is not set, so {path[-1]} is off.",
                f"Set {name} in the environment or in .env.")  # fmt: skip
        names = list(dict.fromkeys(name for _, name in unset))
        if names:
            return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not set"
        lacking = missing() if entry.get("auth") else None
        if lacking:
            line = self.document.line((*path, "auth"))
            say = self.problems.note if self.quiet else self.problems.warning
            say("P014", self.document.file, line, f"{_dotted(path)}: {lacking}.")
        return lacking

    def door(
        self, dialect: Dialect, entry: Mapping[str, Any], path: Path, own: Mapping[str, Any], *, further: bool = False
    ) -> Door | None:
        """The door in `dialect`. A further door (`also:`) has the provider's headers, query, defaults, values too."""
        provider_headers = _lower(entry.get("headers", {}))
        headers = merged(_lower(own.get("headers", {})), provider_headers) if further else provider_headers
        query = merged(own.get("query", {}), entry.get("query", {})) if further else entry.get("query", {})
        values = merged_values(own.get("values", {}), merged_values(entry.get("values", {}), dialect.values))
        defaults = {**dialect.defaults, **entry.get("defaults", {}), **(own.get("defaults", {}) if further else {})}
        key = entry.get("key")
        knock = Knock(
            base_url=str(own.get("base_url") or entry.get("base_url") or INSIDE),
            path=own.get("path", dialect.path),
            query=present(merged(query, dialect.query)),
            headers=present({**JSON_HEADERS, **merged(headers, dialect.headers)}),
            stream_headers=dialect.stream_headers,
            key=key.strip() if key else None,
            values=values,
            services=present(merged(own.get("services", {}), dialect.services)),
            where=lambda member, name: self.where(dialect, path, member, name),
        )
        own_patch = read_patches(self.document, (*path, "patch"), own.get("patch"), self.problems)
        patch = Patches((*dialect.patch.patches, *own_patch.patches))
        try:
            door = Door(dialect, knock, patch, defaults)
            self.check_named(door, own_patch, path)
            return door
        except ConfigurationError as error:
            self.problems.caught(error, "P013")
        except GatewayError as error:
            self.complain("P013", path, f"{_dotted(path)}: {error.message}")
        return None

    def check_named(self, door: Door, own: Patches, path: Path) -> None:
        """A patch may take the model out of the body only where the URL or a header names it."""
        if door.names_model or not any(patch.takes_model for patch in door.patch.patches):
            return
        place = next(((*path, "patch", at) for at, patch in enumerate(own.patches) if patch.takes_model), path)
        self.complain(
            "P012", place, "This patch cannot work: it takes the model out of the body, and nothing else names it.",
            "Put {{ model }} into path:, query: or headers:.",
        )  # fmt: skip

    def where(self, dialect: Dialect, path: Path, member: str, name: str) -> tuple[str, int]:
        """Where a text of a door stands: in the entry at `path`, in its provider's, or else in the dialect's."""
        lines = self.document.lines
        for base in (path, path[:2]):
            if not name and (*base, member) in lines:
                return self.document.file, lines[(*base, member)]
            for spelling in self.document.at((*base, member)):
                if spelling.lower() == name.lower():
                    return self.document.file, lines[(*base, member, spelling)]
        for way in ((member, name), ("stream", member, name), (member, name.lower()), (member,)):
            if way in dialect.places:
                return dialect.places[way]
        return dialect.place

    def models(self, declared: Any) -> tuple[dict[str, Model], Model | None]:
        """The declared models, and what `"*"` says of all others."""
        if not isinstance(declared, dict):
            return {}, None
        found = {model_id: _model(model_id, entry or {}) for model_id, entry in declared.items()}
        return found, found.pop("*", None)


def _by_family(doors: list[Door]) -> dict[str, Door]:
    """The door that each family of callers passes through; the first of a family, `type` before `also`."""
    found: dict[str, Door] = {}
    for door in doors:
        if door.dialect.passes_through:
            found.setdefault(door.dialect.family, door)
    return found


def _model(model_id: str, entry: Mapping[str, Any]) -> Model:
    return Model(
        id=model_id,
        name=entry.get("name", model_id),
        created=_date(entry.get("created")),
        owned_by=entry.get("owned_by"),
        defaults=plain(entry.get("defaults", {})),
        values=plain(entry.get("values", {})),
    )


def _date(declared: str | int | None) -> int | None:
    """Seconds since 1970 of a declared date, at midnight UTC."""
    if declared is None or isinstance(declared, int):
        return declared
    try:
        date = datetime.date.fromisoformat(declared)
    except ValueError:
        return None
    return int(datetime.datetime(date.year, date.month, date.day, tzinfo=datetime.UTC).timestamp())


def _seconds(declared: float | str) -> float:
    if not isinstance(declared, str):
        return float(declared)
    match = re.fullmatch(r"([0-9.]+)(ms|s|m)", declared)
    return float(match[1]) * UNITS[match[2]] if match else Timeout().read


def _retries(declared: Mapping[str, Any]) -> Retries:
    given = dict(declared)
    if "statuses" in given:
        given["on"] = frozenset(given.pop("statuses"))
    if "longest_wait" in given:
        given["longest_wait"] = _seconds(given["longest_wait"])
    return Retries(**given)


def _connections(declared: Mapping[str, Any]) -> Connections:
    times = {name: _seconds(declared[name]) for name in ("idle_for", "age") if name in declared}
    return Connections(**{**declared, **times})


def _lower(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): text for name, text in headers.items()}


def _dotted(path: Path) -> str:
    return ".".join(str(step) for step in path)


def _filled_values(value: Any) -> Iterator[str]:
    """The values of variables anywhere below `value`: secrets, for all we know."""
    if isinstance(value, Filled):
        yield from value.values
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in inner:
        yield from _filled_values(member)
