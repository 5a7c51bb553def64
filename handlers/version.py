"""The version of this package: one place says it, pyproject.toml."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def read_version() -> str:
    """The installed distribution's version; in a checkout that is not installed, what pyproject.toml says."""
    declared = Path(__file__).parent.parent / "pyproject.toml"
    if declared.is_file():
        found = re.search(r'^version = "([^"]+)"', declared.read_text("utf-8"), re.MULTILINE)
        if found:
            return found[1]
    try:
        return version("morello")
    except PackageNotFoundError:
        return "0"


VERSION = read_version()
