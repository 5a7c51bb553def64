"""What every answer must be, beyond the checks that schemathesis brings along. Each is a check in its sense."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from functools import cache, wraps
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema_rs
from contract.closed_view import closed_view
from contract.contract_specimens import contract
from fuzz.fuzz_dialects import DIALECTS, Spoken, asks_a_provider, is_conversation, request_of
from fuzz.fuzz_world import World, provider_of
from fuzz.lenient_servers import FAILURES
from rosetta.oracles import request_validator, with_known_words
from schemathesis import Case
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response

from handlers.engine.contract.document import follow
from handlers.engine.contract.schemas import Schemas
from handlers.engine.streams import parse_event, splitter

REFUSALS = {
    "unsupported_loss": "a translation would change what the answer means",
    "integer_too_large": "a translation cannot carry an integer beyond 64 bits",
    "conflicting_tool_ids": "two calls share an id, so that no result could find its own",
    "tool_result_without_call": "a result whose call is nowhere in the conversation",
    "invalid_parameters": "two ways of paging at once, or a neighbour that is not in the list",
    "model_not_found": "a name that no schema can tell from a model's",
    "model_without_provider": "the same",
    "provider_not_found": "a name that no schema can tell from a provider's",
    "unknown_path": "a name in a path that makes it another path",
}
"""Why a request that satisfies the contract may be refused all the same, by the code of the error."""
FRAMINGS = {"text/event-stream": "sse", "application/x-ndjson": "ndjson", "application/json": "json-array"}
"""How a stream of each media type is framed."""
IN_A_PATH = re.compile(r"/models/(.+?)(?::(?:streamG|g)enerateContent)?(?:\?.*)?")
REQUEST_ID = re.compile(r"req_[0-9a-f]{24}")
MOST_WARNINGS = 2048 + len(", +999999 more")
Schema = dict[str, Any]
Check = Callable[[Any, Response, Case], None]


def told(check: Check) -> Check:
    """The check with whatever it stumbles over told as a failed assertion, with the request that led to it."""

    @wraps(check)
    def run(ctx: Any, response: Response, case: Case) -> None:
        try:
            check(ctx, response, case)
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}") from error

    return run


class Checks:
    """Our own checks of one world's answers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.all = [
            told(check) for check in (
                self.request_ids, self.gateway_headers, self.refusals_have_a_reason, self.failures_speak_the_dialect,
                self.requests_arrive, self.whole_answers_are_exact, self.streams_are_exact,
            )
        ]  # fmt: skip

    def request_ids(self, ctx: Any, response: Response, case: Case) -> None:
        """Every response has its id, under both names, whatever the caller called his own."""
        one, other = header(response, "request-id"), header(response, "x-request-id")
        assert one == other and REQUEST_ID.fullmatch(one or ""), f"request-id {one!r}, x-request-id {other!r}"

    def gateway_headers(self, ctx: Any, response: Response, case: Case) -> None:
        """The answer of a model says whose it is, and what was lost fits into a header."""
        warnings = header(response, "gateway-warnings") or ""
        assert re.fullmatch(r"[\x20-\x7e]*", warnings) and len(warnings) <= MOST_WARNINGS
        if asks_a_provider(operation_of(case)) and case.method == "POST" and response.status_code == 200:
            assert header(response, "gateway-model") == target_of(response), "the answer is of the model that was asked"

    def refusals_have_a_reason(self, ctx: Any, response: Response, case: Case) -> None:
        """What satisfies the contract is answered, or refused for a reason of the short table."""
        if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code < 400:
            return
        assert self.is_reasonable(response), f"{response.status_code} {self.code(response)}: {response.text[:300]}"

    def is_reasonable(self, response: Response) -> bool:
        """Whether a refusal is one of the short table, or a failure that the provider has thrown."""
        return self.code(response) in REFUSALS or (self.code(response) is None and response.status_code in FAILURES)

    def code(self, response: Response) -> str | None:
        return self.world.codes.get(header(response, "request-id") or "")

    def failures_speak_the_dialect(self, ctx: Any, response: Response, case: Case) -> None:
        """An error is what the contract says to the letter, in the dialect of the path or of the caller's headers."""
        if response.status_code < 400:
            return
        own = self.code(response)
        rule = contract()["x-dialect"] if own == "unknown_path" else operation_of(case)["x-dialect"]
        dialect = chosen(rule, response)
        body = response.json()
        if dialect in DIALECTS:
            closed(DIALECTS[dialect].error).validate(body)
        else:
            compiled(json.dumps(declared(case, response.status_code)), closed=True).validate(body)
        assert body["error"] if dialect == "ollama" else body["error"]["message"], "a failure has words"
        if dialect in ("openai", "responses", "completions") and header(response, "request-id") in self.world.codes:
            assert body["error"]["code"] == own
        if dialect == "anthropic" and header(response, "request-id") in self.world.codes:
            assert body["request_id"] == header(response, "request-id")

    def requests_arrive(self, ctx: Any, response: Response, case: Case) -> None:
        """A provider of the caller's family gets what was sent, the others what their vendor's own types allow."""
        operation = operation_of(case)
        if not asks_a_provider(operation) or case.method != "POST" or response.status_code != 200:
            return
        provider = self.world.providers.get(provider_of(target_of(response)))
        if provider is None:
            return
        sent, dialect = sent_body(response), operation["x-dialect"]
        if provider.dialect in (dialect, "services"):
            if sent.get("stream") is True and dialect == "openai" and is_conversation(operation):  # for the log
                sent = {**sent, "stream_options": {**(sent.get("stream_options") or {}), "include_usage": True}}
            assert provider.last.body == ({**sent, "model": "m"} if "model" in sent else sent)
        elif is_conversation(operation):
            vendor = "openai" if provider.dialect in ("completions", "services") else provider.dialect
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # one package takes words that it does not know, and tells so
                request_validator(vendor).validate(with_bytes(with_known_words(provider.last.body)))

    def whole_answers_are_exact(self, ctx: Any, response: Response, case: Case) -> None:
        """No member but the declared ones, no word but the known ones; and the vendor's own types say so too."""
        if response.status_code != 200 or media_type(response) != "application/json" or case.method not in ("GET", "POST"):
            return
        body = unechoed(response.json(), sent_body(response) if case.method == "POST" else None)
        compiled(json.dumps(declared(case, 200)), closed=True).validate(body)
        if not is_answer(case, response) or is_stream(case, response):
            return
        assert not wants_stream(case, sent_body(response)), "a stream was asked for"
        spoken = spoken_in(case)
        closed(spoken.answer).validate(body)
        spoken.whole(body)
        assert body[spoken.model] == model_of(response), "the model is called as the caller called it"

    def streams_are_exact(self, ctx: Any, response: Response, case: Case) -> None:
        """Each event by the contract and by the vendor's types, all of them by the grammar of the dialect, the end."""
        if not is_answer(case, response) or not is_stream(case, response):
            return
        sent, media = sent_body(response), answer_media(case)[media_type(response)]
        assert wants_stream(case, sent), "no stream was asked for"
        assert not response.stream_cut_short, "the stream was read to its end"
        frames = events(response.content, FRAMINGS[media_type(response)])
        assert frames, "a stream says something"
        spoken, end = spoken_in(case), media.get("x-event-end")
        schema = json.dumps(media.get("x-event-data") or element_of(media["schema"]))
        parsed = []
        for number, (name, data) in enumerate(frames):
            if "x-event-data" in media:
                compiled(json.dumps(media["schema"]), closed=True).validate(
                    {"data": data} if name is None else {"event": name, "data": data}
                )
            if data == end:
                assert number == len(frames) - 1, "nothing follows the end"
                parsed.append((name, data))
                continue
            value = json.loads(data)
            parsed.append((name, value))
            self.event_is_exact(spoken, schema, unechoed(value, sent))
        try:
            spoken.grammar(parsed, sent)
        except AssertionError as error:
            raise AssertionError(f"{error}; the stream ends with {response.content[-600:]!r}") from error
        models = {m for _, value in parsed if isinstance(value, dict) for m in models_in(value, spoken.model)}
        assert models <= {model_of(response)}, "the model is called as the caller called it"

    @staticmethod
    def event_is_exact(spoken: Spoken, schema: str, value: Any) -> None:
        compiled(schema, closed=False).validate(value)
        if "error" in value:
            closed(spoken.error).validate(value)
        else:
            compiled(schema, closed=True).validate(value)
            spoken.event(value)


