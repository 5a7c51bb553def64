"""From a path to the operations there: whole paths by look-up, templates by pattern.

Only `scope["path"]` is looked at, never the Host header or a rebuilt address.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError, NotFound
from .operation import Operation

RESERVED = frozenset({"v1", "v1beta", "api", "health", "api-docs"})
"""First segments that are never the id of a provider (the loader of providers refuses them too)."""

Found = tuple["Route", Mapping[str, str]]


class Route:
    """One path of the contract and its operations by method; HEAD comes with GET."""

    __slots__ = ("allow", "methods", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.methods: dict[str, Operation] = {}
        self.allow = b""

    @property
    def any(self) -> Operation:
        """One of the operations, for what they have in common."""
        return next(iter(self.methods.values()))

    def add(self, operation: Operation) -> None:
        """Another method of this path."""
        self.methods[operation.method] = operation
        if operation.method == "GET":
            self.methods.setdefault("HEAD", operation)
        self.allow = ", ".join(sorted(self.methods)).encode()


class Routes:
    """All paths of the contract."""

    def __init__(self) -> None:
        self.whole: dict[str, Route] = {}
        self.templates: list[tuple[re.Pattern[str], Route]] = []

    def add(self, operation: Operation, path_parameters: Mapping[str, Any]) -> None:
        """Another operation; `path_parameters` are the schemas of its path's parameters."""
        route = next((route for route in self if route.path == operation.path), None)
        if route is None:
            route = Route(operation.path)
            if "{" in operation.path:
                self.templates.append((_pattern(operation.path, path_parameters), route))
            else:
                self.whole[operation.path] = route
        route.add(operation)

    def link(self) -> None:
        """Once all are there: what `x-instead` names is another of them. Raises ConfigurationError where it is none."""
        known = {operation.id: operation for route in self for operation in route.methods.values()}
        for operation in known.values():
            declared = operation.extensions.get("x-instead", {})
            for other in declared.values():
                if other not in known:
                    raise ConfigurationError(f"The contract's operation {operation.id}: x-instead names no {other}.")
            operation.instead = tuple((name.lower().encode(), known[other]) for name, other in declared.items())

    def __iter__(self) -> Any:
        yield from self.whole.values()
        for _, route in self.templates:
            yield route

    def find(self, path: str) -> Found | None:
        """The route of a path and what its template's parameters are, or None."""
        route = self.whole.get(path)
        if route is not None:
            return route, NO_VALUES
        for pattern, templated in self.templates:
            match = pattern.fullmatch(path)
            if match is not None:
                return templated, match.groupdict()
        return None

    def near(self, path: str) -> tuple[str, Route] | None:
        """The path that was probably meant, and its route: a `/v1` forgotten or twice, a slash or a letter too many."""
        trimmed = "/" + path.strip("/")
        head, _, rest = trimmed[1:].partition("/")
        for candidate in (
            trimmed,
            f"/v1{trimmed}",
            trimmed.replace("/v1/v1/", "/v1/", 1),
            f"/{head}/v1/{rest}",
            trimmed.removeprefix("/api"),
        ):
            found = self.find(candidate) if candidate != path else None
            if found is not None:
                return candidate, found[0]
        for meant in difflib.get_close_matches(trimmed, self.whole, n=1, cutoff=0.9) if len(trimmed) < 100 else ():
            return meant, self.whole[meant]
        return None


NO_VALUES: Mapping[str, str] = {}


def unknown_path(path: str, near: str | None) -> NotFound:
    """The refusal of a path that the contract does not have."""
    hint = f" Did you mean {near}?" if near else ""
    return NotFound(f"There is no {path[:200]} here.{hint}", code="unknown_path")


def _pattern(path: str, path_parameters: Mapping[str, Any]) -> re.Pattern[str]:
    """A template as a pattern. A parameter is one segment, or with `format: path` the rest, slashes and all."""
    pattern = ""
    for number, part in enumerate(re.split(r"\{([^}]+)\}", path)):
        if number % 2 == 0:
            pattern += re.escape(part)
        elif path_parameters.get(part, {}).get("format") == "path":
            pattern += f"(?P<{part}>.+)"
        elif path.startswith(f"/{{{part}}}/"):
            pattern += f"(?!(?:{'|'.join(sorted(RESERVED))})/)(?P<{part}>[^/]+)"
        else:
            pattern += f"(?P<{part}>[^/]+)"
    return re.compile(pattern, re.DOTALL)
