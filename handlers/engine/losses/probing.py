"""The table, found by trying: each leaf, value, kind and unheard-of member with and without, in several companies.

No difference in what would be sent means: not carried. In all companies so: lost. In none: carried. In some: ask, when
a request has it. Marks in the schema are read on the way: `x-loss` (see the package), `x-same-as`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .containers import Items, Kind, Kinds, Members
from .holes import ABSENT, FAILED, Hole, Trial, Verdict, same, verdicts, with_member
from .interplay import Interplay
from .leaves import leaf, lost_leaf, only_value
from .nodes import Lost, Node, Values, Whole
from .specimens import STRANGE, Schema, Schemas, choices, closed_values, form, structured, tags, values
from .twins import Twin, merged_with

Holes = Sequence[Hole]
TEXT: Schema = {"type": "string"}


class Prober:
    """Builds the table of one translation. `root` is the schema of the whole request."""

    def __init__(self, schemas: Schemas, trial: Trial, root: Schema) -> None:
        self.schemas, self.trial, self.root = schemas, trial, root
        self.inside: list[int] = []

    def table(self) -> Node | None:
        companies = [(rich, second) for rich in (True, False) for second in (False, True)]
        holes = [Hole(self.trial, lambda value: value, rich, second) for rich, second in companies]
        for hole in holes:
            hole.known.append((ABSENT, FAILED))  # "no request at all" is no company
        return self.probe(self.root, holes, False)

    # ---- alternatives ---------------------------------------------------------------------------------------------

    def probe(self, schema: Schema, holes: Holes, refuse: bool) -> Node | None:
        """What is lost at a place, whichever alternative stands there. `refuse`: the mark that comes from above."""
        branches = self.schemas.branches(schema)
        kinds: list[Kind] = []
        twins: list[Twin] = []
        for branch in sorted(branches, key=lambda one: -len(choices(one))):
            if branch.get("x-loss") == "none":
                kinds.append(self.kind(branch, None, False))
                continue
            if id(branch) in self.inside:
                continue        # a schema within itself: what is lost there is not looked for
            twin = self.twin(branch, holes)
            merged = merged_with(twin, twins, holes)
            if twin is not None:
                twins.append(twin)
            self.inside.append(id(branch))
            node = self.branch(branch, holes, own_mark(branch, refuse))
            self.inside.pop()
            if node is not None and "x-loss-advice" in branch:
                node.advice = branch["x-loss-advice"]
            kinds.append(self.kind(branch, node, merged))
        return union(kinds, refuse) if len(branches) > 1 else kinds[0].node if kinds else None

    def twin(self, branch: Schema, holes: Holes) -> Twin | None:
        marks = tags(branch)
        if not marks:
            return None
        bare = self.schemas.specimen(branch, False, False)
        rest = {key: value for key, value in bare.items() if key not in marks}
        return Twin(branch, marks, rest, [hole.run(bare) for hole in holes])

    def kind(self, branch: Schema, node: Node | None, merged: bool) -> Kind:
        closed = closed_values(branch)
        shape = form(branch)
        required = list(branch.get("required", ())) if shape == "object" else []
        return Kind(shape, choices(branch), required, closed if shape != "boolean" else None, node, merged)

    # ---- one alternative ------------------------------------------------------------------------------------------

    def branch(self, branch: Schema, holes: Holes, refuse: bool) -> Node | None:
        spare = defaults(branch)
        if branch.get("type") == "array":
            return self.array(branch, holes, refuse, spare)
        if not structured(branch):
            return leaf(branch, holes, refuse, spare)
        return self.object(branch, holes, refuse, spare)

    def whole(self, branch: Schema, holes: Holes) -> list[Any]:
        """For each company what a whole specimen here gives."""
        return [hole.run(self.schemas.specimen(branch, hole.rich, hole.second)) for hole in holes]

    def array(self, branch: Schema, holes: Holes, refuse: bool, spare: list[Any]) -> Node | None:
        items = branch.get("items", {})
        within = [hole.within(lambda value: [] if value is ABSENT else [value]) for hole in holes]
        each = self.probe(items, within, refuse)
        gone = changes_nothing(self.whole(branch, holes), holes)
        if gone and all(gone) and (each is None or as_one(each, refuse)):
            return Lost(spare=spare, refuse=refuse)
        many = self.many(items, holes)
        return Items(each=each, many=many, spare=spare, refuse=refuse) if each is not None or many else None

    def many(self, items: Schema, holes: Holes) -> bool:
        """Whether two elements give no more than either of them."""
        first = self.schemas.branches(items)[0]
        one, two = (self.schemas.specimen(first, False, second) for second in (False, True))
        if one == two:
            return False
        found = [outputs for hole in holes if (outputs := hole.outputs([[one], [two], [one, two]])) is not None]
        return bool(found) and all(same(both, first) or same(both, second) for first, second, both in found)

    def object(self, branch: Schema, holes: Holes, refuse: bool, spare: list[Any]) -> Node | None:
        marks = tags(branch)
        members: Schema = branch.get("properties", {})
        wholes = self.whole(branch, holes)
        gone = changes_nothing(wholes, holes)
        if marks and members.keys() == marks.keys() and any(gone):
            return Lost(spare=spare, refuse=refuse) if all(gone) else Whole(spare=spare, refuse=refuse)
        if gone and all(gone) and self.vain(branch, holes):
            return self.lost(branch, refuse, spare)
        required = branch.get("required", ())
        found: dict[str, Node] = {}
        pairs: dict[str, list[str]] = {}
        alone: dict[str, Node] = {}
        for key, member in members.items():
            if key in marks:
                continue
            beside = list(self.beside(members, key, required, holes, wholes))
            marked = key in required and refuse
            node = self.probe(member, beside, marked)
            if isinstance(node, Lost) and len(self.inside) == 1:
                node = self.probe(member, [*beside, *self.only_beside(key, members, required, holes)], marked)
            if node is None:
                continue
            node.spare = [*node.spare, *(only_value(self.schemas.branches(member)) if key in required else ())]
            found[key] = node
            if rivals := self.rivals(node, key, members, required, holes):
                pairs[key] = rivals
                without = {name: one for name, one in members.items() if name not in rivals}
                single = self.probe(member, list(self.beside(without, key, required, holes, None)), marked)
                if single is not None:
                    alone[key] = single
        rest = self.rest(branch, members, required, holes, wholes)
        node = Members(
            members=found, known=frozenset(members), required=frozenset(required), rest=rest, pairs=pairs, alone=alone,
            spare=spare, refuse=refuse,
        )
        if len(self.inside) == 1:
            Interplay(self.schemas, holes[2], branch, node).complete()
        return node if node.members or rest is not None else None

    # ---- nothing carried ------------------------------------------------------------------------------------------

    def vain(self, branch: Schema, holes: Holes) -> bool:
        """Whether nothing at all shows, whichever alternatives and values stand in it: then no member need be tried."""
        return all(holes[0].alone(one) is not False for one in self.schemas.variants(branch))

    def lost(self, branch: Schema, refuse: bool, spare: list[Any]) -> Node:
        """The node of an alternative of which nothing is carried: lost as one, or apart where inner marks differ."""
        if refuse:
            return Lost(spare=spare, refuse=True)
        if branch.get("type") == "array":
            each = self.lost_union(branch.get("items", {}), False)
            return Lost(spare=spare) if each is None or as_one(each, False) else Items(each=each, spare=spare)
        if not structured(branch):
            return lost_leaf(branch, False, spare)
        members = branch.get("properties", {})
        found = {key: self.lost_union(member, False) for key, member in members.items() if key not in tags(branch)}
        if all(node is None or as_one(node, False) for node in found.values()):
            return Lost(spare=spare)
        kept = {key: node for key, node in found.items() if node is not None}
        required = frozenset(branch.get("required", ()))
        return Members(members=kept, known=frozenset(members), required=required, rest=Lost(), spare=spare)

    def lost_union(self, schema: Schema, refuse: bool) -> Node | None:
        kinds, untold = [], []
        branches = self.schemas.branches(schema)
        for branch in sorted(branches, key=lambda one: -len(choices(one))):
            if branch.get("x-loss") == "none":
                untold.append(self.kind(branch, None, False))
            elif id(branch) not in self.inside:
                self.inside.append(id(branch))
                spare = defaults(branch)
                kinds.append(self.kind(branch, self.lost(branch, own_mark(branch, refuse), spare), False))
                self.inside.pop()
        node = union(kinds, refuse) if len(kinds) > 1 else kinds[0].node if kinds else None
        # What is never told stands apart only where the rest does too.
        return node if as_one(node, refuse) or not untold or not kinds else union([*untold, *kinds], refuse)

    def rest(
        self, branch: Schema, members: Schema, required: Sequence[str], holes: Holes, wholes: list[Any]
    ) -> Node | None:
        """The node of members that the schema does not name."""
        more = branch.get("additionalProperties", {})
        if more is False:
            return None
        schema = more if isinstance(more, dict) and more else TEXT
        return self.probe(schema, list(self.beside(members, STRANGE, required, holes, wholes)), False)

    def beside(
        self, members: Schema, key: str, required: Sequence[str], holes: Holes, wholes: list[Any] | None
    ) -> Iterator[Hole]:
        """Holes for one member, the others set as the company says. `wholes`: the outputs with all, where known.

        Inside the arrays of the whole request, only one company keeps all of the other members there: most of the time
        goes into translating these, and they seldom matter to a part of a message.
        """
        container = len(self.inside) == 1 and key in members and holds_more(self.schemas.branches(members[key]))
        for hole, whole in zip(holes, wholes or [None] * len(holes), strict=True):
            reduced = container and hole.rich and hole.second
            names = [name for name in members if name != key and ((hole.rich and not reduced) or name in required)]
            others = self.others(members, names, hole.rich, hole.second)
            inner = hole.within(with_member(others, key))
            if wholes is not None and key in members and (hole.rich or key in required):
                if not reduced:
                    inner.known.append((self.schemas.specimen(members[key], hole.rich, hole.second), whole))
            elif wholes is not None:
                inner.known.append((ABSENT, whole))
            yield inner

    def others(self, members: Schema, names: Sequence[str], rich: bool, second: bool) -> dict[str, Any]:
        return {name: self.schemas.specimen(members[name], rich, second) for name in names}

    def only_beside(self, key: str, members: Schema, required: Sequence[str], holes: Holes) -> Iterator[Hole]:
        """Companies of one other member each, in which this one shows after all: needed by it, while others mask it."""
        hole, tried = holes[2], self.schemas.specimen(members[key], True, False)
        for name in members:
            if name != key and name not in required:
                beside = self.others(members, [one for one in members if one in required or one == name], True, False)
                inner = hole.within(with_member(beside, key))
                if inner.alone(tried) is False:
                    yield inner

    def rivals(self, node: Node, key: str, members: Schema, required: Sequence[str], holes: Holes) -> list[str]:
        """The members that mask this one, if it is carried wherever none of them is set; else nothing."""
        if not isinstance(node, Values) or node.lost or node.merged or node.rest == "lost":
            return []
        tried = values(self.schemas.branches(members[key])[0])[:2]

        def masked(names: set[str]) -> bool:
            for hole in holes[2:]:  # the other members are set here and now: the rich companies would say the same
                beside = self.others(members, [name for name in members if name in names], True, hole.second)
                inner = hole.within(with_member(beside, key))
                outputs = inner.outputs(tried)
                if outputs and any(one is not Verdict.CARRIED for one, _ in verdicts(outputs, inner.nothing)):
                    return True
            return False

        needed = set(required) - {key}
        if masked(needed):
            return []
        found = [name for name in members if name != key and name not in required and masked({*needed, name})]
        return [] if masked(set(members) - {key, *found}) else found


def changes_nothing(wholes: list[Any], holes: Holes) -> list[bool]:
    """For each company that says something: whether what stands here changes nothing."""
    return [same(whole, hole.nothing) for whole, hole in zip(wholes, holes, strict=True) if hole.nothing is not FAILED]


def holds_more(branches: Sequence[Schema]) -> bool:
    return any(branch.get("type") == "array" for branch in branches)


def as_one(node: Node | None, refuse: bool) -> bool:
    """Whether a place may be told together with what holds it: lost, and not refused where the holder is not."""
    return node is not None and node.total and (refuse or not node.refuse)


def defaults(branch: Schema) -> list[Any]:
    """What says no more than nothing does: the default; of an object, also with members at defaults of their own."""
    if "default" not in branch:
        return []
    found = [branch["default"]]
    if isinstance(branch["default"], dict):
        for name, member in branch.get("properties", {}).items():
            if "default" in member and name not in branch["default"]:
                found += [{**one, name: member["default"]} for one in found]
    return found


def own_mark(branch: Schema, above: bool) -> bool:
    mark = branch.get("x-loss")
    return mark == "refuse" if isinstance(mark, str) else above


def union(kinds: list[Kind], refuse: bool) -> Node | None:
    """The node of several alternatives; kinds of one form without tags are told apart by what they require."""
    nodes = [kind.node for kind in kinds if kind.node is not None and kind.node.total]
    if nodes and len(nodes) == len(kinds) and len({(node.refuse, node.advice) for node in nodes}) == 1:
        spare = [value for node in nodes for value in node.spare]
        return Lost(spare=spare, refuse=nodes[0].refuse, advice=nodes[0].advice)
    if not any(kind.node is not None or kind.merged for kind in kinds):
        return None
    for kind in kinds:
        alike = [other for other in kinds if (other.form, other.tags) == (kind.form, kind.tags)]
        if len(alike) == 1 and kind.tags:
            kind.required = []
    return Kinds(kinds=kinds, refuse=refuse)
