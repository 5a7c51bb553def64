"""What a process that serves for another one is told, and what the two say to each other."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass
from pathlib import Path

from .security import Access
from .server import Address

FINISH, NOW, SERVING = "finish", "now", "serving"
"""What is said in the pipe: by the parent, by the parent, by the worker."""


@dataclass(frozen=True)
class Work:
    """What a worker is told at its start; all of it can be pickled. `large`: it answers what another one hands on."""

    home: Path
    address: Address
    access: Access
    cors_origins: tuple[str, ...]
    log_level: str
    started: float
    large: bool = False


def how(status: int | None) -> str:
    """How a process ended: `status 1`, or the signal's name."""
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
    return f"status {status}"
