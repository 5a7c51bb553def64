"""What one translation does not carry: asked once for each request.

    table = Table(translate, schema)     once for a pair of dialects: some hundred trials, a few thousand runs
    table(request)                       [Loss("unsupported", "seed"), …]; one validator's glance if nothing is lost
"""

from __future__ import annotations

from typing import Any

from .holes import FAILED, Translate, Trial, Watch
from .inquiry import Inquiry
from .loss import Loss
from .nodes import Findings, Node, look
from .probing import Prober
from .specimens import Schema, Schemas


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
        self.carried = self.root.fine if self.root is not None else carries_all

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
        """What of this request is not carried, in its own words, in its own order."""
        if self.carried(request):
            return []
        found: Findings = []
        look(self.root, request, (), found)
        return Inquiry(self.trial, request).losses(found)

    def lines(self) -> list[str]:
        """The table for people: one line for each place and what becomes of it."""
        return list(self.root.lines("")) if self.root is not None else []


def carries_all(request: Any) -> bool:
    return True
