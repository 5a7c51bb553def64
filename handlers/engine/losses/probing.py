"""The table, found by trying: each leaf, value, kind and unheard-of member with and without, in several companies.

No difference in what would be sent means: not carried. In all companies so: lost. In none: carried. In some: ask, when
a request has it. Marks in the schema are read on the way: `x-loss` (see the package), `x-same-as`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .holes import ABSENT, FAILED, Hole, Trial, Verdict, mentions, same, verdicts, with_member
from .nodes import Items, Kind, Kinds, Lost, Members, Node, Values, Whole
from .specimens import OTHER, STRANGE, Schema, Schemas, closed_values, form, structured, tags, values

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
            hole.nothing_known.append(FAILED)  # "no request at all" is no company
        return self.probe(self.root, holes, False)

    # ---- alternatives ---------------------------------------------------------------------------------------------

    def probe(self, schema: Schema, holes: Holes, refuse: bool) -> Node | None:
        """What is lost at a place, whichever alternative stands there. `refuse`: the mark that comes from above."""
        branches = [one for one in self.schemas.branches(schema) if one.get("x-loss") != "none"]
        kinds: list[Kind] = []
        twins: list[Twin] = []
        for branch in sorted(branches, key=lambda one: -len(tags(one))):
            if id(branch) in self.inside:
                continue        # a schema within itself: what is lost there is not looked for
            twin = self.twin(branch, holes)
            merged = merged_with(twin, twins, holes)
            if twin is not None:
                twins.append(twin)
            self.inside.append(id(branch))
            node = self.branch(branch, holes, own_mark(branch, refuse))
            self.inside.pop()
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
        return Kind(shape, tags(branch), required, closed if shape != "boolean" else None, node, merged)

    # ---- one alternative ------------------------------------------------------------------------------------------

    def branch(self, branch: Schema, holes: Holes, refuse: bool) -> Node | None:
        spare = [branch["default"]] if "default" in branch else []
        if branch.get("type") == "array":
            return self.array(branch, holes, refuse, spare)
        if not structured(branch):
            return self.leaf(branch, holes, refuse, spare)
        return self.object(branch, holes, refuse, spare)

    def gone(self, branch: Schema, holes: Holes) -> list[bool]:
        """For each company that says something: whether a whole specimen here changes nothing."""
        found = (hole.alone(self.schemas.specimen(branch, hole.rich, hole.second)) for hole in holes)
        return [one for one in found if one is not None]

    def array(self, branch: Schema, holes: Holes, refuse: bool, spare: list[Any]) -> Node | None:
        items = branch.get("items", {})
        within = [hole.within(lambda value: [] if value is ABSENT else [value]) for hole in holes]
        each = self.probe(items, within, refuse)
        gone = self.gone(branch, holes)
        if gone and all(gone) and (each is None or (each.total and each.refuse == refuse)):
            return Lost(spare=spare, refuse=refuse)
        many = self.many(items, holes)
        return Items(each=each, many=many, spare=spare, refuse=refuse) if each is not None or many else None

    def many(self, items: Schema, holes: Holes) -> bool:
        """Whether two elements give no more than either of them."""
        one, two = (self.schemas.specimen(items, False, second) for second in (False, True))
        if one == two:
            return False
        found = [outputs for hole in holes if (outputs := hole.outputs([[one], [two], [one, two]])) is not None]
        return bool(found) and all(same(both, first) or same(both, second) for first, second, both in found)

    def object(self, branch: Schema, holes: Holes, refuse: bool, spare: list[Any]) -> Node | None:
        marks = tags(branch)
        members: Schema = branch.get("properties", {})
        gone = self.gone(branch, holes)
        if marks and members.keys() == marks.keys() and any(gone):
            return Lost(spare=spare, refuse=refuse) if all(gone) else Whole(spare=spare, refuse=refuse)
        required = branch.get("required", ())
        found: dict[str, Node] = {}
        pairs: dict[str, list[str]] = {}
        for key, member in members.items():
            if key in marks:
                continue
            beside = list(self.beside(members, key, required, holes))
            node = self.probe(member, beside, key in required and refuse)
            if node is not None:
                found[key] = node
                if rivals := self.rivals(node, key, members, required, holes):
                    pairs[key] = rivals
        rest = self.rest(branch, members, required, holes)
        inner = [found.get(key) for key in members if key not in marks] if members else [rest]
        if gone and all(gone) and all(node is not None and node.total and node.refuse == refuse for node in inner):
            return Lost(spare=spare, refuse=refuse)
        if not found and rest is None:
            return None
        return Members(members=found, known=frozenset(members), rest=rest, pairs=pairs, spare=spare, refuse=refuse)

    def rest(self, branch: Schema, members: Schema, required: Sequence[str], holes: Holes) -> Node | None:
        """The node of members that the schema does not name."""
        more = branch.get("additionalProperties", {})
        if more is False:
            return None
        schema = more if isinstance(more, dict) and more else TEXT
        return self.probe(schema, list(self.beside(members, STRANGE, required, holes)), False)

    def beside(self, members: Schema, key: str, required: Sequence[str], holes: Holes) -> Iterator[Hole]:
        """Holes for one member, the others set as the company says."""
        for hole in holes:
            names = [name for name in members if name != key and (hole.rich or name in required)]
            others = self.others(members, names, hole.rich, hole.second)
            yield hole.within(with_member(others, key))

    def others(self, members: Schema, names: Sequence[str], rich: bool, second: bool) -> dict[str, Any]:
        return {name: self.schemas.specimen(members[name], rich, second) for name in names}

    def rivals(self, node: Node, key: str, members: Schema, required: Sequence[str], holes: Holes) -> list[str]:
        """The members that mask this one, if it is carried wherever none of them is set; else nothing."""
        if not isinstance(node, Values) or node.lost or node.merged or node.rest == "lost":
            return []
        tried = values(self.schemas.branches(members[key])[0])

        def masked(names: set[str]) -> bool:
            for hole in holes:
                beside = self.others(members, [name for name in members if name in names], True, hole.second)
                inner = hole.within(with_member(beside, key))
                outputs = inner.outputs(tried)
                if outputs and any(one is not Verdict.CARRIED for one, _ in verdicts(outputs, inner.nothing)):
                    return True
            return False

        needed = set(required) - {key}
        found = [name for name in members if name != key and name not in required and masked({*needed, name})]
        return [] if masked(set(members) - {key, *found}) else found

    # ---- leaves ---------------------------------------------------------------------------------------------------

    def leaf(self, branch: Schema, holes: Holes, refuse: bool, spare: list[Any]) -> Node | None:
        tried = values(branch)
        companies = [
            (verdicts(outputs, hole.nothing), outputs)
            for hole in holes
            if (outputs := hole.outputs(tried)) is not None
        ]
        if not companies:
            return None
        unlimited = closed_values(branch) is None
        if unlimited and "x-extensible-enum" not in branch:
            node = open_leaf(tried, [judged for judged, _ in companies])
        else:
            node = closed_leaf(branch, tried, companies)
        node.spare, node.refuse = spare, refuse
        marks = branch.get("x-loss")
        node.refused = list(marks.get("refuse", ())) if isinstance(marks, dict) else []
        left = [value for value in node.known if value not in spare and value not in node.lost]
        if not left and not node.refused and (node.rest == "lost" or not unlimited):
            return Lost(spare=spare, refuse=refuse)
        return node if node.lost or node.merged or node.asked or node.rest != "carried" else None


class Twin:
    """A kind, its tags apart: what else its bare specimen holds, and what is sent for it in each company."""

    def __init__(self, branch: Schema, marks: dict[str, Any], rest: dict[str, Any], outputs: list[Any]) -> None:
        self.branch, self.marks, self.rest, self.outputs = branch, marks, rest, outputs

    @property
    def names(self) -> set[Any]:
        return set(self.marks.values())


def merged_with(twin: Twin | None, twins: list[Twin], holes: Holes) -> bool:
    """Whether nothing tells this kind from an earlier one but its tag, and the tag is not carried.

    A merge that is meant is declared on either of the two (`x-same-as: the other's tag`), and is none.
    """
    if twin is None:
        return False
    nothing = [hole.nothing for hole in holes]
    for other in twins:
        if twin.rest != other.rest or not all(map(same, twin.outputs, other.outputs)):
            continue
        if all(map(same, twin.outputs, nothing)):
            continue
        declared = twin.branch.get("x-same-as") in other.names or other.branch.get("x-same-as") in twin.names
        return not declared
    return False


def own_mark(branch: Schema, above: bool) -> bool:
    mark = branch.get("x-loss")
    return mark == "refuse" if isinstance(mark, str) else above


def union(kinds: list[Kind], refuse: bool) -> Node | None:
    """The node of several alternatives; kinds of one form without tags are told apart by what they require."""
    nodes = [kind.node for kind in kinds if kind.node is not None and kind.node.total]
    if nodes and len(nodes) == len(kinds) and len({node.refuse for node in nodes}) == 1:
        return Lost(spare=[value for node in nodes for value in node.spare], refuse=nodes[0].refuse)
    if not any(kind.node is not None or kind.merged for kind in kinds):
        return None
    for kind in kinds:
        same = [other for other in kinds if (other.form, other.tags) == (kind.form, kind.tags)]
        if len(same) == 1 and kind.tags:
            kind.required = []
    return Kinds(kinds=kinds, refuse=refuse)


Companies = Sequence[tuple[list[tuple[Verdict, int]], list[Any]]]


def open_leaf(tried: list[Any], companies: Sequence[list[tuple[Verdict, int]]]) -> Values:
    """Of an open set: no two values told apart means lost, even if it shows that something is there."""
    at_nought = [at for at, value in enumerate(tried) if value == 0 and type(value) in (int, float)]
    others = [at for at in range(len(tried)) if at not in at_nought]
    states = []
    for judged in companies:
        vain = [judged[at][0] is not Verdict.CARRIED for at in others]
        states.append("lost" if all(vain[1:] or vain) else "ask" if any(vain) else "carried")
    lost: list[Any] = []
    asked: list[tuple[Any, list[Any]]] = []
    for at in at_nought:
        vain = [judged[at][0] is not Verdict.CARRIED for judged in companies]
        if all(vain):
            lost.append(tried[at])
        elif any(vain):
            asked.append((tried[at], []))
    if all(state == "lost" for state in states):
        return Values(rest="lost")
    if any(state != "carried" for state in states):
        return Values(rest="ask", lost=lost)
    return Values(lost=lost, asked=asked)


def closed_leaf(branch: Schema, tried: list[Any], companies: Companies) -> Values:
    """Of a closed set each value by itself; of an open enum the known ones so, and two unheard-of ones for the rest."""
    node = Values(known=[value for value in tried if value not in (STRANGE, OTHER)], closed=True)
    same_as = branch.get("x-same-as")
    same_as = same_as if isinstance(same_as, dict) else {}
    for at, value in enumerate(tried):
        judged = [verdict for verdict, _ in (one[at] for one, _ in companies)]
        twins = {one[at][1] for one, _ in companies if one[at][0] is Verdict.MERGED}
        if value in (STRANGE, OTHER):
            if all(verdict is not Verdict.CARRIED for verdict in judged):
                node.rest = "lost"
            elif any(verdict is not Verdict.CARRIED for verdict in judged) and node.rest != "lost":
                node.rest = "ask"
        elif all(verdict is Verdict.LOST for verdict in judged):
            node.lost.append(value)
        elif any(same_as.get(value) == tried[twin] or same_as.get(tried[twin]) == value for twin in twins):
            continue
        elif all(verdict is not Verdict.CARRIED for verdict in judged):
            keep_natural(node, value, at, tried, companies)
        elif any(verdict is not Verdict.CARRIED for verdict in judged):
            node.asked.append((value, [tried[twin] for twin in twins]))
    return node


def keep_natural(node: Values, value: Any, at: int, tried: list[Any], companies: Companies) -> None:
    """Two values became one: the one that stands in the output as it is keeps its name, the other is reported."""
    twin = next((one[at][1] for one, _ in companies if one[at][0] is Verdict.MERGED), -1)
    outputs = companies[0][1]
    natural = twin >= 0 and mentions(outputs[at], value) and not mentions(outputs[at], tried[twin])
    node.merged.append(tried[twin] if natural and tried[twin] not in node.merged else value)
