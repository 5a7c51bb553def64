"""Compressed answers of servers that compress although they were asked not to.

One decoder lives as long as its stream, so it does not matter where the network cuts. It gives its output in pieces of
limited size, so a small answer that unpacks to gigabytes meets the limits of whoever reads it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

PIECE = 1 << 20
KNOWN = frozenset((b"gzip", b"x-gzip", b"deflate"))


class Decoder:
    """Unpacks gzip (also several members in a row) and deflate (with and without its header)."""

    __slots__ = ("_fed", "_gzip", "_zlib")

    def __init__(self, encoding: bytes) -> None:
        self._gzip = encoding != b"deflate"
        self._zlib = zlib.decompressobj(31) if self._gzip else zlib.decompressobj()
        self._fed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpacked pieces of at most PIECE bytes; zlib.error if this is not what was announced."""
        more = bool(data)
        while more:
            if self._zlib.eof:
                if not self._gzip:
                    return  # something after the end: nobody can say what it means
                self._zlib = zlib.decompressobj(31)
            try:
                piece = self._zlib.decompress(data, PIECE)
            except zlib.error:
                if self._fed or self._gzip:
                    raise
                self._zlib = zlib.decompressobj(-15)
                piece = self._zlib.decompress(data, PIECE)
            self._fed = True
            data = self._zlib.unconsumed_tail or self._zlib.unused_data
            more = bool(data) or (len(piece) == PIECE and not self._zlib.eof)
            if piece:
                yield piece

    @property
    def complete(self) -> bool:
        """Whether all that was begun has come to its end."""
        return self._zlib.eof or not self._fed
