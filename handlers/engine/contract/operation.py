"""One operation of the contract, compiled: everything that a request needs decided is decided here, at start."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from ..errors import ConfigurationError
from .document import follow
from .parameters import Parameter, Parameters
from .resolver import SERVICE_RULE, Handler
from .schemas import Schemas
from .slices import SlicedValidator
from .spelling import Shape, shape_of

JSON = "application/json"
EXTRA_ARGUMENTS = frozenset({"body", "call"})
"""What a handler may ask for beside the declared parameters."""


@dataclass(frozen=True, slots=True)
class DialectRule:
    """Which dialect a caller speaks: always the same, or told by a header that the caller sends, or by the path."""

    otherwise: str
    by_header: tuple[tuple[bytes, str], ...] = ()
    by_segment: Mapping[str, str] = field(default_factory=dict)

    def choose(self, headers: Mapping[bytes, bytes], path: str = "") -> str:
        """The dialect's name for a request with these headers (lower-case names).

        `path` is one that no operation has: its first segment may tell, or the second, behind a provider's id.
        """
        for header, dialect in self.by_header:
            if header in headers:
                return dialect
        if self.by_segment:
            for segment in path.split("/", 3)[1:3]:
                if segment in self.by_segment:
                    return self.by_segment[segment]
        return self.otherwise


def dialect_rule(declared: Any, otherwise: DialectRule) -> DialectRule:
    """The rule that an `x-dialect` states, or `otherwise` where there is none."""
    if declared is None:
        return otherwise
    if isinstance(declared, str):
        return DialectRule(declared)
    by_header = tuple((name.lower().encode(), dialect) for name, dialect in declared.get("by-header", {}).items())
    return DialectRule(declared.get("else", otherwise.otherwise), by_header, declared.get("by-segment", {}))


@dataclass(frozen=True, slots=True)
class Credential:
    """One way to show a key: the header, and whether its value begins with the word Bearer."""

    header: bytes
    bearer: bool


@dataclass(frozen=True, slots=True)
class Body:
    """What the contract says of an operation's body. `json` is None where it takes no JSON."""

    required: bool
    media_types: frozenset[bytes]
    json: JsonBody | None


@dataclass(frozen=True, slots=True)
class JsonBody:
    """What the contract says of a JSON body."""

    schema_name: str | None
    validator: jsonschema_rs.Draft4Validator
    sliced: SlicedValidator


@dataclass(slots=True)
class Operation:
    """One operation. `extensions` holds all its `x-` members, `security` the ways to show a key (None: open)."""

    id: str
    method: str
    path: str
    tags: tuple[str, ...]
    dialect: DialectRule
    handler: Handler
    arguments: frozenset[str]
    security: tuple[Credential, ...] | None
    parameters: Parameters
    body: Body | None
    extensions: dict[str, Any] = field(default_factory=dict)
    has_parameters: bool = False
    shape: Shape | None = None
    """Which members of the body may be spelt otherwise, if any may (spelling.py)."""
    instead: tuple[tuple[bytes, Operation], ...] = ()
    """The operations that answer callers who send one of these headers (`x-instead`)."""

    def for_caller(self, headers: Mapping[bytes, bytes]) -> Operation:
        """This operation, or the one that answers callers with these headers instead."""
        for header, other in self.instead:
            if header in headers:
                return other
        return self

    def dialect_for(self, headers: Mapping[bytes, bytes]) -> str:
        """The dialect in which a request with these headers (lower-case names) is answered."""
        return self.dialect.choose(headers)

    @property
    def body_schema_name(self) -> str | None:
        """The component that is the schema of the JSON request body, if it has a name."""
        return self.body.json.schema_name if self.body is not None and self.body.json is not None else None


