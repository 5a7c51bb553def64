"""The commands, in a home with a format of its own: what they say when all is well, and when one thing is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from providers.tidepool_server import KEY

from handlers.cli import main

HOMES = Path(__file__).parent / "homes"
SET = f"POOL_URL=https://pool.example\nPOOL_KEY={KEY}\n"
TEMPLATE = "templates/tidepool/"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the pool's home, its variables in .env, and nothing of the machine's own configuration."""
    for name in ("MORELLO_HOME", "MORELLO_API_KEY", "POOL_URL", "POOL_KEY"):
        monkeypatch.delenv(name, raising=False)
    copy = shutil.copytree(HOMES / "tidepool", tmp_path / "home")
    (copy / ".env").write_text(SET, "utf-8")
    monkeypatch.chdir(copy)
    return copy


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out + captured.err


@pytest.mark.parametrize(("name", "variables"), [
    ("tidepool", SET), ("gazette", "PRESS_URL=https://press.example\nPRESS_KEY=press-pass-1\n"),
    ("quarry", "ROCK_URL=https://rock.example\nROCK_KEY=chisel-1\n"),
    ("loom", "MILL_URL=https://mill.example\nMILL_KEY=needle-1\n")])  # fmt: skip
def test_a_right_home_has_nothing_to_complain_of(capsys, tmp_path, monkeypatch, name, variables) -> None:
    """With the schemas of its wire, and without any; and its own tests pass, where it has any."""
    copy = shutil.copytree(HOMES / name, tmp_path / name)
    (copy / ".env").write_text(variables, "utf-8")
    monkeypatch.chdir(copy)
    status, out = run(capsys, "lint", "--strict", "--quiet")
    assert (status, out.splitlines()[1:]) == (0, []), out
    if name != "gazette":
        status, out = run(capsys, "test")
        assert (status, out.splitlines()[-1].split()[-2:]) == (0, ["0", "failed"]), out


def test_its_tests_run(capsys, home: Path) -> None:
    status, out = run(capsys, "test")
    assert (status, out.splitlines()[-1]) == (0, "3 tests, 0 failed"), out


def test_a_test_that_fails_says_where(capsys, home: Path) -> None:
    """A template that forgets the ceiling is caught by the home's own test, by pointer."""
    file = home / TEMPLATE / "write_request.j2"
    file.write_text(file.read_text("utf-8").replace('"ceiling": {{ max_tokens }},', ""), "utf-8")
    status, out = run(capsys, "test")
    assert status == 1
    assert "✗ asks a pool what was asked in OpenAI's words   (providers.yaml:" in out
    assert "/body/dials" in out


def test_what_a_reader_makes_is_held_to_the_neutral_form(capsys, tmp_path, monkeypatch) -> None:
    """At run time nobody would notice: a member that nobody knows, a kind of part that no writer has. `test` and
    `explain` say so, with the line that wrote it."""
    copy = shutil.copytree(HOMES / "loom", tmp_path / "loom")
    (copy / ".env").write_text("MILL_URL=https://mill.example\nMILL_KEY=needle-1\n", "utf-8")
    (copy / "request.json").write_text(json.dumps({"model": "mill:twill", "messages": [{"role": "user", "content": "Hi"}]}))
    (copy / "answer.json").write_text(json.dumps({"threads": {"a": {"words": "Ho"}, "b": {"muses": "Hm"}}, "end": -1}))
    monkeypatch.chdir(copy)
    assert "misread" not in run(capsys, "explain", "request.json", "--response", "answer.json")[1]
    file = copy / "templates" / "loom" / "read_response.j2"
    text = file.read_text("utf-8").replace('"finish_reason"', '"mood": {{ body.end }}, "finish_reason"')
    file.write_text(text.replace('"type": "reasoning"', '"type": "thinking"'), "utf-8")
    status, out = run(capsys, "test")
    assert status == 1
    assert "read_response.j2:15  L003 error    This is not the neutral response: it must be an object without" in out
    _, out = run(capsys, "explain", "request.json", "--response", "answer.json")
    assert "misread    templates/loom/read_response.j2:9  L003 error    This is not the neutral response: /parts/*/type" in out


def test_config_shows_the_way_and_not_the_key(capsys, home: Path) -> None:
    """Not as it is written, and not as it is spelt in a URL."""
    status, out = run(capsys, "config")
    assert status == 0
    assert "pool (tidepool) on" in out
    assert "https://pool.example/reef/{model}/converse?pass=[secret]" in out
    assert "dry-pool (tidepool) off: it is switched off" in out
    assert "write_request.j2 is yours" in out
    assert KEY not in out and "sesame" not in out


