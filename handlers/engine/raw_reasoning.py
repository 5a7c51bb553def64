"""Sealed reasoning in a body that passes through: the only part of such a body that ever leaves the byte path.

Where seals may stand in a dialect is data, under `reasoning:` of the dialect:

    reasoning:
      replay: required
      carriers:                       # each place where this dialect's clients bring a block back
        - at: /messages/*/content     # the list that holds it: a JSON pointer, `*` for each element of an array
          type: thinking              # the block's `type`
          field: signature            # its member that holds the seal
        - at: /messages/*/reasoning_details
          type: reasoning.text
          field: signature
          beside: [reasoning_content] # members next to the list that repeat its text: they go with the last block
        - at: /contents/*/parts       # without a type: any block that holds a seal there
          field: signature
          keep: [call]                # a block with one of these members stays; only its seal is opened, or goes

Blocks of another maker go out. Our provider's own are opened and put back as the dialect writes them: its
`write_request` writes the block in a message by itself, with and without the block, and what differs is the block (or,
in a dialect that keeps reasoning beside the list, the member that holds it). All else is verbatim. A message that has
nothing left goes too. A block without a seal is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .losses import Loss
from .pointers import look, parse_pointer
from .reasoning import DROPPED, MARK, MARK_BASE64, Part, restore, sealed, unseal

Block = dict[str, Any]
Write = Callable[[Mapping[str, Any]], Any]

NEEDLES = (MARK.encode("ascii"), MARK_BASE64.encode("ascii"))
FILLER: Part = {"type": "text", "text": "."}


@dataclass(frozen=True, slots=True)
class Carrier:
    """One entry of `carriers`."""

    holder: tuple[str, ...]        # pointer to the object that holds the list
    list_name: str
    type: str | None
    field: str
    beside: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Carrier:
        *holder, name = str(entry["at"]).removeprefix("/").split("/")
        beside, keep = tuple(entry.get("beside", ())), tuple(entry.get("keep", ()))
        return cls(tuple(holder), name, entry.get("type"), entry["field"], beside, keep)


def affected(raw: bytes) -> bool:
    """Whether a body may hold a seal. The mark needs no escape in JSON, so bytes are enough."""
    return NEEDLES[0] in raw or NEEDLES[1] in raw


def restore_messages(
    body: dict[str, Any], carriers: Sequence[Carrier | Mapping[str, Any]], scope: str, write_request: Write
) -> tuple[dict[str, Any], list[Loss]]:
    """The body with seals opened or taken out, and what was lost. A new dict; members without a seal are shared.

    `carriers` is the dialect's data, `scope` the maker whose seals are opened, `write_request` the dialect's own.
    """
    known = [one if isinstance(one, Carrier) else Carrier.read(one) for one in carriers]
    opener = Opener(known, scope, write_request)
    return opener.body(body), ([DROPPED] if opener.dropped else [])


def without_thinking(body: dict[str, Any], request: dict[str, Any], write_request: Write) -> dict[str, Any]:
    """The body of a dialect that demands reasoning back, with thinking off where an open tool turn has lost its own.

    `request` is the body as the dialect reads it. How thinking is asked for, and how it is declined, is what the
    dialect writes for the one wish and the other.
    """
    restored, _ = restore(request, scope="", native=True, replay="required")
    if restored.get("reasoning") == request.get("reasoning"):
        return body
    turn = {"role": "user", "parts": [FILLER]}
    plain = {"model": "m", "messages": [turn], "max_tokens": request.get("max_tokens", 1)}
    nothing = write_request(plain)
    asked, declined = (
        {name: value for name, value in write_request({**plain, "reasoning": wish}).items()
         if nothing.get(name) != value}
        for wish in (request["reasoning"], restored["reasoning"])
    )  # fmt: skip
    changed = {name: value for name, value in body.items() if name not in asked or name in declined}
    for name in asked.keys() & body.keys() - declined.keys():
        rest = {key: value for key, value in as_mapping(body[name]).items() if key not in as_mapping(asked[name])}
        if rest:
            changed[name] = rest
    return {**changed, **declined}


def as_mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


class Opener:
    def __init__(self, carriers: Sequence[Carrier], scope: str, write_request: Write) -> None:
        self.scope, self.write_request = scope, write_request
        self.dropped = False
        self.by_holder: dict[tuple[str, ...], list[Carrier]] = {}
        for carrier in carriers:
            self.by_holder.setdefault(carrier.holder, []).append(carrier)

    def body(self, body: dict[str, Any]) -> dict[str, Any]:
        for holder, carriers in self.by_holder.items():
            body = self.descend(body, holder, carriers)
        return body

    def descend(self, value: Any, steps: tuple[str, ...], carriers: list[Carrier]) -> Any:
        """The value with each holder below it opened; the value itself if nothing changed; None for a holder that
        has nothing left."""
        if not steps:
            return self.holder(value, carriers) if isinstance(value, dict) else value
        step, *rest = steps
        if step == "*" and isinstance(value, list):
            opened = [self.descend(each, tuple(rest), carriers) for each in value]
            if all(new is old for new, old in zip(opened, value, strict=True)):
                return value
            return [new for new, old in zip(opened, value, strict=True) if new is not None or old is None]
        if isinstance(value, dict) and step in value:
            opened = self.descend(value[step], tuple(rest), carriers)
            return value if opened is value[step] else {**value, step: opened}
        return value

    def holder(self, holder: dict[str, Any], carriers: list[Carrier]) -> dict[str, Any] | None:
        found = holder
        for name in dict.fromkeys(carrier.list_name for carrier in carriers):
            found = self.open_list(found, name, [carrier for carrier in carriers if carrier.list_name == name])
        if found is holder:
            return holder
        left = any(value not in (None, "", [], {}) for key, value in found.items() if key != "role")
        return found if left else None

    def open_list(self, holder: dict[str, Any], name: str, carriers: list[Carrier]) -> dict[str, Any]:
        blocks = holder.get(name)
        if not isinstance(blocks, list):
            return holder
        kept: list[Any] = []
        beside: dict[str, Any] = {}
        touched: list[Carrier] = []
        for block in blocks:
            carrier = next((one for one in carriers if carries(block, one)), None)
            if carrier is None:
                kept.append(block)
                continue
            touched.append(carrier)
            if any(member in block for member in carrier.keep):
                kept.append(self.signed(block, carrier.field))
                continue
            for key, value in self.native(block[carrier.field], name).items():
                if key == name:
                    kept.extend(value)
                else:
                    beside[key] = joined(beside.get(key), value)
        if not touched:
            return holder
        changed = {**holder, name: kept}
        if not kept:
            # The rest of the message may stand without the list; what only repeated the blocks may not.
            gone = {member for carrier in touched for member in carrier.beside}
            changed = {key: value for key, value in changed.items() if key != name and key not in gone}
        return {**beside, **changed} if beside else changed

    def signed(self, block: Block, field: str) -> Block:
        """A block that stays, with the signature that its seal holds, or with none."""
        opened = unseal(block[field])
        rest = {key: value for key, value in block.items() if key != field}
        if opened is None or opened[0] != self.scope or "signature" not in opened[1]:
            self.dropped = True
            return rest
        return {**rest, field: opened[1]["signature"]}

    def native(self, seal: str, name: str) -> dict[str, Any]:
        """What the dialect writes for the block in this seal: members of a message, `name` the list of blocks.
        Empty if the block is another maker's, or damaged, or the dialect has no way to write it."""
        opened = unseal(seal)
        if opened is None or opened[0] != self.scope or opened[1]["type"] != "reasoning":
            self.dropped = True
            return {}
        with_block, without = self.written([opened[1], FILLER], name), self.written([FILLER], name)
        found: dict[str, Any] = {}
        for key, value in with_block.items():
            if value == without.get(key):
                continue
            if key != name:
                found[key] = value
            elif isinstance(value, list):
                plain = without.get(key)
                found[key] = [each for each in value if each not in plain] if isinstance(plain, list) else value
        self.dropped = self.dropped or not found
        return found

    def written(self, parts: list[Part], name: str) -> dict[str, Any]:
        """The last message of what the dialect writes for one assistant message with these parts; in a dialect whose
        blocks stand beside the messages, the list of both."""
        conversation = [
            {"role": "user", "parts": [FILLER]},
            {"role": "assistant", "parts": parts},
        ]
        body = self.write_request({"model": "m", "messages": conversation, "max_tokens": 1})
        if isinstance(body.get(name), list):
            return {name: body[name]}
        for value in body.values():
            if isinstance(value, list) and value and isinstance(value[-1], dict) and value[-1].get("role"):
                return dict(value[-1])
        return {}


