"""Large JSON without holding the event loop: in a thread, and inside it in slices.

A thread of Python code lets the loop run every few milliseconds; a single call into C does not. So no call here parses,
checks or writes more than a slice: a large array is split into its elements' bytes first, at whatever depth it stands,
and the elements are worked on by the handful. Only one string can be larger than a slice, and strings are quick.
"""

from __future__ import annotations

import asyncio
import codecs
import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import msgspec
import orjson

from .bodies import DEPTH, MOST_LEVELS, not_json, too_deep

SLICE = 64 << 10
"""The most bytes of JSON that one call parses, checks or writes: two milliseconds' work at the very worst."""

FEW = 4096
"""With fewer values than this a body is parsed in one call, whatever its size."""
DECODED_AT_ONCE = 1 << 20

Result = TypeVar("Result")
Piece = bytes | msgspec.Raw

_split_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_split_array = msgspec.json.Decoder(list[msgspec.Raw]).decode

_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-bodies")
"""One thread for all large bodies: two would take the interpreter from the loop twice as often."""


def favour_the_loop() -> None:
    """Settings of the interpreter for a server that works on large bodies; called once, when all is loaded.

    The loop gets the interpreter back from a thread after a tenth of a millisecond instead of five: it lets go of it at
    each read and write, and with hundreds of streams it waits that long many times before others have their turn. The
    collector leaves alone what was loaded at start, and looks at young objects by the ten thousands: a large body makes
    a million at once.
    """
    sys.setswitchinterval(0.0001)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def in_thread(function: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
    """Run a pure function where it does not hold the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_worker, partial(function, *arguments, **named))


@dataclass(slots=True)
class Sliced:
    """Parsed JSON, and how it was cut: `cuts` has each container larger than a slice, by `id()`.

    For an array it holds where the slices begin and end; for an object nothing.
    """

    value: Any = None
    cuts: dict[int, tuple[int, ...]] = field(default_factory=dict)
    largest: int = 0


def check_utf8(raw: bytes) -> None:
    """Refuse what is not UTF-8 (the splitter would let it through)."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(raw), DECODED_AT_ONCE):
        decoder.decode(raw[start : start + DECODED_AT_ONCE])
    decoder.decode(b"", final=True)


def is_light(raw: bytes) -> bool:
    """Whether a body is large by its strings alone, as one with a picture in it is: there is little to parse then.

    Between neighbours there is a comma, and the parser nests no deeper than a thousand levels. Commas within strings
    count too, so a body may be light and not be called so; never the other way round.
    """
    return raw.count(b",") < FEW


def parse_large(raw: bytes) -> Sliced:
    """Parse a body of any size. Raises GatewayError 400 for what is not JSON or nests too deeply."""
    sliced = Sliced()
    try:
        if is_light(raw):
            sliced.value = _light(raw)
        else:
            check_utf8(raw)
            sliced.value = _read(raw, 0, sliced)
    except (msgspec.MsgspecError, orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise not_json(error, raw[:64] if raw[:64].strip() else raw) from None
    except RecursionError:
        raise too_deep() from None
    return sliced


def _light(raw: bytes) -> Any:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        check_utf8(raw)
        raise
    try:
        if not DEPTH.allows_below(0)(value):
            raise too_deep()
    except ValueError:  # deeper than the check itself can go
        raise too_deep() from None
    return value


def _read(raw: Piece, level: int, sliced: Sliced) -> Any:
    if len(raw) > SLICE:
        first = bytes(memoryview(raw)[:64]).lstrip()[:1]
        if level > MOST_LEVELS:
            raise too_deep()
        if first == b"{":
            return _read_object(raw, level, sliced)
        if first == b"[":
            return _read_array(raw, level, sliced)
    return _parse(bytes(raw), level, sliced)


def _read_object(raw: Piece, level: int, sliced: Sliced) -> dict[str, Any]:
    value = {name: _read(piece, level + 1, sliced) for name, piece in _split_object(raw).items()}
    sliced.cuts[id(value)] = ()
    return value


def _read_array(raw: Piece, level: int, sliced: Sliced) -> list[Any]:
    value: list[Any] = []
    cuts = [0]
    for group in _groups(_split_array(raw)):
        if len(group) == 1:
            value.append(_read(group[0], level + 1, sliced))
        else:
            value += _parse(b"[" + b",".join(group) + b"]", level, sliced)
        cuts.append(len(value))
    sliced.cuts[id(value)] = tuple(cuts)
    return value


def _groups(pieces: list[msgspec.Raw]) -> Iterator[list[msgspec.Raw]]:
    """Neighbours that make a slice together. A piece that is a slice by itself comes alone."""
    group: list[msgspec.Raw] = []
    size = 0
    for piece in pieces:
        length = len(piece) + 1
        if group and size + length > SLICE:
            yield group
            group, size = [], 0
        group.append(piece)
        size += length
    if group:
        yield group


def _parse(raw: bytes, level: int, sliced: Sliced) -> Any:
    value = orjson.loads(raw)
    if isinstance(value, (list, dict)):
        sliced.largest = max(sliced.largest, len(raw))
        try:
            if raw.count(b"{") + raw.count(b"[") > MOST_LEVELS - level and not DEPTH.allows_below(level)(value):
                raise too_deep()
        except ValueError:
            raise too_deep() from None
    return value


# ---- writing --------------------------------------------------------------------------------------------------------

LIGHT = 512
"""What a container weighs beside its strings is guessed: this many bytes of weight are never worth splitting."""


def write_large(value: Any) -> list[bytes]:
    """`value` as compact JSON in pieces, each written by one short call. Joined they are the whole text."""
    pieces: list[bytes] = []
    _write(value, pieces)
    return pieces


def _write(value: Any, pieces: list[bytes]) -> None:
    if _weight(value, SLICE) <= SLICE:
        pieces.append(orjson.dumps(value))
    elif isinstance(value, dict):
        _write_object(value, pieces)
    elif isinstance(value, list):
        _write_array(value, pieces)
    else:
        pieces.append(orjson.dumps(value))


def _write_object(value: dict[str, Any], pieces: list[bytes]) -> None:
    before = b"{"
    for name, member in value.items():
        pieces.append(before + orjson.dumps(name) + b":")
        _write(member, pieces)
        before = b","
    pieces.append(b"}")


def _write_array(value: list[Any], pieces: list[bytes]) -> None:
    before = b"["
    start, weight = 0, 0

    def flush(end: int) -> None:
        nonlocal before
        if end > start:
            pieces.append(before + orjson.dumps(value[start:end])[1:-1])
            before = b","

    for index, item in enumerate(value):
        own = _weight(item, SLICE)
        if own > SLICE:
            flush(index)
            pieces.append(before)
            before = b","
            _write(item, pieces)
            start, weight = index + 1, 0
        elif weight + own > SLICE:
            flush(index)
            start, weight = index, own
        else:
            weight += own
    flush(len(value))
    pieces.append(b"]")


def _weight(value: Any, enough: int) -> int:
    """About how many bytes `value` takes as JSON; counting stops above `enough`."""
    weight = 0
    if isinstance(value, dict):
        for member in value.values():
            weight += 16 + (len(member) if isinstance(member, str) else _weight(member, enough - weight))
            if weight > enough:
                break
    elif isinstance(value, list):
        for member in value:
            weight += 4 + (len(member) if isinstance(member, str) else _weight(member, enough - weight))
            if weight > enough:
                break
    elif isinstance(value, str):
        weight = len(value)
    return weight + 4