# ---- what is known about a case and its answer --------------------------------------------------------------------


def header(response: Response, name: str) -> str | None:
    values = response.headers.get(name)
    return values[0] if values else None

CREDENTIALS = {"authorization", "x-api-key", "x-goog-api-key"}


def is_wrong(case: Case) -> bool:
    """Whether a case that was drawn to be wrong is: the document it was drawn from forbids more than the contract."""
    name = request_of(operation_of(case))
    if name is None or any(is_spoilt(case, place) for place in ParameterLocation if place != ParameterLocation.BODY):
        return True
    try:
        return not compiled(json.dumps({"$ref": f"#/components/schemas/{name}"}), closed=False).is_valid(case.body)
    except ValueError:  # bytes, which no JSON can hold
        return True


def is_spoilt(case: Case, place: ParameterLocation) -> bool:
    """Whether something is wrong in a place outside the body: credentials do not count, as the right ones are sent."""
    spoilt = [mutation.parameter for mutation in getattr(case.meta.phase.data, "mutations", ()) if mutation.parameter_location == place]
    only_keys = bool(spoilt) and all(name is not None and name.lower() in CREDENTIALS for name in spoilt)
    return bool(case.meta.is_negative_at(place)) and not only_keys


def media_type(response: Response) -> str:
    return (header(response, "content-type") or "").split(";")[0]


def operation_of(case: Case) -> Schema:
    """The operation as the contract has it."""
    found: Schema = contract()["paths"][case.operation.path][case.operation.method.lower()]
    return found


def answer_media(case: Case, status: int = 200) -> Schema:
    """The media types of an answer."""
    found: Schema = follow(contract(), operation_of(case)["responses"][str(status)])["content"]
    return found


