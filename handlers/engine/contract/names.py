"""Names of requests: `req_` and 24 digits of base 16, as callers' logs expect them. Unique, not secret."""

from __future__ import annotations

import itertools
import os

_beginning = "req_" + os.urandom(8).hex()
_numbers = itertools.count(int.from_bytes(os.urandom(3)))


def _renew() -> None:
    global _beginning  # noqa: PLW0603 - of one process each
    _beginning = "req_" + os.urandom(8).hex()


def next_name() -> str:
    """A name that no other request has, of this process or another: its beginning is random, then they are counted."""
    return f"{_beginning}{next(_numbers) & 0xFFFFFFFF:08x}"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
