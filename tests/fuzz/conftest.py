"""One server for all fuzzing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fuzz.fuzz_run import Fuzzing, fuzzing_in


@pytest.fixture(scope="session")
def fuzzing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzing]:
    with fuzzing_in(tmp_path_factory.mktemp("fuzz")) as found:
        yield found
