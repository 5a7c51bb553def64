"""What becomes of single values: of a closed set each by itself, of an open set whether any two are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .holes import Hole, Verdict, mentions, same, verdicts
from .nodes import Lost, Node, Values
from .specimens import OTHER, STRANGE, Schema, closed_values, values

Companies = Sequence[tuple[list[tuple[Verdict, int]], list[Any]]]


def leaf(branch: Schema, holes: Sequence[Hole], refuse: bool, spare: list[Any]) -> Node | None:
    """The node of a place that holds a single value (or an object of any form)."""
    tried = values(branch)
    companies = [
        (verdicts(outputs, hole.nothing), outputs) for hole in holes if (outputs := hole.outputs(tried)) is not None
    ]
    if not companies:
        return None
    unlimited = closed_values(branch) is None
    if unlimited and "x-extensible-enum" not in branch:
        node = open_leaf(tried, companies)
    else:
        node = closed_leaf(branch, tried, companies)
    node.spare, node.refuse, node.refused = spare, refuse, refused_values(branch)
    left = [value for value in node.known if value not in spare and value not in node.lost]
    if not left and not node.refused and (node.rest == "lost" or not unlimited):
        return Lost(spare=spare, refuse=refuse)
    return node if node.lost or node.merged or node.asked or node.rest != "carried" else None


def lost_leaf(branch: Schema, refuse: bool, spare: list[Any]) -> Node:
    """The node of such a place where nothing is carried."""
    refused = refused_values(branch)
    if not refused:
        return Lost(spare=spare, refuse=refuse)
    known = [value for value in values(branch) if value not in (STRANGE, OTHER)]
    return Values(spare=spare, refuse=refuse, refused=refused, known=known, lost=known, rest="lost")


def refused_values(branch: Schema) -> list[Any]:
    marks = branch.get("x-loss")
    return list(marks.get("refuse", ())) if isinstance(marks, dict) else []


def only_value(branches: Sequence[Schema]) -> list[Any]:
    """The value of a place that has one only, as far as is known: where it must stand, it says nothing."""
    if len(branches) != 1:
        return []
    known = closed_values(branches[0]) or branches[0].get("x-extensible-enum", [])
    return list(known) if len(known) == 1 else []


def open_leaf(tried: list[Any], companies: Companies) -> Values:
    """Of an open set: no two values told apart means lost, even if it shows that something is there.

    Where only some are carried, a request has to ask; numbers between two that are carried everywhere need not.
    """
    at_nought = [at for at, value in enumerate(tried) if value == 0 and type(value) in (int, float)]
    others = [at for at in range(len(tried)) if at not in at_nought]
    states = [
        open_state([judged[at][0] for at in others], [outputs[at] for at in others]) for judged, outputs in companies
    ]
    if all(state == "lost" for state in states):
        return Values(rest="lost")
    vain = {at for judged, _ in companies for at in range(len(tried)) if judged[at][0] is not Verdict.CARRIED}
    lost = [tried[at] for at in at_nought if all(judged[at][0] is not Verdict.CARRIED for judged, _ in companies)]
    if any(state != "carried" for state in states):
        return Values(rest="ask", lost=lost, between=between(tried, vain))
    return Values(lost=lost, asked=[(tried[at], []) for at in at_nought if at in vain and tried[at] not in lost])


def open_state(judged: list[Verdict], outputs: list[Any]) -> str:
    if all(verdict is Verdict.CARRIED for verdict in judged):
        return "carried"
    told_apart = any(not same(output, outputs[0]) for output in outputs[1:])
    return "ask" if told_apart or (len(judged) == 1 and judged[0] is Verdict.CARRIED) else "lost"


def between(tried: list[Any], vain: set[int]) -> tuple[float, float] | None:
    """The numbers from which to which all that were tried are carried, in every company."""
    if not all(isinstance(value, (int, float)) for value in tried):
        return None
    sure = [value for at, value in enumerate(tried) if at not in vain]
    if len(sure) < 2 or any(min(sure) < tried[at] < max(sure) for at in vain):
        return None
    return min(sure), max(sure)


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
