"""The contract for people and for generators: the operations under the tag `documentation`."""

from __future__ import annotations

from .engine.call import Call
from .engine.contract.pages import Document


async def get_api_docs(call: Call) -> Document:
    """The page: Swagger UI, from this package."""
    return call.engine.documentation.page()


async def get_api_docs_json(call: Call) -> Document:
    """The contract as JSON."""
    return call.engine.documentation.contract(call.scope.get("root_path", ""))
