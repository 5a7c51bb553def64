"""The wheel is the checkout under one name: what is declared is what is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HANDLERS = ROOT / "handlers"
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS: dict[str, Any] = PYPROJECT["tool"]["setuptools"]
CONSTRAINTS = (ROOT / ".ci" / "constraints.txt").read_text("utf-8").splitlines()
IMPORTED_AS = {"pyyaml": "yaml", "ruamel.yaml": "ruamel", "jsonschema-rs": "jsonschema_rs",
               "backports-zstd": "backports", "quicktok-v1": "quicktok"}  # fmt: skip
NEWER = {"compression"}
"""Python's own since 3.14."""
NOT_IMPORTED = {"uvloop"}
"""uvicorn takes it by itself."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement(line: str) -> tuple[str, str]:
    """Name and marker of a requirement."""
    text, _, marker = line.partition(";")
    found = re.match(r"[A-Za-z0-9._-]+", text)
    assert found, line
    return found[0], marker.strip()


def test_packages_are_the_folders() -> None:
    """Each folder with Python in it, under the package's one name."""
    folders = {module.parent for module in HANDLERS.rglob("*.py")}
    expected = {"morello", *(f"morello.{'.'.join(folder.relative_to(ROOT).parts)}" for folder in folders)}
    assert set(SETUPTOOLS["packages"]) == expected
    assert SETUPTOOLS["package-dir"] == {"morello": "."}
    for folder in folders:
        assert (folder / "__init__.py").is_file(), folder


def test_package_data_is_complete() -> None:
    """Everything that the program reads when it is installed, and what belongs beside it."""
    included = {path for glob in SETUPTOOLS["package-data"]["morello"] for path in ROOT.glob(glob)}
    included |= {path for glob in SETUPTOOLS["package-data"]["morello.handlers"] for path in HANDLERS.glob(glob)}
    needed = {ROOT / "providers.yaml"}
    for folder in (ROOT / "openapi", ROOT / "templates", HANDLERS / "assets"):
        needed |= {path for path in folder.rglob("*") if path.is_file()}
    assert needed - included == set()


def test_an_installed_package_would_find_its_files(tmp_path: Path) -> None:
    """The same layout under another name, run from elsewhere: `morello.handlers`, as in a wheel."""
    (tmp_path / "morello").symlink_to(ROOT, target_is_directory=True)
    (tmp_path / "elsewhere").mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); from morello.handlers.cli import main; sys.exit(main())",
         str(tmp_path), "config"],
        cwd=tmp_path / "elsewhere", capture_output=True, text=True, check=False, env={"PATH": "", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "demo (demo) on" in ended.stdout


def test_dependencies_are_what_is_imported() -> None:
    """Nothing is declared that is not used, nothing used that is not declared."""
    imported = set()
    for module in HANDLERS.rglob("*.py"):
        imported |= set(re.findall(r"^\s*(?:from|import) ([a-z_0-9]+)", module.read_text("utf-8"), re.MULTILINE))
    outside = {name for name in imported if name not in sys.stdlib_module_names and name not in ("handlers", *NEWER)}
    declared = {normal(requirement(line)[0]) for line in PYPROJECT["project"]["dependencies"]}
    expected = {IMPORTED_AS.get(name, IMPORTED_AS.get(name.replace("ruamel-yaml", "ruamel.yaml"), name)) for name in declared - NOT_IMPORTED}
    assert outside == expected


def test_what_is_not_for_windows_says_so() -> None:
    """uvloop does not build there, in the dependencies as in the pinned versions."""
    for lines in (PYPROJECT["project"]["dependencies"], CONSTRAINTS):
        markers = [marker for name, marker in map(requirement, lines) if name == "uvloop"]
        assert markers
        assert all("sys_platform != 'win32'" in marker for marker in markers)


def test_pinned_versions_are_versions() -> None:
    """Name and version, no address, no file, each once, in order."""
    names = []
    for line in CONSTRAINTS:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+(; .+)?", line), line
        names.append(normal(requirement(line)[0]))
    assert len(set(names)) == len(names)
    declared = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["project"]["optional-dependencies"]["test"]]
    assert {normal(requirement(line)[0]) for line in declared} <= set(names)


def test_pinned_versions_are_needed() -> None:
    """Each is a dependency, or one of a dependency."""
    from importlib.metadata import PackageNotFoundError, requires  # noqa: PLC0415 - only here

    todo = [requirement(line)[0] for extra in ("test",) for line in PYPROJECT["project"]["optional-dependencies"][extra]]
    todo += [requirement(line)[0] for line in PYPROJECT["project"]["dependencies"]]
    found: set[str] = set()
    while todo:
        name = normal(todo.pop())
        if name in found:
            continue
        found.add(name)
        try:
            todo += [requirement(line)[0] for line in requires(name) or ()]
        except PackageNotFoundError:
            continue
    assert {normal(requirement(line)[0]) for line in CONSTRAINTS} - found == set()


@pytest.mark.parametrize("file", ["README.md", "CHANGELOG.md", "LICENSE"])
def test_what_the_package_names_is_there(file: str) -> None:
    assert (ROOT / file).is_file()
