"""Who may call: keys, their names, and the key that is made when nobody configured one.

Only digests are kept for comparing, so neither the time that a look-up takes nor a memory dump tells a key.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .engine.errors import ConfigurationError
from .engine.resources import state_folder

ENVIRONMENT_NAME = "MORELLO_API_KEY"
GENERATED_NAME = "generated"
PREFIX = "morello-"
SHORTEST = 8
"""A shorter key is a typing mistake, or guessable."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Keys:
    """Keys by digest. An attacker cannot steer a digest, so a look-up in a dictionary leaks nothing."""

    def __init__(self, named: Mapping[str, Iterable[str]]) -> None:
        self._names: dict[bytes, str] = {}
        for name, keys in named.items():
            for key in keys:
                self._names[hashlib.sha256(key.encode()).digest()] = name

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"Keys({sorted(set(self._names.values()))})"

    def identify(self, credential: bytes) -> str | None:
        """The name of the caller whose key this is, or None."""
        return self._names.get(hashlib.sha256(credential).digest())


@dataclass(frozen=True, slots=True)
class Access:
    """How the gateway is guarded: `keys` None means that nobody is asked for one.

    `file` is where a generated key is kept; `fresh` is that key if it was made just now, to be shown once. `open_paths`
    are globs of paths that need no key. `sources` says, for people, where configured keys stand.
    """

    keys: Keys | None
    file: Path | None = None
    fresh: str | None = None
    open_paths: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def key_file(environment: Mapping[str, str]) -> Path:
    """Where a generated key is kept: `$XDG_STATE_HOME/morello/key`."""
    return state_folder(environment) / "key"


def open_access(
    named: Mapping[str, Iterable[str]],
    environment: Mapping[str, str],
    *,
    file: Path | None = None,
    no_auth: bool = False,
    host: str = "127.0.0.1",
    open_paths: Iterable[str] = (),
) -> Access:
    """The keys that count: `named` from providers.yaml, `MORELLO_API_KEY`, and a generated one if there is neither.

    `file` names a file that holds a key (`--api-key-file`). Raises ConfigurationError where the gateway would
    stand open: without keys, also on some paths only (`open_paths`), it listens on this machine alone.
    """
    opened = checked_globs(open_paths, host)
    if no_auth:
        if host not in LOOPBACK:
            raise ConfigurationError(
                f"Without keys the gateway must listen on this machine only, not on {host}.",
                hint="Leave out --no-auth, or --host.",
            )
        return Access(None)
    found = {name: list(keys) for name, keys in named.items()}
    sources = [f"keys: of providers.yaml ({', '.join(found)})"] if found else []
    for name, keys in found.items():
        for key in keys:
            check_key(key, f"The key keys.{name} of providers.yaml")
    from_environment = environment.get(ENVIRONMENT_NAME, "").strip()
    if from_environment:
        check_key(from_environment, f"The key in {ENVIRONMENT_NAME}")
        found["default"] = [*found.get("default", []), from_environment]
        sources.append(ENVIRONMENT_NAME)
    if file is not None:
        key = read_key(file, "Write a key into it.")
        check_key(key, f"The key in {file}")
        found["file"] = [*found.get("file", []), key]
        sources.append(str(file))
    if any(found.values()):
        return Access(Keys(found), open_paths=opened, sources=tuple(sources))
    kept = key_file(environment)
    key, fresh = keep_key(kept)
    return Access(Keys({GENERATED_NAME: [key]}), kept, key if fresh else None, opened)


def checked_globs(globs: Iterable[str], host: str) -> tuple[str, ...]:
    """The paths that need no key. Raises ConfigurationError where others than this machine could reach them."""
    found = tuple(globs)
    for glob in found:
        if not glob.startswith("/"):
            raise ConfigurationError(f"--open-paths {glob!r} does not begin with a slash.", hint="Such as '/api/*'.")
    if found and host not in LOOPBACK:
        raise ConfigurationError(
            f"Paths that need no key can be opened on this machine only, not on {host}.",
            hint="Leave out --open-paths, or --host.",
        )
    return found


def check_key(key: str, where: str) -> None:
    """Raises ConfigurationError, which names the place, where no header carries the key or anybody could guess it."""
    if len(key) < SHORTEST or not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(f"{where} cannot be used: it needs at least {SHORTEST} visible ASCII characters.")


def read_key(file: Path, if_empty: str = "Delete it to get a new key.") -> str:
    """The key in a file. Raises ConfigurationError where there is none; `if_empty` says what to do then."""
    try:
        key = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError("The file of the key cannot be read.", file=str(file)) from None
    if not key:
        raise ConfigurationError("The file of the key is empty.", file=str(file), hint=if_empty)
    return key


def keep_key(file: Path) -> tuple[str, bool]:
    """The key kept in `file`, made there if there is none yet; and whether it was made just now.

    Two gateways that start together get the same key: the file appears whole or not at all, and the first one wins.
    """
    if file.exists():
        return read_key(file), False
    key = PREFIX + secrets.token_urlsafe(32)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.parent.chmod(0o700)
        return (key, True) if _appears(file, key + "\n") else (read_key(file), False)
    except OSError as error:
        raise ConfigurationError(
            f"No key is configured, and a new one cannot be kept: {error.strerror}.",
            file=str(file), hint=f"Set {ENVIRONMENT_NAME}.",
        ) from None  # fmt: skip


def _appears(file: Path, content: str) -> bool:
    """Make `file`, whole at once and for its owner only. False if another was first."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent)  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content)
        os.link(temporary, file)
    except FileExistsError:
        return False
    finally:
        Path(temporary).unlink()
    return True
