"""The contract (openapi.yaml): loaded, bound to handlers by connexion, and enforced on every request."""

from .bodies import LARGE
from .document import follow, load_document, operations
from .large import in_thread, parse_large, write_large
from .middleware import Answering, ContractMiddleware
from .operation import Operation
from .resolver import ContractResolver

__all__ = [
    "LARGE", "Answering", "ContractMiddleware", "ContractResolver", "Operation", "follow", "in_thread",
    "load_document", "operations", "parse_large", "write_large",
]  # fmt: skip