def told_by_seals(body: Mapping[str, Any], loss: Loss, carriers: Sequence[Carrier]) -> bool:
    """Whether the place of a loss holds a seal, or only repeats the text of sealed blocks beside it: what becomes of
    those is told by who opens them."""
    if not loss.pointer:
        return False
    *holder, name = parse_pointer(loss.pointer)
    value, parent = look(body, [*holder, name]), look(body, holder)
    if sealed(value):
        return True
    if not isinstance(value, str) or not isinstance(parent, Mapping):
        return False
    texts: dict[str, list[str]] = {}
    for carrier in carriers:
        blocks = parent.get(carrier.list_name) if name in carrier.beside else None
        for block in blocks if isinstance(blocks, list) else ():
            if carries(block, carrier) and (opened := unseal(block[carrier.field])):
                texts.setdefault(carrier.list_name, []).append(opened[1].get("text") or "")
    return value in ("".join(pieces) for pieces in texts.values())


def carries(block: Any, carrier: Carrier) -> bool:
    fits = isinstance(block, dict) and carrier.type in (None, block.get("type"))
    return fits and sealed(block.get(carrier.field))


def joined(earlier: Any, value: Any) -> Any:
    """Two blocks that a dialect keeps in one member: texts and lists follow each other."""
    if isinstance(earlier, str) and isinstance(value, str):
        return earlier + value
    if isinstance(earlier, list) and isinstance(value, list):
        return [*earlier, *value]
    return value
