"""How a case is sent to the running server and judged."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import schemathesis
from contract.contract_specimens import contract
from fuzz.fuzz_checks import Checks
from fuzz.fuzz_dialects import REPETITIONS
from fuzz.fuzz_world import TARGETS, aimed, named, world_in
from fuzz.suggestions import light, suggesting
from hypothesis import strategies
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import IgnoredAuth, RejectedPositiveData
from serving import KEY

from handlers.engine.contract.document import follow

CONFIRMATIONS = 3
"""Successes of an operation that are asked for once more without a key and with a wrong one."""


def is_wild(case: Case) -> bool:
    """Whether a case stays as wild as chance made it, like one in six. Not drawn: draws come in flocks."""
    return zlib.crc32(repr((case.body, case.query, case.path_parameters)).encode()) % 6 == 0


class Fuzzing:
    """The contract as schemathesis sees it, the running server, and what has been counted so far."""

    def __init__(self, schema: Any, thin: Any, drawn: Any, checks: Checks, session: requests.Session) -> None:
        self.schema, self.thin, self.drawn, self.checks, self.session = schema, thin, drawn, checks, session
        self.targets: tuple[str, ...] = TARGETS
        self.succeeded: Counter[str] = Counter()
        load_all_checks()
        self.ignored_auth = CHECKS.get_one("ignored_auth")

    def cases(self, path: str, method: str, mode: GenerationMode, *targets: str) -> Any:
        """Random cases of an operation, valid or not, for some of the providers (without any: for all)."""
        self.targets = targets or TARGETS
        return self.drawn[path][method].as_strategy(generation_mode=mode)

    def contracted(self, case: Case) -> Case:
        """The case as one of the contract's own, not of the stricter document that it was drawn from."""
        case.operation = self.schema[case.operation.path][case.operation.method]
        return case

    def systematic(self, path: str, method: str, operation_id: str) -> Any:
        """An operation as it is tried systematically: of one that repeats another, all but its body."""
        return (self.thin if operation_id in REPETITIONS else self.schema)[path][method]

    def judge(self, case: Case) -> Response:
        """Send one case and run all checks on the answer: those of schemathesis, none of which is off, and ours."""
        label = case.operation.label
        # It asks three more times about each success; that an operation wants a key needs to be seen but a few times.
        off = [self.ignored_auth] if self.succeeded[label] >= CONFIRMATIONS else []
        response = case.call_and_validate(
            session=self.session, headers={"Authorization": f"Bearer {KEY}"}, additional_checks=self.checks.all,
            excluded_checks=off,
        )  # fmt: skip
        self.succeeded[label] += response.status_code < 300
        return response


@contextmanager
def fuzzing_in(home: Path) -> Iterator[Fuzzing]:
    """The whole arrangement, as long as the block lasts."""
    document = suggesting(contract())
    documents = (document, without_bodies(document), light(document))
    schemas = [schemathesis.openapi.from_dict(each) for each in documents]
    with world_in(home) as world, requests.Session() as session:
        session.trust_env = False
        fuzzing = Fuzzing(*schemas, Checks(world), session)
        for schema in schemas:
            schema.config.update(base_url=world.url)
            schema.config.max_stream_events = 1_000_000  # all of them: by itself it stops to read after twenty
            register_filter(fuzzing, schema)
        register_drawing(fuzzing)
        yield fuzzing


def without_bodies(document: dict[str, Any]) -> dict[str, Any]:
    """A copy in which operations that repeat another take one of their examples, and nothing else."""
    paths = {}
    for path, item in document["paths"].items():
        paths[path] = dict(item)
        for method, operation in item.items():
            if operation["operationId"] in REPETITIONS:
                media = operation["requestBody"]["content"]["application/json"]
                values = [follow(document, example)["value"] for example in media["examples"].values()]
                content = {"application/json": {"schema": {"type": "object", "enum": values}}}
                paths[path][method] = {**operation, "requestBody": {**operation["requestBody"], "content": content}}
    return {**document, "paths": paths}


def register_drawing(fuzzing: Fuzzing) -> None:
    """What is drawn besides the contract's own values."""

    @fuzzing.drawn.hook
    def before_generate_case(context: Any, strategy: Any) -> Any:
        """Draw who is to answer, and whether in pieces: left to itself chance would never name a model that exists."""
        # Drawn before the body: what comes after a long one is often cut off, and then is the first of its choices.
        targets = strategies.sampled_from(fuzzing.targets)
        if context.operation.method.upper() == "POST":
            return strategies.builds(
                lambda target, stream, case: aimed(fuzzing.contracted(case), target, stream, wild=is_wild(case)),
                targets, strategies.sampled_from((None, True, False)), strategy,
            )  # fmt: skip
        return strategies.builds(
            lambda target, by_place, case: named(fuzzing.contracted(case), target, by_place=by_place, wild=is_wild(case)),
            targets, strategies.booleans(), strategy,
        )  # fmt: skip


def register_filter(fuzzing: Fuzzing, schema: Any) -> None:
    """Which failures are none."""

    @schema.hook
    def filter_failure(context: Any, failure: Failure, case: Case, response: Response) -> bool:
        """A valid request may be refused for the reasons of our short table; one good key of several is enough."""
        if isinstance(failure, IgnoredAuth) and "generated auth" in failure.message:
            return response.request.headers.get("Authorization") != f"Bearer {KEY}"
        return not (isinstance(failure, RejectedPositiveData) and fuzzing.checks.is_reasonable(response))
