"""The changelog keeps to the form that its first lines promise."""

from __future__ import annotations

import re
import tomllib

from documentation.readme import ROOT

TEXT = (ROOT / "CHANGELOG.md").read_text("utf-8")
SECTIONS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def test_releases_come_newest_first_and_the_unreleased_before_them() -> None:
    heads = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    versions = []
    for head in heads[1:]:
        found = re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d{2}-\d{2}", head)
        assert found, head
        versions.append(tuple(map(int, found.groups())))
    assert versions == sorted(versions, reverse=True)


def test_changes_are_sorted_by_their_kind() -> None:
    kinds = re.findall(r"^### (.*)$", TEXT, re.MULTILINE)
    assert kinds
    assert set(kinds) <= set(SECTIONS)


def test_no_version_is_released_that_is_newer_than_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    current = tuple(map(int, project["version"].split(".")))
    for found in re.findall(r"^## \[(\d+)\.(\d+)\.(\d+)\]", TEXT, re.MULTILINE):
        assert tuple(map(int, found)) <= current
