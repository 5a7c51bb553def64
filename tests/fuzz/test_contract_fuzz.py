"""The contract against the running server: whatever it lets through is answered as it says, all else is refused.

The ordinary run is the same each time. `MORELLO_FUZZ_EXAMPLES` (see the Makefile) asks for more cases, at random.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from contract.contract_specimens import contract
from fuzz.fuzz_checks import is_wrong, target_of
from fuzz.fuzz_dialects import DIALECTS, FORMS, REPETITIONS, operations
from fuzz.fuzz_run import Fuzzing
from fuzz.fuzz_world import aimed, targets_of
from fuzz.lenient_servers import FAILURES
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.drivers import CoverageGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.overrides import Override

from handlers.engine.contract.document import follow

EXAMPLES = int(os.environ.get("MORELLO_FUZZ_EXAMPLES", "0"))
"""How many random cases of a kind for each operation and provider; 0 stands for the ordinary run."""
POSITIVE, NEGATIVE, REPEATED = 25, 40, 8
"""How many in the ordinary run; the last for what repeats another operation."""
CORNERS = 10 * EXAMPLES or 160
"""About so many of the systematic cases of an operation are tried, evenly chosen; there are up to 16,000."""
METHODS = ("get", "put", "post", "delete", "patch")
FIRST = 8
"""Of each kind of them, the first ones in any case."""


def every(*methods: str) -> list[Any]:
    """Path and method of each operation that is fuzzed."""
    return [pytest.param(path, method, id=operation["operationId"]) for path, method, operation in operations(*methods)]


def every_pair() -> list[Any]:
    """The same of those with a body, with each who answers."""
    return [
        pytest.param(path, method, target, id=f"{operation['operationId']}-{target}")
        for path, method, operation in operations("post")
        for target in targets_of(operation)
    ]


def negatable() -> list[Any]:
    """The operations that a request can get wrong: those with parameters or a body."""
    return [
        pytest.param(path, method, id=operation["operationId"])
        for path, method, operation in operations("get", "post")
        if {"parameters", "requestBody"} & operation.keys()
    ]


def operation_at(path: str, method: str) -> dict[str, Any]:
    found: dict[str, Any] = contract()["paths"][path][method.lower()]
    return found


def number_of(wanted: int, path: str, method: str) -> int:
    """How many random cases of an operation are tried."""
    return EXAMPLES or (REPEATED if operation_at(path, method)["operationId"] in REPETITIONS else wanted)


def chosen(examples: int) -> settings:
    return settings(
        max_examples=examples, derandomize=not EXAMPLES, database=None, deadline=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip


def test_every_operation_is_fuzzed() -> None:
    """A new dialect gets a row in fuzz_dialects.py and a lenient server; forms are tried out where it says."""
    fuzzed = {operation["operationId"] for _, _, operation in operations("get", "post")}
    known = {operation["operationId"] for item in contract()["paths"].values()
             for name, operation in item.items() if name in METHODS}  # fmt: skip
    assert known == fuzzed | FORMS.keys()
    spoken = {operation["x-dialect"] for _, _, operation in operations("post")}
    assert spoken == DIALECTS.keys()


@pytest.mark.parametrize(("path", "method", "target"), every_pair())
def test_what_the_contract_lets_through_is_answered(fuzzing: Fuzzing, path: str, method: str, target: str) -> None:
    """Random valid requests to each provider: passed through, translated, whole and in pieces.

    A fuzzer that only sees refusals proves nothing: at least half of the cases must be answered, where they are many.
    """
    answered: list[bool] = []
    wanted = number_of(POSITIVE, path, method)

    @chosen(wanted)
    @given(case=fuzzing.cases(path, method, GenerationMode.POSITIVE, target))
    def run(case: Case) -> None:
        response = fuzzing.judge(case)
        if case.meta.generation.mode.is_positive:
            assert target_of(response) == target
            answered.append(response.status_code < 300)

    run()
    assert len(answered) >= wanted * 2 // 3, "most cases are still valid after they were made plain"
    least = len(answered) // 2 if wanted > REPEATED else 1
    assert sum(answered) >= least, f"only {sum(answered)} of {len(answered)} were answered"


@pytest.mark.parametrize(("path", "method"), negatable())
def test_what_the_contract_forbids_is_refused(fuzzing: Fuzzing, path: str, method: str) -> None:
    """Random requests with something wrong in them; those that turn out to have nothing wrong are drawn anew."""
    wrong = 0
    wanted = number_of(NEGATIVE, path, method)

    @chosen(wanted)
    @given(case=fuzzing.cases(path, method, GenerationMode.NEGATIVE, *targets_of(operation_at(path, method))))
    def run(case: Case) -> None:
        nonlocal wrong
        assume(is_wrong(case))
        wrong += 1
        fuzzing.judge(case)

    run()
    assert wrong * 2 >= wanted, f"only {wrong} of {wanted} were wrong"


@pytest.mark.parametrize(("path", "method"), every("get"))
def test_what_can_be_asked_for_without_a_body(fuzzing: Fuzzing, path: str, method: str) -> None:
    """Random valid parameters; at least half are answered here too."""
    statuses: list[int] = []

    @chosen(number_of(NEGATIVE, path, method))
    @given(case=fuzzing.cases(path, method, GenerationMode.POSITIVE))
    def run(case: Case) -> None:
        statuses.append(fuzzing.judge(case).status_code)

    run()
    assert sum(status < 300 for status in statuses) * 2 >= len(statuses)


@pytest.mark.parametrize(("path", "method"), every("get", "post"))
def test_every_corner_of_the_contract(fuzzing: Fuzzing, path: str, method: str) -> None:
    """The systematic cases: each limit and kind, just within and just beyond; methods, media types, what is missing."""
    operation = operation_at(path, method)
    targets = cycle((target, stream) for target in targets_of(operation) for stream in (False, True))
    repeats = operation["operationId"] in REPETITIONS
    for case in corners(fuzzing.systematic(path, method, operation["operationId"])):
        if not (repeats and case.meta.is_negative_at(ParameterLocation.BODY)):
            fuzzing.judge(aimed(fuzzing.contracted(case), *next(targets)))


def corners(operation: Any) -> Iterator[Case]:
    """A choice of the systematic cases of an operation."""
    config = operation.schema.config.generation_for(operation=operation, phase="coverage")
    nothing: Any = {}
    cases = list(CoverageGenerator(
        operation=operation, generation_modes=config.modes, generation_config=config, auth_storage=None, hooks=None,
        override=Override(query=nothing, headers=nothing, cookies=nothing, path_parameters=nothing, body=nothing),
        feedback=NO_FEEDBACK,
    ))  # fmt: skip
    step = max(1, len(cases) // CORNERS)
    seen: Counter[Any] = Counter()
    for number, case in enumerate(cases):
        seen[case.meta.phase.data.scenario] += 1
        if number % step == 0 or seen[case.meta.phase.data.scenario] <= FIRST:
            yield case


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "in pieces"])
@pytest.mark.parametrize(("path", "method", "target"), every_pair())
def test_the_examples_reach_every_provider(
    fuzzing: Fuzzing, path: str, method: str, target: str, stream: bool
) -> None:
    """What the contract shows is answered by whoever it is sent to."""
    examples = operation_at(path, method)["requestBody"]["content"]["application/json"]["examples"]
    for example in examples.values():
        body = follow(contract(), example)["value"]
        names = {"provider_id": "demo", "model": "demo:echo"}
        case = fuzzing.schema[path][method].Case(
            body=body, media_type="application/json",
            path_parameters={name: value for name, value in names.items() if f"{{{name}}}" in path},
        )  # fmt: skip
        response = fuzzing.judge(aimed(case, target, stream))
        assert response.status_code == 200 or response.status_code in FAILURES, response.text
