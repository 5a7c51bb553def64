"""Where files come from: the operator's home first, then what is bundled.

The home is `--home`, else MORELLO_HOME, else the working folder. Bundled files are in the folder that holds
`handlers/`, which is so in a checkout, in an editable install and in a wheel. `.env` in the home is read, and what is
really set in the environment wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import ConfigurationError

BUNDLED = Path(__file__).resolve().parents[2]
ENTRY = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)\Z")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class Resources:
    """Files by name, home first. `home` and `bundled` are absolute folders."""

    def __init__(self, home: Path, bundled: Path = BUNDLED) -> None:
        self.home = home.resolve()
        self.bundled = bundled

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that are looked through, first the one that wins."""
        return (self.bundled,) if self.home == self.bundled else (self.home, self.bundled)

    def providers_files(self) -> list[Path]:
        """The `providers.yaml` there are, home's first."""
        return [folder / "providers.yaml" for folder in self.folders if (folder / "providers.yaml").is_file()]

    def template(self, chain: Sequence[str], name: str) -> Path | None:
        """The file `name` of a dialect: for each dialect of its `like:` chain, child first, home before bundled."""
        for dialect in chain:
            for folder in self.folders:
                path = folder / "templates" / dialect / name
                if path.is_file():
                    return path
        return None

    def find(self, name: str) -> Path:
        """A file by its path in the home, or else in the bundled folder. Raises FileNotFoundError."""
        for folder in self.folders:
            if (folder / name).is_file():
                return folder / name
        raise FileNotFoundError(name)

    def template_folder(self, dialect: str) -> list[Path]:
        """All files in the folders of one dialect, home's first."""
        folders = (folder / "templates" / dialect for folder in self.folders)
        return [path for folder in folders if folder.is_dir() for path in sorted(folder.rglob("*")) if path.is_file()]

    def shown(self, path: Path) -> str:
        """A path as people want to read it: relative to the home or to the bundled folder where it is in there."""
        folder = self._holder(path)
        return str(path.relative_to(folder)) if folder else str(path)

    def origin(self, path: Path) -> str:
        """`home` or `bundled`."""
        return "home" if self.home != self.bundled and self._holder(path) == self.home else "bundled"

    def _holder(self, path: Path) -> Path | None:
        """The folder that a path is in: the inner one where they hold each other (a home with `.venv` in it, say)."""
        inner_first = sorted(self.folders, key=lambda folder: len(folder.parts), reverse=True)
        return next((folder for folder in inner_first if path.is_relative_to(folder)), None)


def state_folder(environment: Mapping[str, str]) -> Path:
    """What is kept from one start to the next: `$XDG_STATE_HOME/morello`."""
    state = environment.get("XDG_STATE_HOME", "")
    folder = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return folder / "morello"


def home_folder(given: str | None, environment: Mapping[str, str]) -> Path:
    """The operator's folder. Raises ConfigurationError when a folder was named that does not exist."""
    named = given or environment.get("MORELLO_HOME")
    home = Path(named).expanduser() if named else Path.cwd()
    if not home.is_dir():
        raise ConfigurationError(f"The home folder {str(home)!r} does not exist.", hint="Make it, or name another.")
    return home.resolve()


def environment_of(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` with what `.env` in the home adds to it. Raises ConfigurationError for a line it cannot read."""
    path = home / ".env"
    if not path.is_file():
        return dict(environment)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("This file cannot be read.", file=".env", hint=f"({error})") from error
    return {**read_env(text), **environment}


def read_env(text: str, file: str = ".env") -> dict[str, str]:
    """NAME=value lines. `#` begins a comment, `export` is allowed; in double quotes a backslash escapes."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        entry = ENTRY.match(stripped)
        if not entry:
            raise ConfigurationError("This is not NAME=value.", file=file, line=number, hint="Comments begin with #.")
        found[entry[1]] = _value(entry[2].strip())
    return found


def _value(text: str) -> str:
    quoted = re.match(r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:#.*)?\Z""", text)
    if not quoted:
        return re.split(r"\s+#", text, maxsplit=1)[0] if not text.startswith("#") else ""
    if quoted[1] is not None:
        return quoted[1]
    return re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), quoted[2])
