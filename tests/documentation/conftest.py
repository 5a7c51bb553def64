"""A newcomer's machine: a gateway that was started as the README says, and a shell with the commands that it uses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from documentation.readme import ADDRESS, ROOT

SHIMS = {
    # The command as the checkout has it; `serve` is only read, since it would not end.
    "morello": 'if [ "$1" = serve ]; then exec {python} -c "from handlers.cli import parser; import sys; '
               'parser().parse_args(sys.argv[1:])" "$@"; fi; exec {python} -m handlers "$@"',
    # What make would do.
    "make": 'exec {make} -C {root} --no-print-directory --dry-run "$@"',
}  # fmt: skip


@dataclass
class Newcomer:
    """Somebody who follows the README. `said` is what the server printed so far."""

    folder: Path
    environment: dict[str, str]
    url: str = ""
    said: list[str] = field(default_factory=list)

    def shell(self, text: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a block of the README, at the real server's address."""
        script = "set -euo pipefail\n" + text.replace(ADDRESS, self.url)
        return subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env={**self.environment, **more}, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    def python(self, text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", text.replace(ADDRESS, self.url)], cwd=self.folder, env=self.environment,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What of the server's output matches, as soon as there is such output; None if it does not come."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = pattern.search("".join(self.said))
            if found:
                return found
            time.sleep(0.05)
        return None


def outfitted(folder: Path) -> Newcomer:
    """A folder with `.venv/bin`, as a checkout has it after the first `make run`, and an environment without secrets."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, line in SHIMS.items():
        shim = programs / name
        shim.write_text("#!/bin/sh\n" + line.format(python=sys.executable, make=shutil.which("make") or "make", root=ROOT) + "\n")
        shim.chmod(0o755)
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"), "PYTHONUNBUFFERED": "1", "NO_PROXY": "*",
    }  # fmt: skip
    return Newcomer(folder, environment)


@pytest.fixture(scope="session")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """A gateway in a process of its own, with the bundled configuration, started for the first time."""
    newcomer = outfitted(tmp_path_factory.mktemp("newcomer"))
    process = subprocess.Popen(
        [sys.executable, "-m", "handlers", "serve", "--port", "0"], cwd=ROOT, env=newcomer.environment,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None

    def gather(lines: Iterator[str]) -> None:
        newcomer.said.extend(lines)

    reader = threading.Thread(target=gather, args=(iter(process.stderr.readline, ""),), daemon=True)
    reader.start()
    try:
        address = newcomer.wait_for(re.compile(r"address +(http\S+)\n(?:.*\n){2}"))
        assert address, newcomer.said
        newcomer.url = address[1]
        newcomer.environment["KEY"] = (newcomer.folder / "state" / "morello" / "key").read_text().strip()
        yield newcomer
    finally:
        process.terminate()
        process.wait(20)
        reader.join(20)
        process.stderr.close()
