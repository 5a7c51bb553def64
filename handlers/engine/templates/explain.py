"""The same template once more, with a record of the line that wrote each value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import Any

from .compiler import Compiler, Template
from .runtime import spread

Place = tuple[str, int]


class Line(int):
    """A line of a template, as a number; `file` is the file it is a line of, often that of a macro."""

    file: str

    def __new__(cls, place: Place) -> Line:
        line = super().__new__(cls, place[1])
        line.file = place[0]
        return line


class Record:
    """Which line put what into which object or list. They are kept while the record lives, so that an id stays one
    object's."""

    def __init__(self) -> None:
        self.places: dict[tuple[int, Any], Place] = {}
        self.kept: list[Any] = []

    def clear(self) -> None:
        self.places.clear()
        self.kept.clear()

    def noted(self, container: Any, key: Any, place: Place) -> None:
        self.kept.append(container)
        self.places[id(container), key] = place

    def noted_last(self, elements: list[Any], place: Place) -> None:
        self.noted(elements, len(elements) - 1, place)

    def noted_spread(self, container: dict[str, Any], members: Any, place: Place) -> None:
        before = set(container)
        spread(container, members)
        for name in container.keys() - before:
            self.noted(container, name, place)

    def pointers(self, value: Any, pointer: str = "") -> Iterator[tuple[str, Line]]:
        """The JSON pointer of each value that a template put, with its line."""
        pairs = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
        for key, inner in pairs:
            step = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
            place = self.places.get((id(value), key))
            if place is not None:
                yield step, Line(place)
            yield from self.pointers(inner, step)


def build_explained(template: Template) -> Callable[[Mapping[str, Any]], tuple[Any, dict[str, Line]]]:
    """A slower twin of a template's function. It gives the value, and the line that wrote each part of it, by JSON
    pointer; what came as a whole from the input has only the line that passed it on."""
    lock = Lock()
    record = Record()
    names = {"noted": record.noted, "noted_last": record.noted_last, "noted_spread": record.noted_spread}
    compiler = Compiler(template.compiler.load, names)
    twin = compiler.compile(template.name, kind=template.kind, dialect=template.dialect)

    def explained(given: Mapping[str, Any]) -> tuple[Any, dict[str, Line]]:
        with lock:
            record.clear()
            value = twin.function(given)
            return value, dict(record.pointers(value))

    return explained
