"""Nothing is lost in silence: what a translation does not carry is found by trying, and told.

Probe the pair of dialects, client to provider, from the client's own request schema: losses then carry the client's
words. Marks in that schema (they stay in the document, and are stripped where it is served):

    x-loss: refuse            losing this changes what the answer means: 400 instead of a warning. The mark covers
                              the place itself and what it cannot be without: its alternatives, the elements of an
                              array, its required members. An optional member inside needs a mark of its own.
    x-loss: {refuse: [a, b]}  only these values of an enum
    x-loss: warn              takes back a mark from above
    x-loss: none              never told (a provider's own word for something told otherwise)
    x-loss-advice: Send …     what a caller can do about a loss that is refused; the error says it
    x-same-as: system         on a kind: meant to become the same as the kind with that tag
    x-same-as: {minimal: low} on an enum: the same for values

    probing.py     tries each place of the schema in a few companies; the table is what comes of it
    interplay.py   tries single values beside the forms of other members (a forced tool that ends thinking)
    inquiry.py     makes sure with the very request: what the table suspects is taken out, or changed, and tried again

What this cannot see: a condition on three members at once, or on two below the top; values nobody tried (clamps, media
types that no example has); how many there are of a thing (more hints than a provider takes); texts that are cut; the
third of three; the wrong place; order; what stands in a schema that contains itself; what a default that is filled in
afterwards does to the rest (it is told itself).
"""

from __future__ import annotations

from .loss import LOG_LIMIT, Loss, check, header_value
from .schemas import answer_schema, client_schema, neutral_document, neutral_schema
from .table import Table

__all__ = [
    "LOG_LIMIT",
    "Loss",
    "Table",
    "answer_schema",
    "check",
    "client_schema",
    "header_value",
    "neutral_document",
    "neutral_schema",
]
