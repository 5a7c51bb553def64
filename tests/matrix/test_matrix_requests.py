"""Every story of a request, from every client's dialect to every provider's, whole and streamed.

What a pair cannot carry is found here one place at a time, without the table: a place is taken out of (or changed in)
the client's body, and if nothing that is sent differs, it was lost. Each such place must be told, by the client's own
name for it: in `Gateway-Warnings`, or in a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from losses.leave_one_out import covered, places
from matrix.hearing import streamed, whole
from matrix.stage import CLIENTS, FINE, REQUESTS, Stage, contract, dialects, providers, request_of, says
from rosetta.oracles import request_validator, with_known_words
from rosetta.stories import Json, Story, stories

from handlers.engine.exchange_losses import sendable
from handlers.engine.losses import Loss, Table, client_schema
from handlers.engine.losses.holes import FAILED
from handlers.engine.losses.inquiry import changed, replaced, taken_out
from handlers.engine.losses.loss import folded
from handlers.engine.losses.specimens import Schemas

PAIRS = [(client, provider) for client in CLIENTS for provider in providers()]
FOREIGN = [(client, provider) for client, provider in PAIRS if client != provider]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("matrix"))
    yield stage
    stage.close()


@cache
def schema(client: str) -> Json:
    return client_schema(contract(), REQUESTS[client])


@cache
def table(stage: Stage, client: str, provider: str) -> Table:
    door = stage.configuration.providers[f"up-{provider}"].main
    return Table(sendable(dialects()[client], door, "m", dict(door.values)), schema(client))


def told_of(heard: Any) -> list[str]:
    """The losses that an answer's header names, but for values that were filled in."""
    header = unquote(heard.headers.get("gateway-warnings", ""))
    return [one for one in header.split(", ") if one and not one.startswith("default ")]


@cache
def excused() -> list[Json]:
    found: list[Json] = yaml.safe_load((Path(__file__).parent / "redundant.yaml").read_text("utf-8"))
    for entry in found:
        assert any(story.it.startswith(entry["it"]) for story in stories("request")), entry
        assert entry["why"], entry
    return found


def redundant(story: Story, place: tuple[Any, ...]) -> bool:
    """Whether redundant.yaml says why this place may go."""
    dotted = ".".join(str(step) for step in place)
    return any(story.it.startswith(entry["it"]) and fnmatch(dotted, entry["place"] + "*") for entry in excused())


def few(told: list[str]) -> str:
    return "\n".join(["", *told[:12], *([f"and {len(told) - 12} more"] if len(told) > 12 else [])])


def message_of(heard: Any) -> str:
    error = heard.json()["error"]
    return str(error if isinstance(error, str) else error["message"])


def asked(story: Story, client: str) -> Json:
    return {name: value for name, value in request_of(story, client).items() if name != "model"}


@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_a_request_arrives_and_its_answer_comes_back(stage: Stage, client: str, provider: str) -> None:
    """Whole and streamed alike: the provider gets a body of its dialect, the client an answer of its own."""
    wrong: list[str] = []
    for story in stories("request"):
        body = asked(story, client)
        losses: dict[bool, list[str]] = {}
        for stream in (False, True):
            spoken = says(provider, FINE, stream=stream)
            heard, sent = stage.ask(client, provider, body, stream=stream, says=spoken)
            losses[stream] = told_of(heard)
            try:
                if heard.status == 400 and b"without losing what it asks for" in heard.body:
                    losses[stream] = [message_of(heard)]
                    continue
                assert heard.status == 200, heard.body
                meaning = streamed(client, heard.body) if stream else whole(client, heard.json())
                assert (meaning.text, meaning.calls) == ("Fine.", ()), meaning
                if client != provider:
                    check_sent(story, provider, sent)
            except Exception as error:
                wrong.append(f"{story.name} ({'stream' if stream else 'whole'}): {type(error).__name__}: {str(error)[:300]}")
        if len({tuple(one) for one in losses.values()}) > 1:
            wrong.append(f"{story.name}: whole and streamed lose different things: {losses}")
    assert wrong == [], few(wrong)


def check_sent(story: Story, provider: str, sent: Json) -> None:
    """By the vendor's own types, where the story does not go beyond them."""
    if provider != "demo" and not any(story.beyond.values()) and "video_url" not in str(sent):
        request_validator(provider).validate(with_known_words(sent))


