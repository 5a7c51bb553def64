"""Credentials that nobody wrote down for us: found where the vendor's own tools find them, when they are first needed.

Keys in our environment (`.env` too) come first. Else botocore is asked, whose chain has the files and profiles of its
tools, what a container is given and what the machine itself may do. Asking may take seconds and go over the network, so
it happens in a thread, and calls wait for it together. Keys that expire are asked for again before they do.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

KEYS = {"access_key": "AWS_ACCESS_KEY_ID", "secret_key": "AWS_SECRET_ACCESS_KEY", "session_token": "AWS_SESSION_TOKEN"}
PLACES = {"profile": "AWS_PROFILE", "credentials_file": "AWS_SHARED_CREDENTIALS_FILE", "config_file": "AWS_CONFIG_FILE"}
"""Where the chain looks, by botocore's words: `.env` may say it, and botocore does not read that."""

Learn = Callable[[Sequence[str]], None]
"""Is told of secrets that come up while we run, so that no text shows them."""


def unheard(secrets: Sequence[str]) -> None:
    """Nobody wants to know."""


class NoCredentialsError(Exception):
    """Why there is nothing to sign with, in words that hold no secret."""


def from_environment(environment: Mapping[str, str], profile: str | None) -> dict[str, str]:
    """The keys that stand in the environment: none where a profile is wished for, or one of the two is missing."""
    found = {member: environment.get(name, "").strip() for member, name in KEYS.items()}
    if profile is not None or not (found["access_key"] and found["secret_key"]):
        return {}
    return {member: value for member, value in found.items() if value}


class Chain:
    """Gives frozen credentials when awaited; asks botocore first where there are none yet, or where they end soon."""

    def __init__(self, profile: str | None, environment: Mapping[str, str], learn: Learn) -> None:
        self.profile = profile
        self.places = {word: environment[name] for word, name in PLACES.items() if environment.get(name)}
        self.learn = learn
        self.found: Any = None
        self.frozen: Any = None
        self.asking: asyncio.Future[None] | None = None

    async def __call__(self) -> Any:
        """The credentials (access_key, secret_key, token). Raises NoCredentialsError."""
        if self.found is None or self.ends():
            if self.asking is None:
                self.asking = asyncio.ensure_future(asyncio.to_thread(self.ask))
                self.asking.add_done_callback(self.asked)
            await asyncio.shield(self.asking)
        return self.frozen

    def ends(self) -> bool:
        """Whether they expire within minutes; keys without a date never do."""
        needed = getattr(self.found, "refresh_needed", None)
        return needed is not None and bool(needed())

    def asked(self, asking: asyncio.Future[None]) -> None:
        self.asking = None
        asking.exception()  # whoever waits hears of it; nobody may be left

    def ask(self) -> None:
        """Find them, or have them renewed. Blocks."""
        try:
            found = self.found or self.session().get_credentials()
            frozen = found.get_frozen_credentials() if found is not None else None
        except Exception as error:
            # Files, processes, servers: whatever goes wrong there is told by its name, for its words may hold anything.
            raise NoCredentialsError(f"the credentials for it could not be had ({type(error).__name__})") from error
        if frozen is None:
            raise NoCredentialsError("no credentials for it were found")
        self.learn([text for text in (frozen.access_key, frozen.secret_key, frozen.token) if text])
        self.found, self.frozen = found, frozen

    def session(self) -> Any:
        session = importlib.import_module("botocore.session").Session(profile=self.profile)  # optional, without types
        for word, value in self.places.items():
            if word != "profile" or self.profile is None:
                session.set_config_variable(word, value)
        return session
