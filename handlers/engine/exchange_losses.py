"""The tables of losses, one for each pair of a client's request schema and a provider's door (engine/losses/).

A table is made by trying: what the pair would send is computed for many requests with and without each member. That
takes up to a tenth of a second, so it happens in a thread: in the background after the start, or when a pair is first
used. Doors that would send the same share a table.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import orjson

from .contract.document import follow, operations
from .declared_losses import at, told_of
from .losses import Loss, Table, answer_schema, client_schema

if TYPE_CHECKING:
    from .call import Call
    from .configuration import Configuration
    from .dialects import Dialect
    from .providers import Door, Target

log = logging.getLogger("morello")

CONVERSING = {"else": "converse"}
"""What operations without a rule of their own do."""

PASSING = " passes"
"""Marks the key of a table of what passes through; no member under `values:` can have such a name."""

ASKING = " asks"
"""Marks the key of a table of what a service's template carries, in the same way; its value is the service."""

UNKNOWN: Any = object()
MOST_READY = 10_000

Key = tuple[str, str, str, str, str]


class LossTables:
    """Finds, makes and keeps the tables."""

    def __init__(self, configuration: Configuration, document: dict[str, Any]) -> None:
        self.configuration = configuration
        self.document = document
        self._tables: dict[Key, asyncio.Future[Table | None]] = {}
        self._answers: dict[str, asyncio.Future[Table]] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="losses")
        self._ready: dict[tuple[str, str, int, str], Table | None] = {}
        self._keys: dict[tuple[str, str, int, str, str], Key] = {}

    async def service_table(self, call: Call, target: Target, door: Door, service: str) -> Table | None:
        """The table of what a service's template carries of the caller's body."""
        schema_name = call.operation.body_schema_name
        if schema_name is None:
            return None
        values = {**target.values(door), ASKING: service}
        key = key_of(call.dialect_name, schema_name, door, "", values)
        return await self.made(key, call.dialect, door, target.model_id, values)

    def known_table(self, call: Call, target: Target, door: Door) -> Any:
        """What `table` gives, where it has given it before; else UNKNOWN."""
        return self._ready.get(self.short_key(call, target, door), UNKNOWN)

    @staticmethod
    def short_key(call: Call, target: Target, door: Door) -> tuple[str, str, int, str]:
        own = door.patch or (target.model is not None and target.model.values)
        return call.operation.id, call.dialect_name, id(door), target.model_id if own else ""

    async def table(self, call: Call, target: Target, door: Door, *, passing: bool = False) -> Table | None:
        """The table of this call's pair; made first, where nobody has needed it yet, and so is that of its answer.

        `passing`: of a body that passes through, but for the door's patches."""
        if not passing and not self.answers_made(call.dialect).done():
            await asyncio.shield(self.answers_made(call.dialect))
        schema_name = call.operation.body_schema_name
        if schema_name is None:
            return None
        model = target.model_id if target.model is not None and target.model.values else ""
        patches = patches_of(door, target.model_id)
        short = (call.dialect_name, schema_name, id(door), PASSING if passing else model, patches)
        key = self._keys.get(short)
        if key is None:
            values = {PASSING: door.names_model} if passing else target.values(door)
            key = self._keys[short] = key_of(call.dialect_name, schema_name, door, patches, values)
        known = self._tables.get(key)
        if known is not None and known.done():
            found = known.result()
            if not passing and len(self._ready) < MOST_READY:
                self._ready[self.short_key(call, target, door)] = found
            return found
        values = {PASSING: True} if passing else dict(target.values(door))
        return await self.made(key, call.dialect, door, target.model_id, values)

    async def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Try in a thread of its own: large bodies must not wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def made(
        self, key: Key, client: Dialect, door: Door, model_id: str, values: dict[str, Any]
    ) -> asyncio.Future[Table | None]:
        """The table under `key`, under way once however many ask for it."""
        if key not in self._tables:
            work = self.in_thread(self.probe, key[1], client, door, model_id, values)
            self._tables[key] = asyncio.ensure_future(work)
        return asyncio.shield(self._tables[key])

    def probe(
        self, schema_name: str, client: Dialect, door: Door, model_id: str, values: dict[str, Any]
    ) -> Table | None:
        """Try everything that the client's schema allows."""
        if ASKING in values:
            translate = asked(door, model_id, values, self.vocabulary(schema_name))
        else:
            translate = patched(door, model_id) if PASSING in values else sendable(client, door, model_id, values)
        return Table(translate, client_schema(self.document, schema_name))

    def vocabulary(self, schema_name: str) -> dict[str, list[Any]]:
        """The known words of those members of a body that say what the answer should look like."""
        declared = self.document["components"]["schemas"][schema_name].get("properties", {})
        return {name: declared[name].get("x-extensible-enum", []) for name in ANSWERED if name in declared}

    def answers_made(self, client: Dialect) -> asyncio.Future[Table]:
        """The table of what the client's words cannot carry of an answer, under way once however many ask for it."""
        if client.name not in self._answers:
            self._answers[client.name] = asyncio.ensure_future(self.in_thread(answer_table, client))
        return self._answers[client.name]

    def of_answer(self, client: Dialect, response: dict[str, Any]) -> list[Loss]:
        """What the client's words cannot carry of an answer. Its table was made before the request was sent."""
        made = self._answers.get(client.name)
        if made is None or not made.done() or made.exception() is not None:
            return []
        return made.result()({"parts": response.get("parts", [])})

    async def probe_all(self) -> None:
        """Make the tables that calls are likely to need: every client's words to every provider that is on.

        What else they speak is compiled afterwards, where that was put off.
        """
        for client, schema_name in self.spoken():
            await asyncio.shield(self.answers_made(client))
            for provider in self.configuration.on.values():
                door = provider.door(client.family)
                if door.dialect.passes_through and door.dialect.family == client.family:
                    continue
                key = key_of(client.name, schema_name, door, patches_of(door, ""), door.values)
                try:
                    await self.made(key, client, door, "", dict(door.values))
                except Exception:
                    log.exception("the losses from %s to %s cannot be found out", client.name, provider.id)
        spoken = [client for client, _ in self.spoken()]
        providers = self.configuration.on.values()
        doors = [provider.door(client.family).dialect for provider in providers for client in spoken]
        for dialect in {dialect.name: dialect for dialect in (*spoken, *doors)}.values():
            await self.in_thread(dialect.settle)

    def spoken(self) -> Iterator[tuple[Dialect, str]]:
        """Each dialect that callers speak somewhere in the contract, with the component its bodies satisfy."""
        for _, _, _, operation in operations(self.document):
            if operation.get("x-pass-through", CONVERSING).get("else") != "converse":
                continue
            content = follow(self.document, operation.get("requestBody", {})).get("content", {})
            reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            client = self.configuration.dialects.get(str(operation.get("x-dialect")))
            if reference and client is not None and client.write_response is not None:
                yield client, reference.rpartition("/")[2]