def test_explain_walks_a_stream_of_lines(capsys, home: Path) -> None:
    body = {"model": "pool:abyss-1", "stream": True, "seed": 7, "messages": [{"role": "user", "content": "Hi"}]}
    (home / "request.json").write_text(json.dumps(body))
    lines = [{"k": "open", "echo": "e", "strand": "s"}, {"k": "say", "t": "Ho"}, {"k": "ebb", "why": "rest"}]
    (home / "stream").write_text("".join(json.dumps(line) + "\n" for line in lines))
    status, out = run(capsys, "explain", "request.json", "--stream", "stream")
    assert status == 0
    assert "write      templates/tidepool/write_request.j2   yours" in out
    assert [line.split()[-1] for line in out.splitlines() if '"say": "Hi"' in line] == ["_bits.j2:7"]
    assert "warnings   unsupported seed" in out
    assert '"content":"Ho"' in out
    assert "sesame" not in out


@pytest.mark.parametrize(("name", "variables", "model", "stream", "lines"), [
    ("quarry", "ROCK_URL=https://rock.example\nROCK_KEY=needle-1\n", "rock:granite",
     '{"said": "He"}\n{"said": "Hello"}\n{"said": "Hello", "stop": 0, "cost": [1, 2]}\n', ['"content":"He"', '"content":"llo"']),
    ("loom", "MILL_URL=https://mill.example\nMILL_KEY=needle-1\n", "mill:twill",
     '[{"of": "a", "is": "words"}, {"of": "a", "+": "Hel"}, {"of": "a", "+": "lo"}, {"end": -1}]', ['"content":"Hel"', '"content":"lo"']),
])  # fmt: skip
def test_explain_walks_streams_of_any_kind(capsys, tmp_path, monkeypatch, name, variables, model, stream, lines) -> None:
    """Lines that repeat themselves, and an array of threads; the key is nowhere told."""
    copy = shutil.copytree(HOMES / name, tmp_path / name)
    (copy / ".env").write_text(variables, "utf-8")
    (copy / "request.json").write_text(json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}))
    (copy / "stream").write_text(stream)
    monkeypatch.chdir(copy)
    status, out = run(capsys, "explain", "request.json", "--stream", "stream")
    assert status == 0, out
    assert all(line in out for line in lines), out
    assert "needle-1" not in out


def test_an_error_that_no_template_of_the_stream_reads_is_told_all_the_same(capsys, home: Path) -> None:
    """`error_inside` counts for frames that the reader makes nothing of."""
    file = home / TEMPLATE / "read_event.j2"
    file.write_text(file.read_text("utf-8").replace("{% elif data.mishap %}", '{% elif data.k == "never" %}'), "utf-8")
    (home / "request.json").write_text(json.dumps({"model": "pool:abyss-1", "stream": True, "messages": [
        {"role": "user", "content": "Hi"}]}))  # fmt: skip
    (home / "stream").write_text('{"mishap": {"sort": "swamped", "cause": "An undertow."}}\n')
    status, out = run(capsys, "explain", "request.json", "--stream", "stream")
    assert status == 0
    assert "An undertow." in out, out


