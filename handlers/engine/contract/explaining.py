"""One best sentence about why a value does not satisfy its schema: where (a JSON pointer) and what was expected.

Unions are where validators become unhelpful: each branch has something to complain about. The branch that got furthest
is the one that was meant, and only its complaint is told. The caller's values never appear, their kinds do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jsonschema_rs

TYPE_WORDS = {
    "string": "a string", "number": "a number", "integer": "an integer", "boolean": "true or false",
    "array": "an array", "object": "an object", "null": "null",
}  # fmt: skip
USUAL_TAGS = frozenset({"type", "role", "object"})
"""Members by which unions are told apart, where no open branch names one."""
UNIONS = frozenset({"oneOf", "anyOf"})

WRONG_KIND, OPEN_BRANCH, WRONG_TAG, MISSING = 1000, 900, 500, 10
BEYOND_64_BITS = "an integer beyond 64 bits"
"""What the parser has turned into a float."""
LONGEST_STRING = 4096
"""Longer strings are cut before errors are looked for: a validator copies the values that it complains about."""

Path = tuple[str | int, ...]
Raised = jsonschema_rs.ValidationError
Validator = jsonschema_rs.Draft4Validator | jsonschema_rs.Draft202012Validator


@dataclass(frozen=True, slots=True)
class Failure:
    """What is wrong, and where: `path` leads to the value, `expected` ends the sentence `X must be …`.

    `missing` means that nothing stands at `path` at all; `unknown` are the members there that must not be.
    """

    path: Path
    expected: str
    missing: bool = False
    unknown: tuple[str, ...] = ()

    @property
    def pointer(self) -> str:
        """The place as a JSON pointer (RFC 6901)."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.path)

    @property
    def code(self) -> str:
        """The error's code: whoever writes an integer that is too long has written an integer."""
        return "integer_too_large" if self.expected.endswith(BEYOND_64_BITS) else "invalid_body"

    @property
    def sentence(self) -> str:
        """The whole message."""
        place = self.pointer or "The body"
        return f"{place} is missing." if self.missing else f"{place} must be {self.expected}."

    def below(self, path: Path) -> Failure:
        """The same failure, seen from further up."""
        return replace(self, path=(*path, *self.path))

    def moved(self, start: int) -> Failure:
        """The same failure in an array of which this one is a slice that begins at `start`."""
        if not self.path:
            return self
        return replace(self, path=(start + int(self.path[0]), *self.path[1:]))


def find_failure(validator: Validator, value: Any) -> Failure | None:
    """The best failure of `value`, or None if it is valid after all."""
    for candidate in (_shortened(value), value):
        try:
            validator.validate(candidate)
        except Raised as error:
            return describe(error, candidate)
        except ValueError:  # the validator's own limit of nesting
            return Failure((), "less deeply nested")
    return None


def find_failures(validator: jsonschema_rs.Draft4Validator, value: Any) -> list[Failure]:
    """Everything that is wrong with `value`; of a union, with the branch that was meant."""
    try:
        return [failure for error in validator.iter_errors(value) for failure in _described(error, value)]
    except ValueError:  # the validator's own limit of nesting
        return [Failure((), "less deeply nested")]


def expectation(validator: jsonschema_rs.Draft4Validator, value: Any) -> str:
    """What a single value should have been, as the end of `X must be …`."""
    failure = find_failure(validator, value)
    return failure.expected if failure is not None else "valid"


def describe(error: Raised, value: Any) -> Failure:
    """The best failure inside a validator's error."""
    while True:
        depth = len(error.instance_path)
        branches = _branches(error, depth)
        if not branches:
            return _failure(error, value)
        chosen, best = _nearest(branches, depth)
        if not chosen:
            return _of_all(error, branches, depth, value, wrong_kind=best >= WRONG_KIND)
        error = max(chosen, key=lambda each: len(each.instance_path))


def _described(error: Raised, value: Any) -> list[Failure]:
    """All failures inside a validator's error."""
    depth = len(error.instance_path)
    branches = _branches(error, depth)
    if not branches:
        return [_failure(error, value)]
    chosen, best = _nearest(branches, depth)
    if not chosen:
        return [_of_all(error, branches, depth, value, wrong_kind=best >= WRONG_KIND)]
    return [failure for each in chosen for failure in _described(each, value)]


def _nearest(branches: Sequence[Sequence[Raised]], depth: int) -> tuple[Sequence[Raised], int]:
    """The branch that was meant, none if all are far from the value; and how far the nearest is."""
    tags = _tags(branches, depth)
    scores = [_score(branch, depth, tags) for branch in branches]
    best = min(scores)
    far = best >= WRONG_TAG and best != OPEN_BRANCH
    return () if far else branches[scores.index(best)], best


def _branches(error: Raised, depth: int) -> list[Sequence[Raised]]:
    """The branches of a union; a union within it, at the same place, stands for its own branches."""
    if error.kind.name not in UNIONS:
        return []
    found: list[Sequence[Raised]] = []
    for branch in getattr(error.kind, "context", None) or ():
        alone = branch[0] if len(branch) == 1 and len(branch[0].instance_path) == depth else None
        within = _branches(alone, depth) if alone is not None else []
        found += within or ([branch] if branch else [])
    return found


