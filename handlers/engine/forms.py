"""A form on its way through (multipart/form-data): found is the part that names the model, the rest is not looked at.

A form holds a file of any size, so it is never held whole. What comes before the model's part waits in memory, and
beyond a megabyte on disk; from then on every byte goes out as it comes in.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Mapping
from typing import IO

from starlette.types import Receive

from .bodies import Upload
from .contract.bodies import CLOSE, GRACE_SECONDS, CallerLeftError, check_length, too_large
from .errors import GatewayError, InvalidRequest

MOST_BYTES = 512 << 20
"""The largest form."""
MOST_IN_MEMORY = 1 << 20
MOST_OF_A_HEAD = 16 << 10
MOST_OF_A_MODEL = 1 << 10

PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*("(?:\\.|[^"\\])*"|[^;"]*)')
FIELD = b"model"

Piece = tuple[bool, bytes]
"""Whether it is the model's name, and the bytes."""


class FormScanner:
    """Cuts the bytes of a form where the value of the part `model` begins and ends. Sans I/O: fed, it gives pieces."""

    def __init__(self, boundary: bytes) -> None:
        self.delimiter = b"\r\n--" + boundary
        self.waiting = b"\r\n"  # the first delimiter may do without a line's end before it
        self.invented = 2
        self.state = "between"
        self.found = False

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that are certain by now. Raises InvalidRequest where this is no form."""
        self.waiting += data
        pieces: list[Piece] = []
        step = {"between": self.between, "head": self.head, "value": self.value}
        while self.state != "end" and step[self.state](pieces):
            pass
        if self.state == "end":
            self.give(pieces, len(self.waiting))
        return pieces

    def finish(self) -> None:
        """Raises InvalidRequest if the form ended too early."""
        if self.state != "end":
            raise no_form("it ends too early")

    def give(self, pieces: list[Piece], size: int) -> None:
        """Take bytes off the front, without those that nobody sent."""
        piece, self.waiting = self.waiting[:size], self.waiting[size:]
        skipped = min(self.invented, len(piece))
        self.invented -= skipped
        if piece[skipped:]:
            pieces.append((False, piece[skipped:]))

    def between(self, pieces: list[Piece]) -> bool:
        """Before a delimiter: in a part that is none of ours, or in front of the first."""
        at = self.waiting.find(self.delimiter)
        if at < 0:
            self.give(pieces, max(0, len(self.waiting) - len(self.delimiter)))
            return False
        self.give(pieces, at + len(self.delimiter))
        self.state = "head"
        return True

    def head(self, pieces: list[Piece]) -> bool:
        """Behind a delimiter: the headers of a part, or the end."""
        if self.waiting[:2] == b"--":
            self.state = "end"
            return True
        end = self.waiting.find(b"\r\n\r\n")
        if end < 0:
            if len(self.waiting) > MOST_OF_A_HEAD:
                raise no_form("a part of it has no end of its headers")
            return False
        ours = field_of(self.waiting[:end]) == FIELD
        self.give(pieces, end + (4 if ours else 2))  # the line's end may belong to the next delimiter
        if ours and self.found:
            raise InvalidRequest("The form names the model twice.", code="invalid_form", param="/model")
        self.state = "value" if ours else "between"
        return True

    def value(self, pieces: list[Piece]) -> bool:
        """In the value of the part that names the model."""
        at = self.waiting.find(self.delimiter)
        if at < 0 or at > MOST_OF_A_MODEL:
            if len(self.waiting) > MOST_OF_A_MODEL + len(self.delimiter):
                raise InvalidRequest("The model's name is too long.", code="invalid_form", param="/model")
            return False
        pieces.append((True, self.waiting[:at]))
        self.waiting = self.waiting[at:]
        self.found = True
        self.state = "between"
        return True


def no_form(why: str) -> InvalidRequest:
    return InvalidRequest(f"The request body is no valid form: {why}.", code="invalid_form")


def field_of(head: bytes) -> bytes:
    """The name of the field that a part's headers tell."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            for key, told in PARAMETER.findall(value.decode("latin-1")):
                if key.lower() == "name":
                    return str(told).strip('" ').encode("latin-1")
    return b""