def unechoed(value: Any, sent: Any) -> Any:
    """An answer without what it only repeats: tools of kinds that nobody knows are the caller's own."""
    if not isinstance(value, dict) or not isinstance(sent, dict):
        return value
    if isinstance(value.get("response"), dict):
        return {**value, "response": unechoed(value["response"], sent)}
    neutral = {"tools": [], "tool_choice": "auto"}
    return {name: neutral[name] if name in neutral and echoes(member, sent.get(name)) else member for name, member in value.items()}


def echoes(member: Any, sent: Any) -> bool:
    """Whether a member only repeats what was sent, be it without what was empty there."""
    if isinstance(member, dict) and isinstance(sent, dict):
        return all(name in sent and echoes(each, sent[name]) for name, each in member.items())
    if isinstance(member, list) and isinstance(sent, list) and len(member) == len(sent):
        return all(echoes(each, other) for each, other in zip(member, sent, strict=True))
    return bool(member == sent)


def with_bytes(body: Any) -> Any:
    """A body whose data are base64: what callers send instead goes on as it is, for its provider to refuse."""
    if isinstance(body, list):
        return [with_bytes(each) for each in body]
    if not isinstance(body, dict):
        return body
    return {name: "AA==" if name == "data" and isinstance(each, str) else with_bytes(each) for name, each in body.items()}


def declared(case: Case, status: int) -> Schema:
    """The schema of the JSON of an answer."""
    found: Schema = answer_media(case, status)["application/json"]["schema"]
    return found


def spoken_in(case: Case) -> Spoken:
    return DIALECTS[operation_of(case)["x-dialect"]]


def is_answer(case: Case, response: Response) -> bool:
    """Whether this is the answer of a model."""
    return is_conversation(operation_of(case)) and case.method == "POST" and response.status_code == 200


def is_stream(case: Case, response: Response) -> bool:
    """Whether an answer came in pieces: JSON does where the operation has nothing else."""
    return media_type(response) in FRAMINGS and (
        media_type(response) != "application/json" or operation_of(case).get("x-stream") is True
    )


def element_of(schema: Schema) -> Schema:
    """The schema of one piece: of an array's elements, or of the lines, which are declared by themselves."""
    found: Schema = follow(contract(), schema).get("items", schema)
    return found


def sent_body(response: Response) -> Any:
    """The JSON that was sent."""
    return json.loads(response.request.body or b"null")


def model_of(response: Response) -> str:
    """The model as the caller calls it, in the path or the body."""
    found = IN_A_PATH.fullmatch(unquote(response.request.path_url).partition("/v1")[2].removeprefix("beta"))
    return found[1] if found else str(sent_body(response)["model"])


def target_of(response: Response) -> str:
    """Provider and model that a request asks for, in its body and perhaps its path."""
    model, segment = model_of(response), response.request.path_url.split("/")[1]
    return model if segment in ("v1", "v1beta", "api") or model.startswith(f"{segment}:") else f"{segment}:{model}"


def chosen(rule: Any, response: Response) -> str:
    """The dialect that `x-dialect` means for this request."""
    if isinstance(rule, str):
        return rule
    headers = {name.lower() for name in response.request.headers}
    segments = urlsplit(response.request.url).path.split("/")[1:3] if "by-segment" in rule else []
    by_header = [dialect for name, dialect in rule["by-header"].items() if name in headers]
    by_segment = [rule["by-segment"][segment] for segment in segments if segment in rule["by-segment"]]
    return next(iter([*by_header, *by_segment]), rule["else"])


def wants_stream(case: Case, sent: Schema) -> bool:
    """Whether a body asks for a stream, in this operation."""
    rule = operation_of(case).get("x-stream")
    if isinstance(rule, bool):
        return rule
    asked = sent.get("stream")
    wanted: bool = (rule["default"] if isinstance(rule, dict) else False) if asked is None else asked is True
    return wanted


def events(stream: bytes, framing: str) -> list[tuple[str | None, str]]:
    """Name and data of each event; comments are left out. What is no whole event at the end is a mistake."""
    if framing == "json-array":
        return [(None, json.dumps(each)) for each in json.loads(stream)]
    cut = splitter(framing)
    whole = cut.feed(stream)
    assert not cut.finish(), "a stream ends with a whole event"
    found = [parse_event(framing, raw) for raw in whole]
    return [(name, data.decode()) for name, data in found if data is not None]


def models_in(value: Schema, member: str) -> list[str]:
    holder = {"message_start": "message"}.get(value.get("type", ""), "response" if "response" in value else None)
    message = value if holder is None else value[holder]
    return [message[member]] if isinstance(message, dict) and member in message else []


@cache
def compiled(schema: str, *, closed: bool) -> jsonschema_rs.Draft4Validator:
    """A validator of a schema of the contract, given as JSON text: as it is served, or of the closed view."""
    return Schemas(closed_view(contract()) if closed else contract()).compile(json.loads(schema))


def closed(component: str) -> jsonschema_rs.Draft4Validator:
    return compiled(json.dumps({"$ref": f"#/components/schemas/{component}"}), closed=True)
