"""From an operation of the contract to the function that answers it.

The first tag names the module, the operationId in snake_case the function: `createChatCompletion` with the tag `chat`
is `chat.create_chat_completion` in the package of handlers. An operation that a rule answers needs no function of its
own: `x-pass-through` is `services.pass_through`. No name of Python's stands in the contract.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import inflection
from connexion.resolver import Resolution, Resolver

from ..errors import ConfigurationError
from .document import operations

Handler = Callable[..., Any]

SERVICE_RULE = "x-pass-through"
RULES = {SERVICE_RULE: ("services", "passThrough")}
"""Members of an operation that say how it is answered, with tag and operationId of the function that does so."""

HANDLERS = __package__.rsplit(".", 2)[0]
"""The package that holds the handlers: `handlers` in a checkout, `morello.handlers` when installed."""


class ContractResolver(Resolver):
    """Finds handlers relative to `package`."""

    def __init__(self, package: str = HANDLERS) -> None:
        super().__init__()
        self.package = package

    def resolve(self, operation: Any) -> Resolution:
        """connexion's question. Raises ConfigurationError where there is no such function."""
        raw = operation._operation  # connexion has no public access to tags and extensions
        return Resolution(self.bound(raw), operation.operation_id)  # type: ignore[no-untyped-call]

    def bound(self, operation: Mapping[str, Any]) -> Handler:
        """The coroutine function for an operation as written. Raises ConfigurationError where there is none."""
        for rule, (tag, name) in RULES.items():
            if rule in operation and operation.get("operationId"):
                return self.find(name, (tag,))
        return self.find(operation.get("operationId"), operation.get("tags", ()))

    def find(self, operation_id: str | None, tags: Any) -> Handler:
        """The coroutine function of an operationId and its tags. Raises ConfigurationError where there is none."""
        if not operation_id or not tags:
            raise ConfigurationError(f"Operation {operation_id!r} of the contract needs an operationId and a tag.")
        module_name = f"{self.package}.{inflection.underscore(tags[0])}"
        function_name = inflection.underscore(operation_id)
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name != module_name:
                raise
            raise ConfigurationError(
                f"The contract's operation {operation_id} belongs to a module {module_name}, which does not exist."
            ) from None
        handler: Handler | None = getattr(module, function_name, None)
        if not inspect.iscoroutinefunction(handler):
            wanted = f"async def {function_name}(…)"
            raise ConfigurationError(f"The contract's operation {operation_id} needs `{wanted}` in {module_name}.")
        return handler

    def check(self, document: Mapping[str, Any]) -> dict[str, Handler]:
        """Every operation's handler by operationId. Raises ConfigurationError at the first that is missing."""
        return {
            operation.get("operationId", ""): self.bound(operation)
            for _, _, _, operation in operations(document)
        }