def _tags(branches: Sequence[Sequence[Raised]], depth: int) -> frozenset[Any]:
    """The members by which this union is told apart: an open branch excludes the known values of its tag; else it is
    told by what people usually take for that, or by what several branches fix."""
    excluded = {
        each.instance_path[-1]
        for branch in branches
        for each in branch
        if each.kind.name == "not" and len(each.instance_path) == depth + 1
    }
    fixed = Counter(
        name
        for branch in branches
        for name in {
            each.instance_path[-1]
            for each in branch
            if each.kind.name == "const" and len(each.instance_path) == depth + 1
        }
    )
    return frozenset(excluded) or USUAL_TAGS | {name for name, count in fixed.items() if count > 1}


def _score(branch: Sequence[Raised], depth: int, tags: frozenset[Any]) -> int:
    """How far a branch is from the value: the lower, the nearer."""
    score = 0
    for each in branch:
        name, below = each.kind.name, len(each.instance_path) - depth
        if below == 0 and name == "type":
            score += WRONG_KIND
        elif below == 1 and each.instance_path[-1] in tags and name in ("not", "enum", "const"):
            score += OPEN_BRANCH if name == "not" else WRONG_TAG
        else:
            score += MISSING if name == "required" else 1
    return score


def _of_all(
    error: Raised, branches: Sequence[Sequence[Raised]], depth: int, value: Any, *, wrong_kind: bool
) -> Failure:
    """No branch is near: what all of them together would have taken."""
    wanted, below = (("type",), 0) if wrong_kind else (("enum", "const"), 1)
    found = [
        each
        for branch in branches
        for each in branch
        if each.kind.name in wanted and len(each.instance_path) == depth + below
    ]
    if not found:
        return _failure(error, value)
    path, kind = _place(found[0], value)
    values = list(dict.fromkeys(option for each in found for option in _options(each)))
    if wrong_kind:
        return Failure(path, _kinds(values, kind))
    return Failure(path, _one_of(values))


def _options(error: Raised) -> list[Any]:
    options = error.kind.value
    return options if isinstance(options, list) else [options]


def _failure(error: Raised, value: Any) -> Failure:
    path, kind = _place(error, value)
    name, limit = error.kind.name, error.kind.value
    if name == "required":
        return Failure((*path, limit), "present", missing=True)
    if name == "type":
        return Failure(path, _kinds(_options(error), kind))
    if name in ("enum", "const"):
        return Failure(path, _one_of(_options(error)))
    if name == "additionalProperties":
        members = tuple(str(member) for member in _options(error))
        unknown = ", ".join(repr(member[:64]) for member in members[:3])
        return Failure(path, f"an object without the unknown member {unknown}", unknown=members)
    words = LIMITS.get(name)
    return Failure(path, words.format(limit) if words else f"valid ({name})")


LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters long",
    "maxLength": "at most {} characters long",
    "pattern": "text that matches {}",
    "minItems": "an array of at least {} items",
    "maxItems": "an array of at most {} items",
    "uniqueItems": "an array without duplicates",
    "minProperties": "an object with at least {} members",
    "maxProperties": "an object with at most {} members",
    "not": "something else",
    "oneOf": "of exactly one of the declared kinds",
    "anyOf": "of one of the declared kinds",
}


def _place(error: Raised, value: Any) -> tuple[Path, str]:
    """Where an error is, and what kind of value stands there. The validator takes a name like `7` for an index."""
    path: list[str | int] = []
    for part in error.instance_path:
        path.append(str(part) if isinstance(value, dict) else part)
        value = value[path[-1]]
    return tuple(path), kind_of(value)


def _kinds(types: Sequence[str], kind: str) -> str:
    if kind == BEYOND_64_BITS and "integer" not in types:
        kind = "a number"
    words = " or ".join(TYPE_WORDS[name] for name in types if name != "null") or "null"
    return f"{words}, not {kind}"


def _one_of(options: Sequence[Any]) -> str:
    words = ", ".join(f"'{option}'" for option in options if option is not None)
    return f"one of {words}" if len(options) > 1 else words


def kind_of(value: Any) -> str:
    """What kind of JSON value this is, in words; never the value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, float) and abs(value) >= 1 << 63 and value.is_integer():
        return BEYOND_64_BITS
    words = {str: "a string", int: "an integer", float: "a number", list: "an array", dict: "an object"}
    return words.get(type(value), "something else")


def _shortened(value: Any) -> Any:
    """`value` with its long strings cut, sharing whatever has none."""
    if isinstance(value, str):
        return value[:LONGEST_STRING] if len(value) > LONGEST_STRING else value
    if isinstance(value, list):
        items = [_shortened(item) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    if isinstance(value, dict):
        members = {name: _shortened(member) for name, member in value.items()}
        return value if all(members[name] is value[name] for name in value) else members
    return value
