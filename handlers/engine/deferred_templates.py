"""Templates that are compiled when they are first needed, or soon after the start.

To compile all that there is takes longer than the rest of the start together, and most of it is for dialects that
nobody here speaks. Only templates that are known to compile are put off (checked_templates.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Compile = Callable[[str], Any]


class DeferredTemplates(Mapping[str, Any]):
    """The templates of one dialect by kind. `compile` makes one; it raises ConfigurationError."""

    __slots__ = ("_compile", "_kinds", "_lock", "_made")

    def __init__(self, kinds: Iterator[str], compile_kind: Compile) -> None:
        self._kinds = tuple(kinds)
        self._compile = compile_kind
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __getitem__(self, kind: str) -> Any:
        made = self._made.get(kind)
        if made is None:
            if kind not in self._kinds:
                raise KeyError(kind)
            with self._lock:  # a thread in the background and a first request may want it at once
                if kind not in self._made:
                    self._made[kind] = self._compile(kind)
                made = self._made[kind]
        return made

    def __contains__(self, kind: object) -> bool:
        return kind in self._kinds

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


class DeferredFunction:
    """Stands in a dialect for the function of a template until `Dialect.settle` puts that in its place."""

    __slots__ = ("kind", "templates")

    def __init__(self, templates: DeferredTemplates, kind: str) -> None:
        self.templates = templates
        self.kind = kind

    def __call__(self, given: Mapping[str, Any]) -> Any:
        return self.templates[self.kind].function(given)


def function_of(templates: Mapping[str, Any], kind: str) -> Callable[[Mapping[str, Any]], Any] | None:
    """What a dialect calls for a kind of template; None where it has none."""
    if kind not in templates:
        return None
    if isinstance(templates, DeferredTemplates):
        return DeferredFunction(templates, kind)
    function: Callable[[Mapping[str, Any]], Any] = templates[kind].function
    return function
