"""Every law of list.yaml is held by a test whose id carries its number, or says why it is not.

The ids are pytest's own: those of this run where it has collected the whole suite, else those of a collection in a
process of its own. So the comparison is the same whether this file runs alone or with everything.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__)
TESTS = HERE.parent.parent
NUMBER = re.compile(r"defect_(\d+)")
OPTIONAL = "P2"
"""Polish may go without a test."""
LAST = 260

LAWS: dict[int, dict[str, Any]] = yaml.safe_load((HERE.parent / "list.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def covered(request: pytest.FixtureRequest) -> Counter[int]:
    """How many tests there are for each number."""
    ids = [item.nodeid for item in request.session.items]
    collected = {item.path for item in request.session.items}
    if not collected >= set(TESTS.rglob("test_*.py")):
        ids = collected_apart()
    return Counter(int(number) for one in ids if HERE.name not in one for number in set(NUMBER.findall(one)))


def collected_apart() -> list[str]:
    """The ids of the whole suite, from a collection that runs nothing."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(TESTS)],
        cwd=TESTS.parent, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return [line for line in ended.stdout.splitlines() if "::" in line]


def told(numbers: list[int]) -> str:
    return "".join(f"\n  {number} ({LAWS[number]['priority']}): {LAWS[number]['law']}" for number in numbers)


def test_the_list_is_whole() -> None:
    """Each number once, with a priority and a sentence."""
    assert list(LAWS) == list(range(1, LAST + 1))
    for number, law in LAWS.items():
        assert set(law) <= {"priority", "law", "elsewhere"}, number
        assert law["priority"] in ("P0", "P1", "P2"), number
        assert law["law"].endswith("."), number
        assert law.get("elsewhere", "a reason").strip(), number


def test_no_two_laws_are_the_same() -> None:
    """A sentence that stands twice was copied, not written."""
    assert [law for law, times in Counter(one["law"] for one in LAWS.values()).items() if times > 1] == []


def test_what_breaks_clients_and_what_loses_data_is_tested(covered: Counter[int]) -> None:
    """P0 and P1: a test, or a reason."""
    missing = [number for number, law in LAWS.items()
               if number not in covered and "elsewhere" not in law and law["priority"] != OPTIONAL]  # fmt: skip
    assert not missing, f"no test has these numbers in its id:{told(missing)}"


def test_no_reason_outlives_its_test(covered: Counter[int]) -> None:
    """What has a test needs no excuse."""
    stale = [number for number, law in LAWS.items() if number in covered and "elsewhere" in law]
    assert not stale, f"these have a test and a reason for having none:{told(stale)}"


def test_every_number_in_an_id_is_in_the_list(covered: Counter[int]) -> None:
    """A wrong number would count for nothing, unnoticed."""
    assert sorted(set(covered) - set(LAWS)) == []
