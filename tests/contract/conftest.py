"""The small contract as an app, shared by the tests of the middleware."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from contract.asgi import small_app
from contract.both_stacks import both_stacks


@pytest.fixture(scope="session")
def app():
    return small_app()


@pytest.fixture(scope="module")
def stacks() -> Iterator[tuple[Any, Any]]:
    """The fast stack and the stock one."""
    with both_stacks() as stacks:
        yield stacks
