"""The inputs of the eight files are those of the neutral conversation."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from handlers.engine.templates import Kind
from handlers.engine.templates.kinds import INPUTS

NEUTRAL = yaml.safe_load(Path(__file__).parents[2].joinpath("openapi/neutral.schema.yaml").read_text("utf-8"))["$defs"]


@pytest.mark.parametrize(
    ("kind", "name", "more"),
    [
        (Kind.WRITE_REQUEST, "request", set()),
        (Kind.WRITE_RESPONSE, "response", {"request", "asked"}),
        (Kind.WRITE_ERROR, "error", set()),
    ],
)
def test_writers_are_given_the_members_of_the_neutral_form(kind: Kind, name: str, more: set[str]) -> None:
    """Each member of the neutral schema is an input, and nothing else is."""
    assert set(INPUTS[kind]) == set(NEUTRAL[name]["properties"]) | more


def test_every_kind_knows_dialect_and_values() -> None:
    """Two names are the same everywhere."""
    for kind in Kind:
        assert kind.inputs[-2:] == ("dialect", "values")
