"""What is installed beside this package: little, and exactly what was tried."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned() -> dict[str, str]:
    """Name and version of each line of the constraints."""
    lines = (ROOT / ".ci" / "constraints.txt").read_text("utf-8").splitlines()
    found = {}
    for line in lines:
        stated = line.partition("#")[0].partition(";")[0].strip()
        if stated:
            name, same, version = stated.partition("==")
            assert same, f"no exact version: {line}"
            assert re.fullmatch(r"[0-9][A-Za-z0-9.!+-]*", version.strip()), f"no exact version, or an address: {line}"
            found[normal(name.strip())] = version.strip()
    return found


def declared() -> list[str]:
    """What `make run` and `make test` install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["test"]]


def test_each_dependency_has_one_exact_version_defect_189() -> None:
    """What `make run` and `make test` install is pinned, and nothing is fetched from an address of its own."""
    pins = pinned()
    for requirement in declared():
        found = NAME.match(requirement)
        assert found is not None
        assert "@" not in requirement, requirement
        assert normal(found[0]) in pins, f"{requirement} is not in .ci/constraints.txt"


def test_running_takes_few_packages_defect_189() -> None:
    """Each dependency is one more that can be taken over; a new one raises this number with a reason in the README."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert len(project["dependencies"]) <= 18
