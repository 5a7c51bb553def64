"""Providers: whom we call. Values only; providers are read in provider_loading.py and found in resolving.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from .dialects import Dialect
from .doors import Door
from .patches import Patches
from .signing import Auth

__all__ = ["Door", "Model", "Provider", "Retries", "Secret", "Target", "Timeout", "Tls"]


class Secret:
    """Text that nothing prints: `reveal()` gives it, everything else gives a dot-dot-dot."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        return "…"

    def __bool__(self) -> bool:
        return bool(self._text)


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds for each phase; `read` is between two pieces of an answer. There is no limit on the whole."""

    connect: float = 10.0
    read: float = 600.0
    write: float = 60.0
    pool: float = 10.0


@dataclass(frozen=True, slots=True)
class Retries:
    """How often to try again: `unsent` when nothing was sent, `answered` after a status in `on` (Retry-After honoured).

    The official client packages retry 429 and 5xx themselves, so `answered` is 0 unless an operator asks for more.
    """

    unsent: int = 1
    answered: int = 0
    on: frozenset[int] = frozenset({429, 503, 529})
    longest_wait: float = 30.0


@dataclass(frozen=True, slots=True)
class Connections:
    """`limit`: calls under way at once, `idle`: unused connections kept; 0: no limit. Seconds: `idle_for` is how long
    an unused one is kept, `age` after which one is not used again.
    """

    limit: int = 0
    idle: int = 1000
    idle_for: float = 30.0
    age: float = 600.0


@dataclass(frozen=True, slots=True)
class Tls:
    """Whether the provider's certificate is checked, by which authorities (a file), and our own certificate."""

    verify: bool = True
    ca: str | None = None
    cert: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A declared model. `created` is seconds since 1970, None where the file does not say."""

    id: str
    name: str
    created: int | None = None
    owned_by: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Provider:
    """One account somewhere. `off` says why nothing can be sent there; `doors` are by dialect name, its `type` first.

    `any_model`: every id is let through, and the list is asked for; `other` then holds what is declared for the rest.
    """

    id: str
    type: str
    dialect: Dialect
    name: str
    base_url: str
    key: Secret | None
    enabled: bool
    off: str | None
    models: Mapping[str, Model]
    any_model: bool
    other: Model | None
    main: Door
    also: Mapping[str, Door]
    by_family: Mapping[str, Door]
    place: tuple[str, int]
    timeout: Timeout = Timeout()
    retries: Retries = Retries()
    connections: Connections = Connections()
    trust_env: bool = True
    proxy: str | None = None
    tls: Tls = Tls()
    http2: bool = False
    on_loss: Literal["report", "refuse"] = "report"
    reasoning_scope: str = ""
    thought_tags: tuple[str, str] | None = None
    broken_images: Literal["send", "replace"] = "send"
    transport: Literal["http", "demo"] = "http"
    auth: Auth | None = None

    def __repr__(self) -> str:
        return f"Provider({self.id}, type {self.type}{', off' if self.off else ''})"

    @property
    def defaults(self) -> Mapping[str, Any]:
        return self.main.defaults

    @property
    def values(self) -> Mapping[str, Any]:
        return self.main.values

    @property
    def patch(self) -> Patches:
        return self.main.patch

    def door(self, family: str) -> Door:
        """The door for a caller of this family: that family's where it passes through, else that of `type`."""
        return self.by_family.get(family, self.main)

    def serving(self, service: str, family: str) -> Door | None:
        """The door where a service is to be had: the caller's family's if it has it, else that of `type`, else any."""
        doors = (self.door(family), self.main, *self.also.values())
        return next((door for door in doors if door.serves(service)), None)

    def model(self, model_id: str) -> Model | None:
        """What is declared for a model, if anything is."""
        return self.models.get(model_id) or self.other

    def serves(self, model_id: str) -> bool:
        return model_id in self.models or (self.any_model and bool(model_id))


class Target:
    """Where one call goes. `requested` is the model as the caller wrote it; `model` is None where none is declared.

    Targets are kept and shared by calls (resolving.py), so what every call would make of one is made once here:
    the model's id and the caller's name for it as JSON.
    """

    __slots__ = ("model", "model_id", "model_json", "provider", "requested", "requested_json")

    def __init__(self, provider: Provider, model_id: str, model: Model | None, requested: str) -> None:
        self.provider = provider
        self.model_id = model_id
        self.model = model
        self.requested = requested
        self.model_json = orjson.dumps(model_id)
        self.requested_json = orjson.dumps(requested)

    def defaults(self, door: Door) -> Mapping[str, Any]:
        """Members filled in where the request has none: of the model, the provider, the dialect, in that order."""
        return door.merged_defaults(self.model.defaults) if self.model else door.defaults

    def values(self, door: Door) -> Mapping[str, Any]:
        """What templates see as `values`."""
        return door.merged_values(self.model.values) if self.model else door.values
