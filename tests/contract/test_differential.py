"""The fast middleware decides as connexion decides: generated and mutated requests through both stacks.

A difference that nobody intended fails. The intended ones are the rows of DIFFERENCES, each with its reason; they are
sent as well, so that a row that no longer describes anything fails too.
"""

from __future__ import annotations

import asyncio
import gzip
import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from contract.asgi import BEARER, JSON, KEY, ask, identify, small_app
from contract.both_stacks import DOCUMENT, StubCall
from contract.generated_bodies import Bodies
from contract.reference_mode import reference_app

from handlers.engine.answers import JSON_HEADERS, Answer
from handlers.engine.contract import ContractResolver, operations
from handlers.engine.contract.schemas import Schemas

LEAST_REQUESTS = int(os.environ.get("MORELLO_DIFFERENTIAL_CASES", "2000"))
"""For each operation; `make fuzz` asks for more."""
PATHS = {"provider_id": "demo", "model": "demo:echo"}
WORDS_IN_REQUESTS = {
    "type", "properties", "required", "items", "oneOf", "enum", "not", "nullable", "minimum", "maximum", "minLength",
    "maxLength", "minItems", "maxItems", "pattern", "additionalProperties", "description", "example", "default",
    "format", "title", "deprecated",
}  # fmt: skip
"""What the generator understands. A new word in a request's schema has to be taught to it first."""

GOOD = orjson.dumps({"model": "demo:echo", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]})


@dataclass
class Generated:
    """One request body, and what accepting or refusing it proves."""

    body: Any
    branch: str | None = None
    constraint: tuple[Any, ...] | None = None


def generate(name: str, seed: int) -> list[Generated]:
    """Every branch once, every constraint broken once, and random ones, valid and mutated, up to the number wanted."""
    bodies = Bodies(DOCUMENT, seed)
    root = DOCUMENT["components"]["schemas"][name]
    validator = Schemas(DOCUMENT).compile(root)
    found = []
    for place in bodies.places(name):
        body = bodies.along(root, place.route, lambda schema: bodies.valid(schema, 2))
        found.append(Generated(body, branch=place.label if place.is_branch else None))
    for each in bodies.broken(name, validator.is_valid):
        found.append(Generated(each.body, constraint=(each.place.label, *map(str, each.constraint))))
    while len(found) < LEAST_REQUESTS + 50:
        valid = bodies.valid(root)
        found += [Generated(valid), Generated(bodies.mutated(valid))]
    return found


POSTS = [(path, raw) for path, method, _, raw in operations(DOCUMENT)
         if method == "post" and "application/json" in raw["requestBody"]["content"]]  # fmt: skip
"""Forms are not validated here: they pass through while they come in."""


def address(path: str) -> str:
    for name, value in PATHS.items():
        path = path.replace(f"{{{name}}}", value)
    return path


@pytest.mark.parametrize(("path", "operation"), POSTS, ids=[raw["operationId"] for _, raw in POSTS])
def test_generated_bodies_are_decided_alike(stacks, path, operation):
    """2,000 and more for each operation; neither "everything is refused" nor "everything is accepted" would pass."""
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    requests = generate(name, seed=sum(path.encode()))
    verdicts: Counter[str] = Counter()
    branches, constraints, differences = set(), set(), []

    async def compare(request: Generated) -> None:
        raw = orjson.dumps(request.body)
        headers = (BEARER, JSON, (b"content-length", b"%d" % len(raw)))
        fast, stock = [(await ask(app, "POST", address(path), headers=headers, body=raw)).status for app in stacks]
        if fast != stock:
            differences.append((fast, stock, request))
        elif fast == 200:
            verdicts["accepted"] += 1
            branches.add(request.branch)
        else:
            assert fast == 400
            verdicts["refused"] += 1
            constraints.add(request.constraint)

    async def compare_all() -> None:
        for request in requests:
            await compare(request)

    asyncio.run(compare_all())
    assert not differences, f"{len(differences)}: {differences[:3]}"
    assert len(requests) >= LEAST_REQUESTS
    assert verdicts["accepted"] >= 0.4 * len(requests), verdicts
    assert verdicts["refused"] >= 0.3 * len(requests), verdicts
    assert {each.branch for each in requests} <= branches, "a branch that nothing reached"
    assert {each.constraint for each in requests} - {None} <= constraints, "a constraint that nothing broke"


