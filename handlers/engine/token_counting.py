"""How many tokens a conversation has, where its provider does not say: counted with a tokenizer, or else estimated.

What is counted is the neutral conversation: the texts with the tokenizer that the provider's dialect names, calls and
tools as compact JSON, pictures by their size. The number says which of the two it is, in `Gateway-Warnings`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import orjson

from .answers import JSON_HEADERS, Answer
from .contract.large import in_thread
from .gateway_headers import answer_headers
from .linking import link
from .losses import Loss
from .picture_sizes import Size, size_of

if TYPE_CHECKING:
    from .call import Call
    from .providers import Door
    from .token_rules import TokenRule

SMALL = 16 << 10
"""Bytes of a body that is counted at once; a larger one in a thread."""
SLICE = 1 << 18
"""Characters that are counted in one go."""
FOR_A_MESSAGE = 4
"""Tokens that tell where a message, a tool or a call begins, ends, and whose it is."""
CHARACTERS_OF_A_TOKEN = 3.7
UNKNOWN_PICTURE: Size = (1024, 1024)
A_PAGE, ANOTHER_FILE = 1500, 1000
"""What a page of a document, and a file that is none, are taken for. Nobody can know."""

Count = Callable[[str], int]


class Tokenizers:
    """The tokenizers that were asked for. Each is loaded once, in a thread: that takes up to a second."""

    def __init__(self) -> None:
        self._loaded: dict[str, asyncio.Future[Count | None]] = {}

    async def get(self, encoding: str) -> Count | None:
        """What counts the tokens of a text; None where there is no such tokenizer."""
        if encoding not in self._loaded:
            self._loaded[encoding] = asyncio.ensure_future(asyncio.to_thread(load, encoding))
        return await asyncio.shield(self._loaded[encoding])


def load(encoding: str) -> Count | None:
    """What counts; None where the package is not there, or does not know the encoding."""
    try:
        import quicktok  # noqa: PLC0415 - it takes as much memory as all the rest, and not everybody counts

        count: Count = quicktok.get_encoding(encoding).count
    except (ImportError, RuntimeError, OSError):
        return None
    return count


async def own_count(call: Call, body: dict[str, Any], door: Door, member: str) -> Answer:
    """The count that this gateway makes, as the only `member` of an answer, and in a header what it is worth."""
    rule = door.dialect.tokens
    tokenizer = await call.engine.tokenizers.get(rule.encoding)
    if len(call.raw) <= SMALL:
        tokens, sure = counted(call, body, rule, tokenizer)
    else:
        tokens, sure = await in_thread(counted, call, body, rule, tokenizer)
    call.losses.append(Loss("compatibility", member, detail=rule.encoding if sure else "estimate"))
    call.usage = {"input_tokens": tokens}
    return Answer(200, [*JSON_HEADERS, *answer_headers(call, door, None)], orjson.dumps({member: tokens}))


def counted(call: Call, body: dict[str, Any], rule: TokenRule, tokenizer: Count | None) -> tuple[int, bool]:
    """The tokens, and whether nothing had to be guessed."""
    read = call.dialect.read_request
    assert read is not None
    request, _ = link(read({"body": body, "path": call.path(body), "values": call.dialect.values}))
    count = tokenizer or estimated
    tokens, sure = 0, tokenizer is not None
    for found in pieces(request):
        if isinstance(found, str):
            tokens += FOR_A_MESSAGE if found == BEGINNING else in_slices(count, found)
        elif found["modality"] == "image":
            size = size_of(found["data"]) if "data" in found else None
            sure = sure and size is not None
            tokens += rule.picture(size or UNKNOWN_PICTURE, found.get("detail"))
        else:
            sure = False
            tokens += A_PAGE * pages_of(found) if found["modality"] == "document" else ANOTHER_FILE
    return tokens, sure


TEXTS = ("text", "title", "context", "transcript")
"""What a part may have to read."""
BEGINNING = "\0"
"""Stands for what tells that something begins."""


def pieces(request: dict[str, Any]) -> Iterator[str | dict[str, Any]]:
    """What has tokens: texts, and files that are none."""
    yield BEGINNING
    yield from pieces_of(request.get("system") or ())
    for message in request.get("messages") or ():
        yield BEGINNING
        yield from pieces_of(message.get("parts") or ())
    for tool in request.get("tools") or ():
        yield BEGINNING
        yield written({key: tool[key] for key in ("name", "description", "parameters", "data") if key in tool})
    if "schema" in (request.get("output") or ()):
        yield written(request["output"]["schema"])


def pieces_of(parts: Any) -> Iterator[str | dict[str, Any]]:
    for part in parts:
        kind = part.get("type")
        if kind == "file" and "text" not in part:
            yield part
        elif kind == "tool_call":
            yield BEGINNING
            yield part["name"]
            yield written(part.get("arguments", {}))
        elif kind == "tool_result":
            yield BEGINNING
            yield from pieces_of(part.get("parts") or ())
        elif kind == "unknown":
            yield written(part.get("data"))
        else:
            yield from (part[key] for key in TEXTS if isinstance(part.get(key), str))


def written(value: Any) -> str:
    """JSON as models see it; a text as it is."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def in_slices(count: Count, text: str) -> int:
    return sum(count(text[at : at + SLICE]) for at in range(0, len(text), SLICE))


def estimated(text: str) -> int:
    """A guess by length: nearly four letters a token, but each sign of a script that has thousands is one."""
    if text.isascii():
        return math.ceil(len(text) / CHARACTERS_OF_A_TOKEN)
    wide = sum(letter >= "\u2e80" for letter in text)
    return math.ceil((len(text) - wide) / CHARACTERS_OF_A_TOKEN + wide)


def pages_of(part: dict[str, Any]) -> int:
    """About how many pages a document has: by its size, for what it says of itself is packed."""
    return max(1, round(len(part.get("data") or "") / 100_000))
