"""What the contract passes through by a rule (`x-pass-through`): one function for all such operations."""

from __future__ import annotations

from typing import Any

from .engine.call import Call
from .engine.services import Served


async def pass_through(call: Call, body: dict[str, Any] | None = None, provider_id: str | None = None) -> Served:
    """Answer with the provider that serves the model, if it declares the service, else as the rule says."""
    return await call.serve(call.operation.extensions["x-pass-through"], body, provider_id)
