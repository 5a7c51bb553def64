"""The real contract's refusals: each broken constraint is reported where it is, in bodies of every size alike."""

from __future__ import annotations

import orjson
import pytest
from contract.generated_bodies import Bodies

from handlers.engine.contract import large, load_document, parse_large, write_large
from handlers.engine.contract.explaining import find_failure
from handlers.engine.contract.schemas import Schemas
from handlers.engine.contract.slices import SlicedValidator
from handlers.engine.resources import BUNDLED

DOCUMENT = load_document(BUNDLED / "openapi" / "openapi.yaml")
REQUESTS = ["ChatCompletionRequest", "MessagesRequest"]

ELSEWHERE = {
    ("ChatFileReference", "file_id"): "two kinds of file without a tag: either member would do",
}
"""Members whose absence is reported at another pointer, with the reason."""


@pytest.fixture(scope="module")
def schemas():
    return Schemas(DOCUMENT)


@pytest.fixture(params=REQUESTS)
def request_name(request):
    return request.param


def broken(schemas, name, seed=7):
    validator = schemas.compile(DOCUMENT["components"]["schemas"][name])
    return validator, Bodies(DOCUMENT, seed).broken(name, validator.is_valid)


def test_each_broken_constraint_is_reported_at_its_own_pointer(schemas, request_name):
    """Every type, limit and required member, in every branch of every union: never at the union, never at a sibling."""
    validator, cases = broken(schemas, request_name)
    assert len(cases) > 300
    for case in cases:
        failure = find_failure(validator, case.body)
        branch = case.place.label.rpartition("|")[2]
        if case.without_tag or (branch, case.constraint[1]) in ELSEWHERE:
            continue
        assert failure.path == case.path, f"{case.place.label} {case.constraint}: {failure.sentence}"
        assert failure.missing is (case.constraint[0] == "required")


def test_a_missing_tag_is_reported_inside_the_same_value(schemas, request_name):
    """Without its tag a value is taken for the kind that needs none, if there is one, and told what that kind lacks."""
    validator, cases = broken(schemas, request_name)
    for case in cases:
        if case.without_tag:
            failure = find_failure(validator, case.body)
            assert failure.path[: len(case.path) - 1] == case.path[:-1]


def test_slices_of_any_size_explain_alike(schemas, request_name, monkeypatch):
    """With slices of 64 bytes every body is large, at every depth: same value, same verdict, same sentence."""
    monkeypatch.setattr(large, "SLICE", 64)
    sliced = SlicedValidator(schemas, DOCUMENT["components"]["schemas"][request_name])
    validator, cases = broken(schemas, request_name)
    for case in cases[::2]:
        result = parse_large(orjson.dumps(case.body))
        assert sliced.find_failure(result) == find_failure(validator, case.body)


def test_slices_of_any_size_decide_alike(schemas, request_name, monkeypatch):
    """Valid and mutated bodies; and what was read in slices is written in slices, byte for byte."""
    monkeypatch.setattr(large, "SLICE", 64)
    root = DOCUMENT["components"]["schemas"][request_name]
    sliced, validator, bodies = SlicedValidator(schemas, root), schemas.compile(root), Bodies(DOCUMENT, 11)
    for _ in range(150):
        valid = bodies.valid(root)
        for body in (valid, bodies.mutated(valid)):
            raw = orjson.dumps(body)
            result = parse_large(raw)
            assert result.value == body
            assert b"".join(write_large(result.value)) == raw
            assert (sliced.find_failure(result) is None) == validator.is_valid(body)
