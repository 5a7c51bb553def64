"""The small contract as an app, shared by the tests of the middleware."""

from __future__ import annotations

import pytest
from contract.asgi import small_app


@pytest.fixture(scope="session")
def app():
    return small_app()
