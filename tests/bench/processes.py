"""Processes under measurement: started on cores of their own, with what the operating system says they have used.

CPU and memory are those of a whole process tree (a supervisor, its workers, a Node server behind a shell). Linux tells
through /proc; elsewhere `ps` does, more coarsely. Pinning needs Linux; `pinned()` tells whether it took place.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TICK = os.sysconf("SC_CLK_TCK")
START_WITHIN = 60.0
END_WITHIN = 15.0


@dataclass(frozen=True)
class Usage:
    """Of a process tree: seconds of CPU since it began, resident memory in MB, open file descriptors (-1: unknown)."""

    cpu: float
    memory: float
    descriptors: int


def cores() -> tuple[set[int], set[int]]:
    """The core of what is measured, and those of the load and the provider; the same ones where there is only one."""
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    have = sorted(os.sched_getaffinity(0))
    return {have[0]}, set(have[1:]) or {have[0]}


MEASURED, REST = cores()


def pin_self() -> bool:
    """Put this process, the load, on the cores that are not measured. False where that cannot be done."""
    if not REST:
        return False
    os.sched_setaffinity(0, REST)
    return MEASURED != REST


def usage_of(root: int) -> Usage:
    """What a process and all its descendants have used. Children that have ended count with their parent."""
    if not Path("/proc/self/stat").exists():
        return _usage_by_ps(root)
    parents: dict[int, list[int]] = {}
    stats: dict[int, list[str]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                stats[int(folder.name)] = fields
                parents.setdefault(int(fields[1]), []).append(int(folder.name))
    cpu, memory, descriptors = 0.0, 0.0, 0
    for process in _tree(root, parents):
        fields = stats.get(process)
        if fields is None:
            continue
        cpu += sum(map(int, fields[11:15])) / TICK
        memory += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
        with contextlib.suppress(OSError):
            descriptors += sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())
    return Usage(cpu, memory, descriptors)


def _tree(root: int, children: dict[int, list[int]]) -> list[int]:
    found = [root]
    for process in found:
        found.extend(children.get(process, ()))
    return found


def _usage_by_ps(root: int) -> Usage:
    listed = subprocess.run(["ps", "-axo", "pid=,ppid=,rss=,time="], capture_output=True, text=True, check=True)
    children: dict[int, list[int]] = {}
    used: dict[int, tuple[float, float]] = {}
    for line in listed.stdout.splitlines():
        process, parent, resident, clock = line.split()
        seconds = 0.0
        for part in clock.replace("-", ":").split(":"):
            seconds = seconds * 60 + float(part)
        used[int(process)] = (seconds, int(resident) / 1024)
        children.setdefault(int(parent), []).append(int(process))
    tree = [used[one] for one in _tree(root, children) if one in used]
    return Usage(sum(one[0] for one in tree), sum(one[1] for one in tree), -1)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers_at(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


@contextlib.contextmanager
def running(
    port: int, command: Sequence[str], *, on: set[int] = MEASURED, folder: Path = ROOT, log: Path | None = None,
    **environment: str,
) -> Iterator[int]:  # fmt: skip
    """The id of a server's process, once its port takes connections, pinned to the cores `on`; ended with the block."""
    pinned = [taskset, "-c", ",".join(map(str, sorted(on)))] if on and (taskset := shutil.which("taskset")) else []
    with (log or Path(os.devnull)).open("wb") as said:
        process = subprocess.Popen(
            [*pinned, *command], cwd=folder, env={**os.environ, **environment}, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        try:
            as_urgent_as_self(process.pid)
            deadline = time.monotonic() + START_WITHIN
            while not answers_at(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{' '.join(command[:3])} … did not start ({process.poll()})")
                time.sleep(0.01)
            yield process.pid
        finally:
            _end(process)


def as_urgent_as_self(process: int) -> None:
    """Linux shares its cores among sessions: one that we have begun counts as much as our own, where that was set."""
    with contextlib.suppress(OSError):
        nice = Path("/proc/self/autogroup").read_text().rpartition(" ")[2].strip()
        Path(f"/proc/{process}/autogroup").write_text(nice)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_WITHIN)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(END_WITHIN)


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]