def test_the_generator_understands_every_word_of_the_request_schemas():
    bodies = Bodies(DOCUMENT, 0)
    for _, operation in POSTS:
        name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        for place in bodies.places(name):
            unknown = {word for word in place.schema if not word.startswith("x-")} - WORDS_IN_REQUESTS
            assert not unknown, f"{place.label}: {unknown}"


# ---- everything around the body -------------------------------------------------------------------------------------


@dataclass
class Around:
    """A request whose body is not the point."""

    method: str
    path: str
    headers: tuple[tuple[bytes, bytes], ...] = (BEARER, JSON)
    query: bytes = b""
    body: bytes = b""
    announced: bool = True

    def sent(self) -> dict[str, Any]:
        length = ((b"content-length", b"%d" % len(self.body)),) if self.announced else ()
        return {"headers": (*self.headers, *length), "query": self.query, "body": self.body}


def post(*headers: tuple[bytes, bytes], body: bytes = GOOD, **more: Any) -> Around:
    return Around("POST", "/v1/chat/completions", (BEARER, *(headers or (JSON,))), body=body, **more)


def keys(*headers: tuple[bytes, bytes], path: str = "/v1/chat/completions") -> Around:
    return Around("POST", path, (JSON, *headers), body=GOOD)


ALIKE = {
    "a good body": post(),
    "no body": post(body=b""),
    "an empty object": post(body=b"{}"),
    "cut off": post(body=GOOD[:-1]),
    "not JSON": post(body=b"model=m"),
    "a charset": post((b"content-type", b"application/json; charset=utf-8")),
    "an odd charset": post((b"content-type", b"application/json; charset=odd")),
    "another type": post((b"content-type", b"text/plain")),
    "a form": post((b"content-type", b"application/x-www-form-urlencoded")),
    "an unknown query": post(query=b"beta=true&x=1&x=2"),
    "no key": keys(),
    "the key as bearer": keys((b"authorization", b"Bearer " + KEY)),
    "bearer in capitals": keys((b"authorization", b"BEARER " + KEY)),
    "the key as api key": keys((b"x-api-key", KEY)),
    "both": keys((b"authorization", b"Bearer " + KEY), (b"x-api-key", KEY)),
    "bearer wrong, api key right": keys((b"authorization", b"Bearer wrong"), (b"x-api-key", KEY)),
    "bearer right, api key wrong": keys((b"authorization", b"Bearer " + KEY), (b"x-api-key", b"wrong")),
    "both wrong": keys((b"authorization", b"Bearer wrong"), (b"x-api-key", b"wrong")),
    "one word, api key right": keys((b"authorization", KEY), (b"x-api-key", KEY)),
    "one word": keys((b"authorization", KEY)),
    "basic": keys((b"authorization", b"Basic dXNlcjprZXk=")),
    "an empty bearer": keys((b"authorization", b"Bearer ")),
    "an empty api key": keys((b"x-api-key", b"")),
    "a key in the query": Around("POST", "/v1/chat/completions", (JSON,), b"key=" + KEY, GOOD),
    "an unknown path": Around("GET", "/nowhere"),
    "an unknown path without a key": Around("GET", "/nowhere", ()),
    "a wrong method": Around("DELETE", "/v1/models"),
    "a wrong method without a key": Around("DELETE", "/v1/models", ()),
    "a provider in the path": Around("POST", "/demo/v1/chat/completions", body=GOOD),
    "a segment too many": Around("POST", "/a/b/v1/chat/completions", body=GOOD),
    "HEAD": Around("HEAD", "/health"),
    "a provider in capitals": Around("POST", "/Demo/v1/chat/completions", body=GOOD),
    "a refusal of the path before the key": Around("POST", "/v1/nothing", (), body=GOOD),
}


@pytest.mark.parametrize("request_", ALIKE.values(), ids=ALIKE)
def test_what_is_around_the_body_is_decided_alike(stacks, request_):
    fast, stock = [asyncio.run(ask(app, request_.method, request_.path, **request_.sent())) for app in stacks]
    assert fast.status == stock.status


