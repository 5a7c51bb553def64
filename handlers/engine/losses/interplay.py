"""Members of the whole request of which one spoils another: a forced tool switches thinking off, a limit cuts a budget.

The companies of the table are few (all members, or the required ones only). So each single value at the top is tried
once more beside each form of each other member; what it takes to be seen at all (a choice needs tools) stands with it.
Where something is lost there that is not lost otherwise, the two are a pair: a request that has both is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .containers import Members
from .holes import FAILED, Hole, Verdict, same, verdicts
from .nodes import Lost, Node, Values
from .specimens import OTHER, STRANGE, Schema, Schemas, closed_values, structured, values

MOST_FORMS = 10
"""Forms of one member that are tried beside the others."""

Company = dict[str, Any]


class Interplay:
    """`hole` is the place of the whole request; `branch` its schema, of which `node` is the table so far."""

    def __init__(self, schemas: Schemas, hole: Hole, branch: Schema, node: Members) -> None:
        self.schemas, self.hole, self.node = schemas, hole, node
        self.members: Schema = branch.get("properties", {})
        self.required: list[str] = list(branch.get("required", ()))
        self.bare: Company = {key: schemas.specimen(self.members[key], False, False) for key in self.required}
        self.lists = [key for key in self.members if key not in self.required and self.form(key) == "array"]
        self.single = [key for key in self.members if key not in self.required and self.is_single(key)]
        self.usual: dict[tuple[str, frozenset[str]], list[Verdict]] = {}

    def form(self, key: str) -> Any:
        return self.schemas.branches(self.members[key])[0].get("type")

    def is_single(self, key: str) -> bool:
        branches = self.schemas.branches(self.members[key])
        return len(branches) == 1 and not structured(branches[0]) and branches[0].get("type") not in ("array", "object")

    def complete(self) -> None:
        """Add the pairs to the node."""
        for rival in self.members:
            if rival in self.required or rival in self.lists:
                continue
            for others, company in self.companies(rival):
                for key in self.single:
                    if key != rival and self.is_new(key, rival) and self.spoiled(key, others, company):
                        self.add(key, rival)

    def companies(self, rival: str) -> Iterator[tuple[Company, Company]]:
        """Each form of a member, in a request where it shows: what else stands there, and that with it."""
        for form in self.schemas.all_variants(self.members[rival], ())[:MOST_FORMS]:
            for needed in (None, *self.lists):
                others = dict(self.bare)
                if needed is not None:
                    others[needed] = self.schemas.specimen(self.members[needed], True, False)
                company = {**others, rival: form}
                without, with_it = self.hole.run(others), self.hole.run(company)
                if FAILED not in (without, with_it) and not same(without, with_it):
                    yield others, company
                    break

    def is_new(self, key: str, rival: str) -> bool:
        known = self.node.members.get(key)
        if isinstance(known, Lost):
            return False
        if key in self.node.pairs:
            return rival not in self.node.pairs[key]
        if not isinstance(known, Values):
            return True
        unasked = [value for value in known.known if value not in [one for one, _ in known.asked]]
        return bool(unasked) if known.known else known.rest != "ask"

    def spoiled(self, key: str, others: Company, company: Company) -> bool:
        """Whether a value that is carried without the rival is not carried beside it."""
        place = (key, frozenset(others))
        if place not in self.usual:
            self.usual[place] = self.verdicts(key, others)
        usual = self.usual[place]
        if Verdict.CARRIED not in usual:
            return False
        now = self.verdicts(key, company)
        return any(
            one is Verdict.CARRIED and other is not Verdict.CARRIED for one, other in zip(usual, now, strict=False)
        )

    def verdicts(self, key: str, company: Company) -> list[Verdict]:
        tried = values(self.schemas.branches(self.members[key])[0])
        outputs = [self.hole.run({**company, key: value}) for value in tried]
        nothing = self.hole.run(company)
        return [] if nothing is FAILED else [verdict for verdict, _ in verdicts(outputs, nothing)]

    def add(self, key: str, rival: str) -> None:
        node = self.node
        if key not in node.pairs:
            known = node.members.get(key)
            if known is not None:
                node.alone[key] = known
            node.members[key] = self.asking(key, known)
        node.pairs[key] = [*node.pairs.get(key, ()), rival]

    def asking(self, key: str, known: Node | None) -> Values:
        """A node that asks about every value."""
        branch = self.schemas.branches(self.members[key])[0]
        spare = known.spare if known is not None else [branch["default"]] if "default" in branch else []
        asking = Values(spare=spare, refuse=known.refuse if known is not None else False, rest="ask")
        if closed_values(branch) is not None or "x-extensible-enum" in branch:
            asking.closed = True
            asking.known = [value for value in values(branch) if value not in (STRANGE, OTHER)]
            asking.asked = [(value, [one for one in asking.known if one != value]) for value in asking.known]
        return asking
