"""What botocore knows of Converse: its model of requests, answers and events, its serializer and its parsers."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

from botocore.eventstream import EventStreamBuffer
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.session import get_session
from botocore.validate import ParamValidator

Json = dict[str, Any]


@cache
def service() -> Any:
    return get_session().get_service_model("bedrock-runtime")


def with_bytes(value: Any, shape: Any) -> Any:
    """A value of the wire as the package takes it: base64 becomes bytes, wherever the model has bytes."""
    if shape is None or getattr(shape, "is_document_type", False):
        return value
    if shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    if shape.type_name == "structure" and isinstance(value, dict):
        return {name: with_bytes(member, shape.members.get(name)) for name, member in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [with_bytes(each, shape.member) for each in value]
    return value


class ConverseRequest:
    """The package's validator of a request, and its serializer, which must write the same JSON."""

    def validate(self, wire: Json) -> None:
        operation = service().operation_model("Converse")
        given = {"modelId": "m", **with_bytes(wire, operation.input_shape)}
        report = ParamValidator().validate(given, operation.input_shape)
        assert not report.has_errors(), report.generate_report()
        assert "messages" in wire
        written = create_serializer("rest-json").serialize_to_request(given, operation)
        assert json.loads(written["body"]) == wire

    def is_valid(self, wire: Json) -> bool:
        try:
            self.validate(wire)
        except (AssertionError, ValueError):
            return False
        return True


def parsed_answer(body: Json) -> Json:
    """A whole answer as the package's client sees it."""
    answer = {"status_code": 200, "headers": {}, "body": json.dumps(body).encode()}
    shape = service().operation_model("Converse").output_shape
    parsed: Json = create_parser("rest-json").parse(answer, shape)
    return parsed


class ConverseAnswer:
    """A validator of whole answers, by the name that the other packages' types have for it."""

    @staticmethod
    def model_validate(body: Json) -> None:
        parsed = parsed_answer(body)
        shape = service().operation_model("Converse").output_shape
        assert set(shape.required_members) <= parsed.keys(), parsed.keys()
        assert body.keys() <= shape.members.keys(), body.keys()


def parsed_events(raw: bytes) -> list[Json]:
    """The events of a stream as the package's client sees them; each is `{name: what it carries}`."""
    buffer = EventStreamBuffer()
    buffer.add_data(raw)
    shape = service().operation_model("ConverseStream").output_shape.members["stream"]
    parser = create_parser("rest-json")._event_stream_parser
    return [parser.parse(message.to_response_dict(), shape) for message in buffer]
