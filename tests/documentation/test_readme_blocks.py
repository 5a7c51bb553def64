"""What the README shows is what happens: its files, commands and programs are tried, its output compared."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
from documentation.conftest import Newcomer, outfitted
from documentation.readme import ADDRESS, ROOT, Block, blocks, files_before, shape

from handlers.cli import parser
from handlers.engine.configuration import read_configuration
from handlers.engine.lint import lint
from handlers.engine.losses import Loss, header_value

STORY = "Tell me a story"
VARIABLE = re.compile(r"\$\{(\w+)\}")

with_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
with_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


def home(folder: Path, block: Block) -> dict[str, str]:
    """Write the files that the README has shown at `block`; gives the variables they need."""
    variables = {}
    for name, text in files_before(block).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
        variables |= {found: f"value-of-{found.lower()}" for found in VARIABLE.findall(text)}
    return variables


def test_each_block_is_of_a_kind_that_is_tried() -> None:
    """Whoever adds a block says what it is: a file, a command, a program, or output that is compared here."""
    for block in blocks():
        assert (block.language, block.what) in {
            ("bash", ""), ("bash", "errors"), ("python", ""), ("text", "start"), ("text", "log"), ("text", "header"),
        } or (block.language in ("yaml", "jinja") and "." in block.what), block  # fmt: skip


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_each_configuration_is_without_fault(block: Block, tmp_path: Path) -> None:
    """Lint finds neither an error nor a warning; the configuration's own tests pass."""
    variables = home(tmp_path, block)
    found = lint(read_configuration(tmp_path, variables))
    assert [str(problem) for problem in found if problem.level != "note"] == []


@pytest.mark.parametrize("block", [block for block in blocks("yaml") if "\ntests:" in block.text], ids=str)
def test_the_tests_of_each_configuration_pass(block: Block, tmp_path: Path) -> None:
    person = outfitted(tmp_path)
    ended = person.shell("morello test", **home(tmp_path, block))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("✓") == block.text.count("  - it: ")


@with_make
@with_curl
@pytest.mark.parametrize("block", blocks("bash"), ids=str)
def test_each_command_works(block: Block, newcomer: Newcomer, tmp_path: Path) -> None:
    """In a shell that stops at the first failure; a status of 400 and more is one, unless errors are what is shown."""
    curl = newcomer.folder / ".venv" / "bin" / "curl"
    curl.write_text(f'#!/bin/sh\nexec {shutil.which("curl", path="/usr/local/bin:/usr/bin:/bin")} --fail-with-body --max-time 60 "$@"\n')
    curl.chmod(0o755)
    if block.what == "errors":
        curl.unlink()
    variables = home(tmp_path, block)
    there = Newcomer(tmp_path, newcomer.environment, newcomer.url)
    (tmp_path / ".venv").symlink_to(newcomer.folder / ".venv")
    ended = there.shell(block.text, **variables)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ("error" in ended.stdout and "429" in ended.stdout) == (block.what == "errors")
    assert "Traceback" not in ended.stderr


@with_curl
def test_the_first_requests_are_answered_as_told(newcomer: Newcomer, tmp_path: Path) -> None:
    """The list, then what was said, whole and in pieces, in either dialect."""
    block = next(block for block in blocks("bash") if "/v1/models" in block.text)
    (tmp_path / ".venv").symlink_to(newcomer.folder / ".venv")
    out = Newcomer(tmp_path, newcomer.environment, newcomer.url).shell(block.text).stdout
    for piece in ('"id":"demo:echo"', '"content":"Say hello!"', '"content":" story"', "data: [DONE]",
                  '[{"type":"text","text":"Say hello!"}]', "event: message_stop"):  # fmt: skip
        assert piece in out


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_each_program_works(block: Block, newcomer: Newcomer) -> None:
    """The vendors' own packages, at the gateway's address and with its key."""
    ended = newcomer.python(block.text)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count(STORY) == 2


def test_the_start_looks_as_shown(newcomer: Newcomer) -> None:
    """The table of providers, the address, the key that is shown once."""
    block = next(block for block in blocks("text") if block.what == "start")
    assert newcomer.wait_for(shape(block.text.replace(ADDRESS, newcomer.url))), "".join(newcomer.said)


def test_the_log_looks_as_shown(newcomer: Newcomer) -> None:
    block = next(block for block in blocks("text") if block.what == "log")
    body = {"model": "demo:echo", "messages": [{"role": "user", "content": "Say hello!"}]}
    request = urllib.request.Request(f"{newcomer.url}/v1/chat/completions", json.dumps(body).encode(), {
        "content-type": "application/json", "authorization": f"Bearer {newcomer.environment['KEY']}"})  # fmt: skip
    with urllib.request.urlopen(request, timeout=20) as answer:
        name = answer.headers["request-id"]
    assert newcomer.wait_for(re.compile(f".*{name}.*\n"))
    line = next(line for line in newcomer.said if name in line)
    assert shape(block.text).fullmatch(line), line


def test_the_header_of_losses_looks_as_shown() -> None:
    block = next(block for block in blocks("text") if block.what == "header")
    losses = [Loss("unsupported", "seed"), *(Loss("unsupported", f"messages[{n}].name") for n in range(3)),
              Loss("default", "max_tokens", "8192")]  # fmt: skip
    assert block.text.strip() == f"Gateway-Warnings: {header_value(losses)}"


@with_make
@pytest.mark.parametrize(("asked", "command"), [
    (["run"], "serve"), (["run", "ARGS=--port 24333"], "serve --port 24333"), (["test"], "-m pytest"),
    (["bench"], "tests/bench/bench.py"), (["fuzz"], "-m pytest tests/fuzz"),
])  # fmt: skip
def test_make_does_what_the_readme_says(asked: list[str], command: str) -> None:
    """What `make` would run in the end, and that the command line takes it."""
    # As from a shell, although these tests may be run by make themselves: it would hand its own options down.
    ended = subprocess.run(["make", "--dry-run", *asked], cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True,
                           text=True, check=True)  # fmt: skip
    last = ended.stdout.strip().splitlines()[-1]
    assert command in last
    words = shlex.split(last)
    if "serve" in words:
        options = parser().parse_args(words[words.index("serve"):])
        assert options.port == ("24333" if "24333" in last else None)