@pytest.mark.parametrize(("client", "provider"), FOREIGN)
def test_what_is_lost_is_told_by_the_client_s_own_name(stage: Stage, client: str, provider: str) -> None:
    """One place at a time; told in the header of the answer, or by a refusal that names it."""
    known, schemas = table(stage, client, provider), Schemas(schema(client))
    missed: list[str] = []
    wrong: list[str] = []
    for story in stories("request"):
        body = {"model": "m", **asked(story, client)}
        losses = known(body)
        pointers = {one.pointer for one in losses}
        missed += [f"{story.name}: {place}" for place in lost_in(known, schemas, body)
                   if not covered(place, pointers) and not redundant(story, place)]  # fmt: skip
        spoken = says(provider, FINE, stream=False)
        heard, _ = stage.ask(client, provider, body, stream=False, says=spoken)
        wrong += [f"{story.name}: {each} is not in {heard.status} {told_of(heard) or heard.body[:300]!r}"
                  for each in untold(losses, heard)]  # fmt: skip
    assert wrong == [], few(wrong)
    assert missed == [], few(missed)


def test_each_excuse_is_needed(stage: Stage) -> None:
    """redundant.yaml holds no entry without which nothing would be missed: what is told needs no excuse."""
    unused = []
    for entry in excused():
        pattern = entry["place"] + "*"
        if not any(
            fnmatch(".".join(map(str, place)), pattern)
            for story in stories("request") if story.it.startswith(entry["it"])
            for client, provider in FOREIGN
            for place in missed_in(stage, story, client, provider)
        ):
            unused.append(f"{entry['it']}: {entry['place']}")
    assert unused == []


def missed_in(stage: Stage, story: Story, client: str, provider: str) -> Iterator[tuple[Any, ...]]:
    """The places of a story's request that are lost and not told."""
    known, schemas, body = table(stage, client, provider), Schemas(schema(client)), {"model": "m", **asked(story, client)}
    pointers = {one.pointer for one in known(body)}
    return (place for place in lost_in(known, schemas, body) if not covered(place, pointers))


def lost_in(known: Table, schemas: Schemas, body: Json) -> Iterator[tuple[Any, ...]]:
    """The places of a body that change nothing of what is sent."""
    whole_output = known.trial(body)
    if whole_output is FAILED:
        return
    for path, closed, rest in places(schemas, schemas.document, body):
        changes = [replaced(body, path, one) for one in rest]
        changes = changes or ([taken_out(body, path)] if closed else list(changed(body, path)))
        if all(known.trial(other) == whole_output for other in changes):
            yield path


def untold(losses: list[Loss], heard: Any) -> list[str]:
    """The losses that the answer does not name: a refusal names those that are refused."""
    if heard.status == 400:
        text = heard.body.decode()
        return [each for each in folded([loss for loss in losses if loss.refuse])[:20] if each not in text]
    return [each for each in folded(losses) if each not in told_of(heard) and unquote(each) not in told_of(heard)]


@pytest.mark.parametrize(("client", "provider"), FOREIGN)
def test_who_wants_no_loss_gets_none(stage: Stage, client: str, provider: str) -> None:
    """Under `Gateway-On-Loss: refuse` a request that loses nothing is answered, and any other is a 400 that says what.

    The same where the provider's own entry says so, but for a caller who wants to hear of losses only."""
    spoken = says(provider, FINE, stream=False)
    wrong = []
    for story in stories("request"):
        body = asked(story, client)
        loose, _ = stage.ask(client, provider, body, stream=False, says=spoken)
        strict, sent = stage.ask(client, provider, body, stream=False, says=spoken, Gateway_On_Loss="refuse")
        lossless = loose.status == 200 and "gateway-warnings" not in loose.headers
        if lossless != (strict.status == 200) or (strict.status != 200 and sent is not None):
            wrong.append(f"{story.name}: {loose.status} {loose.headers.get('gateway-warnings')} but {strict.status} {strict.body[:200]!r}")
        own, own_sent = stage.ask(client, provider, body, stream=False, says=spoken, kind="strict")
        if (own.status, own_sent) != (strict.status, sent):
            wrong.append(f"{story.name}: {strict.status} by the header, {own.status} by the provider's entry")
        if own.status != 200:
            wish, _ = stage.ask(client, provider, body, stream=False, says=spoken, kind="strict", Gateway_On_Loss="report")
            if wish.status != loose.status:
                wrong.append(f"{story.name}: {wish.status} for who wants a report")
    assert wrong == [], few(wrong)
