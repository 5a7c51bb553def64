"""Where files come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.engine.errors import ConfigurationError
from handlers.engine.resources import Resources, environment_of, home_folder, read_env


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_templates_are_found_home_first_and_child_first(tmp_path: Path) -> None:
    """For each dialect of the chain, child first; for each, the home before the bundled folder; file by file."""
    home, bundled = tmp_path / "home", tmp_path / "bundled"
    home.mkdir()
    both = write(home / "templates/parent/a.j2")
    write(bundled / "templates/parent/a.j2")
    bundled_child = write(bundled / "templates/child/b.j2")
    write(home / "templates/parent/b.j2")
    only_bundled = write(bundled / "templates/parent/c.j2")
    resources = Resources(home, bundled)
    found = [resources.template(("child", "parent"), name) for name in ("a.j2", "b.j2", "c.j2", "d.j2")]
    assert found == [both, bundled_child, only_bundled, None]
    assert [resources.origin(path) for path in found[:3]] == ["home", "bundled", "bundled"]
    assert resources.shown(both) == str(Path("templates/parent/a.j2"))


def test_a_home_may_hold_the_bundled_folder_and_the_other_way_round(tmp_path: Path) -> None:
    """A home with `.venv` in it, or a home inside of a checkout: each file belongs to the inner of the two."""
    inner = tmp_path / ".venv" / "morello"
    (inner / "templates").mkdir(parents=True)
    for home, bundled in ((tmp_path, inner), (inner, tmp_path)):
        resources = Resources(home, bundled)
        whose = {inner: "home" if home == inner else "bundled", tmp_path: "home" if home == tmp_path else "bundled"}
        assert resources.origin(inner / "templates" / "a.j2") == whose[inner]
        assert resources.origin(tmp_path / "templates" / "a.j2") == whose[tmp_path]
        assert resources.shown(inner / "templates" / "a.j2") == str(Path("templates/a.j2"))


def test_the_real_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nB=file\n")
    assert environment_of(tmp_path, {"A": "real"}) == {"A": "real", "B": "file"}
    assert environment_of(tmp_path / "elsewhere", {"A": "real"}) == {"A": "real"}


def test_env_lines() -> None:
    text = "\n".join(
        ["# a comment", "", "A=1", "export B = two words # rest", "C='as $it \\n is'", 'D="line\\nbreak \\"q\\""',
         "E=", "F=a#b", "G=#gone", 'H="x" # rest']
    )  # fmt: skip
    assert read_env(text) == {
        "A": "1", "B": "two words", "C": "as $it \\n is", "D": 'line\nbreak "q"', "E": "", "F": "a#b", "G": "", "H": "x",
    }  # fmt: skip


def test_a_line_that_is_no_assignment_is_an_error_with_its_place() -> None:
    with pytest.raises(ConfigurationError, match=r"^\.env:2: This is not NAME=value"):
        read_env("A=1\nsk-just-a-secret\n")


def test_what_is_wrong_in_the_env_file_is_said_without_quoting_it() -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_env("sk-just-a-secret")
    assert "secret" not in str(raised.value)


def test_home_is_the_argument_then_the_variable_then_the_working_folder(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    monkeypatch.chdir(tmp_path)
    variables = {"MORELLO_HOME": str(tmp_path / "two")}
    assert home_folder(str(tmp_path / "one"), variables) == (tmp_path / "one").resolve()
    assert home_folder(None, variables) == (tmp_path / "two").resolve()
    assert home_folder(None, {}) == tmp_path.resolve()
    with pytest.raises(ConfigurationError, match="does not exist"):
        home_folder(str(tmp_path / "three"), {})
