"""What occurs in a part of a file: paths, names and calls, counted in one walk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from jinja2 import nodes

from .reading import key_of, names_dialect, spelling


class Inventory:
    """`paths`: how often each path is read, with a dot behind it how often a member of what it leads to. `loads` and
    `stores`: how often each name is read, and given a value. `assigned`: the names that `set` gives one. `called`:
    those that are called."""

    def __init__(self, body: Iterable[nodes.Node]) -> None:
        self.paths: Counter[str] = Counter()
        self.loads: Counter[str] = Counter()
        self.stores: Counter[str] = Counter()
        self.assigned: set[str] = set()
        self.called: set[str] = set()
        waiting = list(body)
        while waiting:
            node = waiting.pop()
            self._count(node)
            waiting.extend(node.iter_child_nodes())

    def _count(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Name):
            (self.loads if node.ctx == "load" else self.stores)[node.name] += 1
            self.paths[node.name] += 1
        elif isinstance(node, nodes.Getattr | nodes.Getitem):
            self.paths[spelling(node)] += 1
            if isinstance(key_of(node), str) or (isinstance(node, nodes.Getitem) and names_dialect(node.arg)):
                self.paths[f"{spelling(node.node)}."] += 1
        elif isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
            self.assigned.add(node.target.name)
        elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
            self.called.add(node.node.name)