MISTAKES = [
    pytest.param("providers.yaml", "    path: ", "   path: ", "providers.yaml:6  P001 error  ", "same column", id="bad YAML"),
    pytest.param("providers.yaml", '{pass: "{{ key }}"}', "{pass: ${POOL_KEY}}", "providers.yaml:7  P009 error  ", 'Put the whole value in "double quotes".',
                 id="an unquoted ${ in braces"),
    pytest.param("providers.yaml", "framing: ndjson", "framing: ndjsn", "providers.yaml:9  P004 error  ", "Did you mean 'ndjson'?",
                 id="an unknown word"),
    pytest.param("providers.yaml", "    error_inside:", "    eror_inside:", "providers.yaml:12  P003 error  ", "Did you mean 'error_inside'?",
                 id="an unknown key"),
    pytest.param("providers.yaml", "    type: tidepool\n    base_url: ${POOL_URL}\n    key: ${POOL_KEY}\n    models: any",
                 "    type: tidepol\n    base_url: ${POOL_URL}\n    key: ${POOL_KEY}\n    models: any",
                 "providers.yaml:26  P005 error  ", "Did you mean 'tidepool'?", id="an unknown type"),
    pytest.param(".env", "POOL_KEY", "POOL_KEE", "providers.yaml:28  P002 warning", "POOL_KEY is not set", id="an unset variable"),
    pytest.param("providers.yaml", "pool:abyss-1]", "pol:abyss-1]", "providers.yaml:42  P011 error  ", "Did you mean 'pool'?",
                 id="an alias that leads nowhere"),
    pytest.param("providers.yaml", "{{ model }}/converse", "{{ modell }}/converse", "providers.yaml:6  P013 error  ", "Did you mean 'model'?",
                 id="an unknown hole in the path"),
    pytest.param("providers.yaml", "{path: /reef,", '{path: "/reef/{{ kee }}",', "providers.yaml:13  P013 error  ", "Did you mean 'key'?",
                 id="an unknown hole in the path of the list"),
    pytest.param(TEMPLATE + "_bits.j2", '"mime": {{ (part.media_type or "image/png") if part.data }},',
                 '"mime": {{ (part.media_type or "image/png") if part.data }}', "templates/tidepool/_bits.j2:15  T010 error  ", "A comma is missing",
                 id="a missing comma"),
    pytest.param(TEMPLATE + "read_event.j2", "{{ data.bit }}", "{{ data.bit | trimmed }}", "templates/tidepool/read_event.j2:13  T013 error  ",
                 "Did you mean 'trim'?", id="an unknown filter"),
    pytest.param(TEMPLATE + "write_error.j2", "{{ write_mishap({\"type\": type,", "{{ write_mishap({\"type\": tipe,", "templates/tidepool/write_error.j2:3  T012 error  ",
                 "Did you mean 'type'?", id="an unknown input"),
    pytest.param(TEMPLATE + "read_error.j2", "import read_mishap", "import read_misshap", "templates/tidepool/read_error.j2:2  T017 error  ",
                 "Did you mean 'read_mishap'?", id="an unknown import"),
    pytest.param(TEMPLATE + "_ebb.j2", '"said": {{', '"fresh": {{', "templates/tidepool/_ebb.j2:25  T015 error  ", "written twice", id="a duplicate member"),
    pytest.param(TEMPLATE + "read_event.j2", None, None, "providers.yaml:4  L001 error  ", "templates/tidepool/read_event.j2 is missing",
                 id="a missing file of the eight"),
    pytest.param(TEMPLATE + "_bits.j2", '"with": {{ write_with(part.arguments) }}', '"with": {{ part.arguments }}',
                 "templates/tidepool/_bits.j2:11  L002 error  ", "requires /bits/*/use/with", id="a required member that can be absent"),
    pytest.param(TEMPLATE + "write_request.j2", '"assistant": 2', '"assistant": 4', "templates/tidepool/write_request.j2:8  L003 error  ",
                 "/turns/*/who must be one of '0', '1', '2', '3'", id="what breaks the schema of the wire"),
    pytest.param(TEMPLATE + "_bits.j2", '"media_type": {{ bit.show.mime }}', '"mime_type": {{ bit.show.mime }}', "templates/tidepool/_bits.j2:38  L003 error  ",
                 "without the unknown member 'mime_type'", id="what breaks the neutral schema"),
    pytest.param("tidepool.schemas.yaml", "  request:\n", "  reqest:\n", "providers.yaml:18  P004 error  ", "Name a component of the contract",
                 id="a schema that is not there"),
    pytest.param(TEMPLATE + "writ_event.j2", "", "[]", "templates/tidepool/writ_event.j2  L004 warning", "Did you mean 'write_event.j2'", id="an unreachable file"),
    pytest.param("templates/tidepol/read_event.j2", "", "[]", "templates/tidepol  L004 warning", "Did you mean 'tidepool'?", id="an unreachable folder"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "place", "words"), MISTAKES)
def test_each_mistake_is_found_at_its_line(capsys, home: Path, file, old, new, place, words) -> None:
    """One deliberate mistake: the finding names file, line, what is wrong and what to do."""
    path = home / file
    if old is None:
        path.unlink()
    elif old == "":
        path.parent.mkdir(exist_ok=True)
        path.write_text(new, "utf-8")
    else:
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")
    status, out = run(capsys, "lint", "--strict")
    assert status == 1, out
    found = [each for each in out.splitlines() if place in each and words in each]
    assert found, out
    assert found[0].startswith(place), out