class Binder:
    """Compiles the operations of one document."""

    def __init__(self, document: Mapping[str, Any], otherwise: DialectRule) -> None:
        self.document = document
        self.otherwise = otherwise
        self.schemas = Schemas(document)
        self.schemes: Mapping[str, Any] = document.get("components", {}).get("securitySchemes", {})

    def bind(
        self, path: str, method: str, item: Mapping[str, Any], raw: Mapping[str, Any], handler: Handler
    ) -> Operation:
        """The compiled operation. Raises ConfigurationError for what this gateway cannot enforce."""
        parameters = self.parameters([*item.get("parameters", ()), *raw.get("parameters", ())])
        operation_id = raw["operationId"]
        return Operation(
            id=operation_id,
            method=method.upper(),
            path=path,
            tags=tuple(raw.get("tags", ())),
            dialect=dialect_rule(raw.get("x-dialect", item.get("x-dialect")), self.otherwise),
            handler=handler,
            arguments=_arguments(operation_id, handler, parameters),
            security=self.security(raw.get("security", self.document.get("security"))),
            parameters=parameters,
            has_parameters=bool(parameters),
            body=self.body(operation_id, follow(self.document, raw.get("requestBody")), SERVICE_RULE in raw),
            extensions={name: value for name, value in raw.items() if name.startswith("x-")},
            shape=self.shape(follow(self.document, raw.get("requestBody")), raw.get("x-spelling")),
        )

    def shape(self, declared: Mapping[str, Any] | None, spelling: Any) -> Shape | None:
        """The members of a JSON body that may be written in snake_case too, or have other names."""
        if declared is None or spelling is None:
            return None
        if spelling != "camelCase":
            return Shape(names=spelling)
        return shape_of(self.document, declared["content"][JSON].get("schema", {}))

    def parameters(self, declared: Sequence[Any]) -> Parameters:
        """The parameters of a path and of its operation; the operation's win."""
        found: dict[tuple[str, str], Parameter] = {}
        for each in declared:
            parameter = follow(self.document, each)
            if parameter["in"] == "cookie":
                raise ConfigurationError(f"The contract's parameter {parameter['name']}: cookies are not supported.")
            schema = follow(self.document, parameter["schema"])
            found[parameter["in"], parameter["name"]] = Parameter(parameter, schema, self.schemas)
        return Parameters(list(found.values()))

    def security(self, requirements: Sequence[Mapping[str, Any]] | None) -> tuple[Credential, ...] | None:
        """The alternatives, each a single header; None where the operation is open."""
        if not requirements or {} in requirements:
            return None
        found = []
        for requirement in requirements:
            name = next(iter(requirement))
            scheme = follow(self.document, self.schemes[name])
            if len(requirement) == 1 and scheme["type"] == "http" and scheme["scheme"].lower() == "bearer":
                found.append(Credential(b"authorization", bearer=True))
            elif len(requirement) == 1 and scheme["type"] == "apiKey" and scheme["in"] == "header":
                found.append(Credential(scheme["name"].lower().encode(), bearer=False))
            else:
                raise ConfigurationError(f"The contract's security requirement {name} is none that can be enforced.")
        return tuple(found)

    def body(self, operation_id: str, declared: Mapping[str, Any] | None, streamed: bool) -> Body | None:
        """The body that an operation takes, if it takes one. What is no JSON is `streamed`: its handler reads it."""
        if not declared:
            return None
        content = declared["content"]
        if JSON not in content and not streamed:
            raise ConfigurationError(f"The contract's operation {operation_id} takes a body that is not {JSON}.")
        return Body(
            required=bool(declared.get("required", False)),
            media_types=frozenset(name.lower().encode() for name in content),
            json=self.json_body(content[JSON].get("schema", {})) if JSON in content else None,
        )

    def json_body(self, schema: Mapping[str, Any]) -> JsonBody:
        reference = schema.get("$ref", "")
        return JsonBody(
            schema_name=reference.rsplit("/", 1)[1] if reference else None,
            validator=self.schemas.compile(schema),
            sliced=SlicedValidator(self.schemas, schema),
        )


def _arguments(operation_id: str, handler: Handler, parameters: Parameters) -> frozenset[str]:
    """The names that a handler asks for. Raises ConfigurationError for one that the contract does not give."""
    known = parameters.arguments | EXTRA_ARGUMENTS
    declared = inspect.signature(handler).parameters.values()
    wanted = {each.name for each in declared}
    for each in declared:
        if each.name not in known and each.default is inspect.Parameter.empty:
            raise ConfigurationError(
                f"The handler of {operation_id} asks for {each.name}, which is no parameter of the operation."
            )
    return frozenset(wanted & known)
