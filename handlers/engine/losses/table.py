"""What one translation does not carry: asked once for each request.

    table = Table(translate, schema)     once for a pair of dialects: some hundred trials, a few thousand runs
    table(request)                       [Loss("unsupported", "seed"), …]; one validator's glance if nothing is lost
"""

from __future__ import annotations

from typing import Any

from .containers import Items, Members
from .holes import FAILED, Translate, Trial, Watch
from .inquiry import Inquiry
from .loss import Loss
from .nodes import Findings, Node, look
from .probing import Prober
from .specimens import Schema, Schemas

SLICE = 250
"""Elements of an array that one call of the validator sees."""


class Table:
    """`translate`: a pure function of the request, that returns all of what the request can influence (the body, and
    what else is sent, or read for the answer). It may raise; it must not change its input.

    `schema`: JSON Schema of the request; references point into the same object. `watch(request, output)` sees each
    trial.
    `failures`: requests of the trials on which the translation raised, and the errors (the first fifty, for lint).
    Raises ValueError if the translation is not a function of its input alone. Safe to build in any thread.
    """

    def __init__(self, translate: Translate, schema: Schema, *, watch: Watch | None = None) -> None:
        self.trial = Trial(translate, watch)
        schemas = Schemas(schema)
        self.require_purity(schemas, schema)
        self.root: Node | None = Prober(schemas, self.trial, schema).table()
        self.failures, self.trial.failures = self.trial.failures or [], None

    def require_purity(self, schemas: Schemas, schema: Schema) -> None:
        for rich in (True, False):
            for second in (False, True):
                given = schemas.specimen(schema, rich, second)
                first, again = self.trial(given), self.trial(given)
                if first is not FAILED and first != again:
                    raise ValueError("this translation is not a pure function of its input: it cannot be probed")

    @property
    def runs(self) -> int:
        return self.trial.runs

    def __call__(self, request: Any) -> list[Loss]:
        """What of this request is not carried, in its own words, in its own order. Long arrays are looked at in slices,
        so that a thread that does it leaves room for others."""
        if self.carried(request):
            return []
        found: Findings = []
        look(self.root, request, (), found)
        return Inquiry(self.trial, request).losses(found)

    def carried(self, request: Any) -> bool:
        """Whether all of it is, for sure."""
        root = self.root
        if root is None:
            return True
        if isinstance(root, Members) and type(request) is dict:
            for value in request.values():
                if type(value) is list and len(value) > SLICE:
                    return carried_in_slices(root, request)
        return root.fine(request)

    def lines(self) -> list[str]:
        """The table for people: one line for each place and what becomes of it."""
        return list(self.root.lines("")) if self.root is not None else []


def carried_in_slices(root: Members, request: dict[str, Any]) -> bool:
    """The same, a slice of each long array at a time: one call for 30,000 messages holds other threads for 20 ms."""
    start = {key: value[:2] if isinstance(value, list) else value for key, value in request.items()}
    if not root.fine(start):
        return False
    for key, value in request.items():
        node = root.node(request, key)
        if isinstance(value, list) and isinstance(node, Items):
            slices = (value[at : at + SLICE] for at in range(0, len(value), SLICE))
            if not all(map(node.fine, slices)):
                return False
    return True