def boundary_of(content_type: str) -> bytes:
    """What separates the parts. Raises InvalidRequest where the Content-Type does not tell."""
    for key, told in PARAMETER.findall(content_type):
        if key.lower() == "boundary" and 0 < len(boundary := told.strip('" ')) <= 70:
            return str(boundary).encode("latin-1")
    raise no_form("its Content-Type names no boundary")


class Form:
    """One form that is coming in. `model` reads as far as the model's name; `upload` is the form with another one."""

    def __init__(self, receive: Receive, headers: Mapping[bytes, bytes]) -> None:
        self.receive = receive
        self.scanner = FormScanner(boundary_of(headers.get(b"content-type", b"").decode("latin-1")))
        check_length(headers, MOST_BYTES)
        self.length = int(headers[b"content-length"]) if b"content-length" in headers else None
        self.size = 0
        self.complete = False
        self.store = Store()
        self.named = b""
        self.behind: list[bytes] = []

    async def model(self) -> str:
        """The model's name; what came before it is kept. Raises InvalidRequest if the form has none."""
        while not self.complete:
            named: bytes | None = None
            for ours, piece in await self.read():
                if ours:
                    named = piece
                elif named is not None:
                    self.behind.append(piece)
                else:
                    await self.store.add(piece)
            if named:
                self.named = named
                return named.decode("utf-8", "replace")
        raise InvalidRequest("The form needs a field model.", code="missing_field", param="/model")

    async def read(self) -> list[Piece]:
        """The pieces that the next bytes make."""
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                message = await self.receive()
        except TimeoutError:
            raise GatewayError(
                "timeout", "The request body came too slowly.", status=408, code="request_timeout", headers=[CLOSE]
            ) from None
        if message["type"] == "http.disconnect":
            raise CallerLeftError
        data = message.get("body", b"")
        self.size += len(data)
        if self.size > MOST_BYTES:
            raise too_large(MOST_BYTES)
        pieces = self.scanner.feed(data)
        if not message.get("more_body", False):
            self.complete = True
            self.scanner.finish()
        return pieces

    def upload(self, model: bytes) -> Upload:
        """The form as the provider gets it."""
        length = None if self.length is None else self.length - len(self.named) + len(model)
        return Upload(self.pieces(model), length)

    async def pieces(self, model: bytes) -> AsyncIterator[bytes]:
        async for piece in self.store.pieces():
            yield piece
        yield model + b"".join(self.behind)
        while not self.complete:
            yield b"".join([piece for _, piece in await self.read()])

    def close(self) -> None:
        self.store.close()


class Store:
    """Bytes that have to wait: a little of them in memory, the rest in a file that has no name."""

    def __init__(self) -> None:
        self.memory: list[bytes] = []
        self.size = 0
        self.file: IO[bytes] | None = None

    async def add(self, piece: bytes) -> None:
        self.memory.append(piece)
        self.size += len(piece)
        if self.size > MOST_IN_MEMORY:
            try:
                await asyncio.to_thread(self.put_away)
            except OSError as error:
                message = f"There is no room for what precedes the form's model ({error.strerror}): send it first."
                raise GatewayError("overloaded", message, code="no_room", param="/model", headers=[CLOSE]) from error

    def put_away(self) -> None:
        if self.file is None:
            self.file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the form
        self.file.write(b"".join(self.memory))
        self.memory, self.size = [], 0

    async def pieces(self) -> AsyncIterator[bytes]:
        """All of them, in order."""
        if self.file is not None:
            await asyncio.to_thread(self.file.seek, 0)
            while piece := await asyncio.to_thread(self.file.read, MOST_IN_MEMORY):
                yield piece
        yield b"".join(self.memory)

    def close(self) -> None:
        if self.file is not None:
            self.file.close()

