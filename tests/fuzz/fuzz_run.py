"""How a case is sent to the running server and judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import schemathesis
from contract.contract_specimens import contract
from fuzz.fuzz_checks import Checks
from fuzz.fuzz_world import TARGETS, aimed, named, world_in
from fuzz.suggestions import suggesting
from hypothesis import strategies
from schemathesis import Case
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import RejectedPositiveData
from serving import KEY

CONFIRMATIONS = 3
"""Successes of an operation that are asked for once more without a key and with a wrong one."""


class Fuzzing:
    """The contract as schemathesis sees it, the running server, and what has been counted so far."""

    def __init__(self, schema: Any, checks: Checks, session: requests.Session) -> None:
        self.schema, self.checks, self.session = schema, checks, session
        self.succeeded: Counter[str] = Counter()
        load_all_checks()
        self.ignored_auth = CHECKS.get_one("ignored_auth")

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
    schema = schemathesis.openapi.from_dict(suggesting(contract()))
    with world_in(home) as world, requests.Session() as session:
        session.trust_env = False
        schema.config.update(base_url=world.url)
        schema.config.max_stream_events = 1_000_000  # all of them: by itself it stops to read after twenty
        checks = Checks(world)
        register_hooks(schema, checks)
        yield Fuzzing(schema, checks, session)


def register_hooks(schema: Any, checks: Checks) -> None:
    """What is drawn besides the contract's own values, and which failures are none."""

    @schema.hook
    def before_generate_case(context: Any, strategy: Any) -> Any:
        """Draw who is to answer, and whether in pieces: left to itself chance would never name a model that exists."""
        targets, wilds = strategies.sampled_from(TARGETS), strategies.sampled_from((False, False, False, True))
        if context.operation.method.upper() != "POST":
            return strategies.builds(
                lambda target, by_place, wild, case: named(case, target, by_place=by_place, wild=wild),
                targets, strategies.booleans(), wilds, strategy,
            )  # fmt: skip
        # Drawn before the body: what comes after a long one is often cut off, and then is the first of its choices.
        streams = strategies.sampled_from((None, True, False))
        return strategies.builds(
            lambda target, stream, wild, case: aimed(case, target, stream, wild=wild), targets, streams, wilds, strategy
        )

    @schema.hook
    def filter_failure(context: Any, failure: Failure, case: Case, response: Response) -> bool:
        """A valid request may be refused for the reasons of our short table."""
        return not (isinstance(failure, RejectedPositiveData) and checks.is_reasonable(response))
