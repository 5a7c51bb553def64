"""Everything about connections holds on both event loops: Python's own, and the one that serves where it is installed."""

from __future__ import annotations

import pytest
from upstream import provider_settings

try:
    import uvloop
except ImportError:
    uvloop = None


@pytest.fixture(autouse=True, params=["asyncio", "uvloop"])
def loop_of_the_tested_side(request, monkeypatch):
    if request.param == "uvloop":
        if uvloop is None:
            pytest.skip("uvloop is not installed here")
        monkeypatch.setattr(provider_settings, "loop_factory", uvloop.new_event_loop)
