"""A dialect: an entry under `dialects:` (how to knock) and a folder in templates/ (what is said).

Its eight templates become eight Python functions when it is loaded. `like:` inherits another dialect: its YAML member
by member, its folder file by file, the child first. The root of that chain is the family, which decides what passes
through and what `unknown` blocks belong to.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from .declared_losses import DeclaredLoss
from .patches import Patches
from .raw_reasoning import Carrier
from .shapes import Shape
from .token_rules import TokenRule

Function = Callable[[Mapping[str, Any]], Any]
Headers = list[tuple[bytes, bytes]]

CLIENT_SIDE = ("read_request", "write_response", "write_event", "write_error")
PROVIDER_SIDE = ("write_request", "read_response", "read_event", "read_error")
EIGHT = CLIENT_SIDE + PROVIDER_SIDE

NEVER_FORWARDED = frozenset(
    b"authorization proxy-authorization x-api-key api-key cookie host content-length content-type content-encoding "
    b"transfer-encoding connection keep-alive te trailer upgrade accept-encoding expect".split()
)
"""Headers that belong to one connection, or are somebody's credentials for somebody else: no glob reaches them."""


@dataclass(frozen=True, slots=True)
class Framing:
    """How a stream is cut into frames: `sse`, `ndjson` or `json-array`.

    `end` is what ends it, if anything does: the text of an event, or its name. `number` is the member of each frame
    that counts them. `comments`: whether the dialect's clients bear comments between events. `opens`: whether each
    stream opens with its start, also one that only fails, or waits.
    """

    name: Literal["sse", "ndjson", "json-array"] = "sse"
    end: str | None = None
    number: str | None = None
    comments: bool = True
    opens: bool = False


@dataclass(frozen=True, slots=True)
class NameRule:
    """What a name (or id) of a tool may look like: `max` characters, and a regular expression that it matches whole."""

    max: int | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Where clients of the dialect bring sealed reasoning back, and whether the dialect demands earlier reasoning.

    `seals`: what a seal must look like there: any `text`, or `base64` where clients decode what is opaque. `calls`:
    whether the signature of a call stands `inside` the call, or as a redacted thought `before` it. `tags`: what
    encloses a thought that stands in the text of an answer, where it does. `signed`: whether thoughts are; where they
    are not, one that nobody has signed is taken, whoever had it.
    """

    carriers: tuple[Carrier, ...] = ()
    replay: Literal["required", "optional", "forbidden"] = "optional"
    seals: Literal["text", "base64"] = "text"
    calls: Literal["inside", "before"] = "inside"
    tags: tuple[str, str] | None = None
    signed: bool = True


@dataclass(frozen=True, slots=True)
class ModelList:
    """How to ask for the list of models, and by which JSON pointers to read the answer. `prefix`: what stands before
    each id in the list, and nowhere else. `base_url`: where the list is, if not where conversations are."""

    path: str
    query: Mapping[str, str]
    items: str
    id: str
    name: str | None
    created: str | None
    owned_by: str | None
    prefix: str = ""
    base_url: str = ""


@dataclass(frozen=True, slots=True)
class UsageOption:
    """What asks a stream for its usage (`set` to true), and the array that is `empty` in the event that then comes."""

    set: str
    empty: str | None


@dataclass(frozen=True, slots=True)
class ModelIn:
    """Where the model's name stands: pointers into a whole answer and into stream events."""

    response: tuple[str, ...] = ()
    event: tuple[str, ...] = ()


class Globs:
    """Header names by glob, lower case. Empty: none. Some names no glob ever reaches."""

    __slots__ = ("globs", "matches")

    def __init__(self, globs: Iterable[str] = ()) -> None:
        self.globs = tuple(glob.lower() for glob in globs)
        pattern = re.compile("|".join(f"(?:{fnmatch.translate(glob)})" for glob in self.globs) or r"(?!)")

        @lru_cache(maxsize=256)
        def matches(name: bytes) -> bool:
            return name not in NEVER_FORWARDED and pattern.match(name.decode("latin-1")) is not None

        self.matches = matches

    def __iter__(self) -> Any:
        return iter(self.globs)

    def __bool__(self) -> bool:
        return bool(self.globs)

    def __repr__(self) -> str:
        return f"Globs({', '.join(self.globs)})"

    def choose(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        """Those of `headers` that are forwarded, their names in lower case."""
        if not self.globs:
            return []
        matches = self.matches
        return [(low, value) for name, value in headers if matches(low := name.lower())]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire format, ready to use. A function is None where the dialect has no such template.

    `headers`, `query`, `path` and `stream_headers` are still text with holes: a provider's door compiles them, because
    the names that a provider declares under `values:` are holes too.
    """

    name: str
    family: str
    chain: tuple[str, ...]
    files: Mapping[str, Path] = field(repr=False)
    templates: Mapping[str, Any] = field(repr=False)
    read_request: Function | None = field(repr=False)
    write_response: Function | None = field(repr=False)
    write_event: Function | None = field(repr=False)
    write_error: Function | None = field(repr=False)
    write_request: Function | None = field(repr=False)
    read_response: Function | None = field(repr=False)
    read_event: Function | None = field(repr=False)
    read_error: Function | None = field(repr=False)
    passes_through: bool
    place: tuple[str, int]
    places: Mapping[tuple[str | int, ...], tuple[str, int]] = field(default_factory=dict, repr=False)
    """File and line of each member of the entry, inherited ones included, by the way to it: ("query", "limit")."""
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Framing = Framing()
    stream_headers: Mapping[str, str] = field(default_factory=dict)
    tool_names: NameRule | None = None
    tool_ids: NameRule | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    reasoning: Reasoning = Reasoning()
    request_id_header: str | None = None
    forward_request_headers: Globs = field(default_factory=Globs)
    forward_response_headers: Globs = field(default_factory=Globs)
    error_inside: str | None = None
    answer_in: tuple[str, ...] = ()
    """Pointers into a whole answer, one of which leads somewhere if it is one."""
    shapes: Mapping[str, Shape] = field(default_factory=dict, repr=False)
    """What a `response` and an `event` must look like at least."""
    errors_in_stream: frozenset[str] = frozenset()
    """Types or codes of errors that callers who asked for a stream understand only there, under a status of 200."""
    models: ModelList | None = None
    usage_option: UsageOption | None = None
    model_in: ModelIn = ModelIn()
    usage_in: tuple[str, ...] = ()
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What else can be asked for at its doors beside a conversation, by the contract's name: path, query, base_url."""
    service_templates: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The two functions (`write`, `read`) of those services that are asked for in another dialect's words."""
    told: tuple[DeclaredLoss, ...] = ()
    """Losses that no trial finds."""
    tokens: TokenRule = field(default_factory=TokenRule)
    schemas: Mapping[str, str] = field(default_factory=dict)
    patch: Patches = field(default_factory=Patches)
    """What mends the quirks of all servers of this dialect, its parents' first; a provider's own come after it."""
    method: str = "POST"

    def settle(self) -> None:
        """Compile what was deferred, and call it without a detour from now on. May run in any thread."""
        for kind in self.templates:
            function = self.templates[kind].function
            if kind in EIGHT:
                object.__setattr__(self, kind, function)
        if self.usage_in and "read_response" in self.templates:
            self.templates["read_response"].member("usage")

    @property
    def speaks_to_clients(self) -> bool:
        return self.read_request is not None

    @property
    def speaks_to_providers(self) -> bool:
        return self.write_request is not None
