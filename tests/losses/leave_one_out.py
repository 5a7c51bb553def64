"""The truth about losses, one place at a time: take it out (or change it), translate again, compare.

Random requests are drawn from the same schema that the table was made from. It is slow and it needs no theory, so the
table is held to it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from handlers.engine.losses import Table
from handlers.engine.losses.containers import CLASSES
from handlers.engine.losses.holes import FAILED
from handlers.engine.losses.inquiry import changed, replaced, taken_out
from handlers.engine.losses.leaves import only_value
from handlers.engine.losses.specimens import EMPTY, Schemas, choices, closed_values, form, structured, tags, values

Place = tuple[tuple[Any, ...], bool, list[Any]]


@dataclass
class Outcome:
    places: int = 0
    translated: int = 0
    missed: list[str] = field(default_factory=list)  # lost, and not told
    examples: list[tuple[Any, Any]] = field(default_factory=list)
    glance_wrong: int = 0  # the validator said "nothing is lost", and the walk found some


def drawn(schemas: Schemas, schema: Any, rng: random.Random, depth: int = 0) -> Any:
    """A random request."""
    branch = rng.choice(schemas.branches(schema))
    if branch.get("type") == "array":
        return [drawn(schemas, branch.get("items", {}), rng, depth + 1) for _ in range(rng.choice((1, 1, 2, 3)))]
    if not structured(branch):
        tried = [value for value in values(branch) if value not in ("x-unheard-of", "x-unheard-of-either")] or [
            "strange"
        ]
        return rng.choice(tried)
    likely = rng.choice((0.1, 0.3, 0.7)) / (1 + depth / 4)
    required = branch.get("required", ())
    found = {
        key: drawn(schemas, member, rng, depth + 1)
        for key, member in branch.get("properties", {}).items()
        if key in required or rng.random() < likely
    }
    more = branch.get("additionalProperties", {})
    if more is not False and rng.random() < 0.1:
        found[f"foo_{rng.randrange(9)}"] = drawn(schemas, more, rng) if isinstance(more, dict) and more else "new"
    return found


def places(schemas: Schemas, schema: Any, value: Any, path: tuple[Any, ...] = (), needed: bool = False) -> Iterator[Place]:
    """Every place of a request where something is set, whether its set of values is closed, and (where it cannot be
    taken out) the other values of that set."""
    if value in EMPTY:
        return
    branch = next((one for one in schemas.branches(schema) if is_of(one, value)), None)
    if branch is None or branch.get("x-loss") == "none" or value == branch.get("default", ...):
        return
    if isinstance(value, list):
        for at, one in enumerate(value):
            yield from places(schemas, branch.get("items", {}), one, (*path, at))
    elif isinstance(value, dict) and structured(branch):
        inner = [key for key in value if key not in tags(branch)]
        for key in inner:
            member = branch.get("properties", {}).get(key) or branch.get("additionalProperties") or {"type": "string"}
            member = member if isinstance(member, dict) else {}
            if key not in branch.get("required", ()) or value[key] not in only_value(schemas.branches(member)):
                yield from places(schemas, member, value[key], (*path, key), key in branch.get("required", ()))
        if branch.get("properties", {}).keys() == tags(branch).keys():
            yield path, True, []
    else:
        closed = closed_values(branch) is not None or "x-extensible-enum" in branch
        yield path, closed, [one for one in values(branch) if one != value] if needed and closed else []


def is_of(branch: Any, value: Any) -> bool:
    if not isinstance(value, CLASSES[form(branch)]):
        return False
    closed = closed_values(branch)
    if closed is not None and value not in closed:
        return False
    if not isinstance(value, dict):
        return True
    return value.keys() >= set(branch.get("required", ())) and all(
        value[key] in some for key, some in choices(branch).items()
    )


def compare(table: Table, schema: Any, count: int, seed: int) -> Outcome:
    """The table against the truth, for `count` random requests."""
    schemas, rng, outcome = Schemas(schema), random.Random(seed), Outcome()
    for _ in range(count):
        request = drawn(schemas, schema, rng)
        whole = table.trial(request)
        if whole is FAILED:
            continue
        outcome.translated += 1
        losses = table(request)
        outcome.glance_wrong += bool(losses and table.carried(request))
        told = {loss.pointer for loss in losses}
        for path, closed, rest in places(schemas, schema, request):
            outcome.places += 1
            changes = [replaced(request, path, one) for one in rest]
            changes = changes or ([taken_out(request, path)] if closed else list(changed(request, path)))
            if all(table.trial(other) == whole for other in changes) and not covered(path, told):
                outcome.missed.append(".".join("*" if isinstance(step, int) else step for step in path))
                outcome.examples.append((path, request))
    return outcome


def covered(path: tuple[Any, ...], told: set[str]) -> bool:
    """Whether the place, or something that holds it, was told."""
    steps = ["/" + str(step).replace("~", "~0").replace("/", "~1") for step in path]
    return any("".join(steps[:length]) in told for length in range(len(steps) + 1))
