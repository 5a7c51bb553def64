"""Which templates are known to compile, so that a start need not compile them again before it opens its socket.

A mistake in a template is told before the server starts, whoever wrote it. What compiled once without a remark does so
again as long as neither its files nor this program change; it is remembered by a digest of both, and compiled later
(deferred_templates.py). The first start after a change compiles all of it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger("morello")
HERE = Path(__file__).parent
COMPILER = sorted((*HERE.glob("templates/*.py"), *HERE.glob("vocabul*.py")))
"""What turns templates into Python: another version of it may refuse what this one takes."""
MOST_REMEMBERED = 1000


class CheckedTemplates:
    """The digests in a file; without a file, none, and nothing is remembered."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.digests: dict[str, None] = {}
        self.changed = False
        self._program = b""
        if file is not None and file.is_file():
            self.digests = dict.fromkeys(file.read_text("utf-8", "replace").split())

    def digest(self, name: str, chain: Iterable[str], paths: Iterable[Path]) -> str:
        """What identifies a dialect's templates: its name, whom it is like, the files with all that is in them."""
        if not self._program:
            stats = [(path.name, (stat := path.stat()).st_mtime_ns, stat.st_size) for path in COMPILER]
            self._program = repr((sys.version, stats)).encode()
        found = hashlib.sha256(self._program)
        found.update(repr((name, tuple(chain))).encode())
        for path in paths:
            content = path.read_bytes()
            found.update(f"\n{path} {len(content)}\n".encode() + content)
        return found.hexdigest()

    def __contains__(self, digest: str) -> bool:
        return digest in self.digests

    def add(self, digest: str) -> None:
        self.digests[digest] = None
        self.changed = True

    def keep(self) -> None:
        """Write the file, if there is something new. Where that cannot be, the next start just takes longer."""
        if self.file is None or not self.changed:
            return
        part = self.file.with_name(f"{self.file.name}.{os.getpid()}")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.write_text("\n".join([*self.digests][-MOST_REMEMBERED:]) + "\n", "utf-8")
            part.replace(self.file)
        except OSError as error:
            log.info("what was compiled is not remembered: %s", error)