def key_of(client: str, schema_name: str, door: Door, patches: str, values: Mapping[str, Any]) -> Key:
    """What a table depends on."""
    written = orjson.dumps(dict(values), option=orjson.OPT_SORT_KEYS).decode()
    return client, schema_name, door.dialect.name, patches, written


def patches_of(door: Door, model_id: str) -> str:
    """The patches that a model gets: models without patches of their own share a table."""
    if not door.patch:
        return ""
    return repr([(patch.text, patch.value) for patch in door.patch.patches if patch.applies_to(model_id)])


def answer_table(client: Dialect) -> Table:
    """What a client's dialect cannot carry of the parts of a neutral response."""
    write = client.write_response
    assert write is not None

    def translate(response: dict[str, Any]) -> Any:
        return write({**FRAME, **response, "request": {}, "values": client.values})

    return Table(translate, parts_schema(client.family))


FRAME: dict[str, Any] = {"id": "r", "model": "m", "created": 1, "finish_reason": "stop", "usage": {}}
"""An answer around the parts that are tried."""


def parts_schema(family: str) -> dict[str, Any]:
    """The neutral response as far as its loss is worth telling: its parts."""
    schema = answer_schema(family)
    parts = schema["$defs"]["response"]["properties"]["parts"]
    return {"$defs": schema["$defs"], "type": "object", "required": ["parts"], "properties": {"parts": parts},
            "additionalProperties": False}  # fmt: skip


def sendable(client: Dialect, door: Door, model_id: str, values: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
    """All that a client's body can influence, as a pure function: what is sent, and what answers are written with."""
    read, write, patch = client.read_request, door.dialect.write_request, door.patch.losing
    assert read is not None
    assert write is not None
    answers, told = answer_reads(client), door.dialect.told

    def translate(body: dict[str, Any]) -> Any:
        request = read({"body": body, "path": {"stream": body.get("stream")}, "values": client.values})
        written = write({**request, "values": values})
        # What is told whenever it is lost counts as carried here.
        besides = [(place, at(request, place)) for _, place in told_of(told, request, written)] if told else ()
        if patch:
            written = patch.apply(written, model_id)
        named = request.get("model") if door.names_model else None
        return written, named, request.get("stream"), [look(request, path) for path in answers], besides

    return translate


def patched(door: Door, model_id: str) -> Callable[[dict[str, Any]], Any]:
    """All that a body which passes through can influence."""
    patch = door.patch.losing

    def translate(body: dict[str, Any]) -> Any:
        named = body.get("model") if door.names_model else None
        return patch.apply(body, model_id), named, body.get("stream")

    return translate


def asked(
    door: Door, model_id: str, values: dict[str, Any], vocabulary: Mapping[str, Sequence[Any]]
) -> Callable[[dict[str, Any]], Any]:
    """All that a caller's body can influence of what a service is asked, and of how its answer is told."""
    service = door.dialect.service_templates[values[ASKING]]
    declared = {name: value for name, value in values.items() if name != ASKING}

    def translate(body: dict[str, Any]) -> Any:
        return service.write({"body": body, "model": model_id, "values": declared}), body.get("model"), [
            body.get(name) for name, words in vocabulary.items() if body.get(name) in words
        ]  # fmt: skip

    return translate


ANSWERED = ("encoding_format",)
"""Members that say what the answer should look like: its reader sees to the words that the contract knows."""


def answer_reads(client: Dialect) -> list[tuple[str, ...]]:
    """The members of the request that the client's answers are written with: `request.extra.….include_usage`, say."""
    found = set()
    for kind in ("write_response", "write_event"):
        template = client.templates.get(kind)
        for path in template.reads if template is not None else ():
            first, *steps = path.split(".")
            if first == "request" and steps and "[" not in path:
                found.add(tuple(steps))
    return sorted(path for path in found if not any(other[: len(path)] == path and other != path for other in found))


def look(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value
