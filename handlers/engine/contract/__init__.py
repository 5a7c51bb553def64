"""The contract (openapi.yaml): loaded, bound to handlers by connexion, and enforced on every request."""

from .bodies import LARGE
from .document import follow, load_document, operations
from .integers import integer_beyond_64_bits
from .kept_document import kept_document
from .large import favour_the_loop, in_thread, parse_large, write_large
from .middleware import Answering, ContractMiddleware
from .operation import Operation
from .pages import Documentation, served_document
from .resolver import ContractResolver

__all__ = [
    "LARGE", "Answering", "ContractMiddleware", "ContractResolver", "Documentation", "Operation", "favour_the_loop",
    "follow", "in_thread", "integer_beyond_64_bits", "kept_document", "load_document", "operations", "parse_large",
    "served_document", "write_large",
]  # fmt: skip