QUERIES = [
    b"", b"limit=5", b"limit=0", b"limit=1", b"limit=1000", b"limit=1001", b"limit=x", b"limit=", b"limit=1.5",
    b"limit=-1", b"limit=3&limit=4", b"offset=0", b"offset=-1", b"offset=x", b"offset=2&limit=2", b"after_id=demo:echo",
    b"after_id=", b"providerType=openai", b"providerType=demo", b"providerType=", b"unknown=1", b"limit=%31",
    b"limit=1_0", b"limit=%2B5", b"limit=+5", b"limit=" + b"9" * 300,
    b"limit=10&providerType=anthropic&beta=true",
]  # fmt: skip


class Noting(ContractResolver):
    """Instead of listing models, notes what the handler is given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Any] = []

    def find(self, operation_id: str | None, tags: Any) -> Any:
        async def noted(
            call: Any, provider_type: Any = None, limit: Any = None, offset: Any = None, after_id: Any = None,
            before_id: Any = None,
        ) -> Answer:  # fmt: skip
            self.given.append((provider_type, limit, offset, after_id, before_id))
            return Answer(200, JSON_HEADERS, b"{}")

        return noted if operation_id == "listModels" else super().find(operation_id, tags)


@pytest.fixture(scope="module")
def noting(stacks) -> list[tuple[Any, Noting]]:
    fast, stock = Noting(), Noting()
    return [
        (small_app(DOCUMENT, make_call=StubCall, resolver=fast), fast),
        (reference_app(DOCUMENT, StubCall, identify, stock), stock),
    ]


@pytest.mark.parametrize("query", QUERIES)
def test_parameters_are_decided_and_handed_over_alike(noting, query):
    """The same verdict, and the same arguments for the handler."""
    outcomes = []
    for app, resolver in noting:
        resolver.given.clear()
        status = asyncio.run(ask(app, "GET", "/v1/models", query=query)).status
        outcomes.append((status, list(resolver.given)))
    assert outcomes[0] == outcomes[1]


# ---- where they are meant to differ ---------------------------------------------------------------------------------


def deep(levels: int) -> bytes:
    return GOOD[:-1] + b',"unknown":' + b"[" * levels + b"]" * levels + b"}"


def with_member(text: bytes) -> bytes:
    return GOOD[:-1] + b"," + text + b"}"


DIFFERENCES = [
    ("a chunked body", post(announced=False), 200, 400, "connexion takes a body without a length for none (2020)"),
    ("no type", Around("POST", "/v1/chat/completions", (BEARER,), body=GOOD), 200, 500, "JSON is what there is"),
    ("a type in capitals", post((b"content-type", b"Application/JSON")), 200, 500, "types have no case"),
    ("not UTF-8", post(body=GOOD.replace(b"hi", b"\xff")), 400, 500, "the caller's mistake, not ours (1860)"),
    ("gzip", post(JSON, (b"content-encoding", b"gzip"), body=gzip.compress(GOOD, mtime=0)), 200, 500, "clients compress"),
    ("br", post(JSON, (b"content-encoding", b"br"), body=GOOD), 415, 200, "it is not what it says, or we cannot tell"),
    ("NaN", post(body=with_member(b'"x":NaN')), 400, 200, "not JSON; no provider would take it"),
    ("a lone surrogate", post(body=with_member(b'"x":"\\ud800"')), 400, 200, "no text; it cannot be written again"),
    ("200 levels", post(body=deep(200)), 400, 200, "what is accepted must be writable again"),
    ("2**64", post(body=with_member(b'"seed":18446744073709551616')), 400, 200, "integers end at 64 bits"),
    ("a slash too many", Around("POST", "/v1/chat/completions/", body=GOOD), 404, 307, "an answer, not a detour"),
    ("a reserved word", Around("POST", "/v1/v1/chat/completions", body=GOOD), 404, 200, "it is no provider's id"),
]


@pytest.mark.parametrize(("request_", "fast", "stock"), [row[1:4] for row in DIFFERENCES], ids=[r[0] for r in DIFFERENCES])
def test_intended_differences_are_still_differences(stacks, request_, fast, stock):
    """Each has its reason in the table. A row that connexion or we have outgrown must go."""
    found = [asyncio.run(ask(app, request_.method, request_.path, **request_.sent())).status for app in stacks]
    assert found == [fast, stock]
