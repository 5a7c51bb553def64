"""The files of a dialect: what each is given, and whose fault it is when one of them fails."""

from __future__ import annotations

from enum import Enum

REQUEST = (
    "model", "system", "messages", "tools", "tool_choice", "parallel_tool_calls", "max_tokens", "temperature", "top_p",
    "top_k", "seed", "stop_sequences", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "reasoning",
    "output", "modalities", "audio", "verbosity", "stream", "user", "prompt_cache_key",
    "service_tier", "metadata", "extra",
)  # fmt: skip
"""The members of the neutral request (a test compares them with openapi/neutral.schema.yaml)."""

RESPONSE = (
    "id", "model", "created", "parts", "finish_reason", "raw_finish_reason", "stop_sequence", "usage", "service_tier",
    "lost", "extra",
)  # fmt: skip
ERROR = ("type", "message", "code", "param", "status", "retry_after", "request_id")

EVERYWHERE = ("dialect", "values")
"""What every template is given beside its own inputs: its family's name, and what the configuration declares."""


class Kind(Enum):
    """One of the eight files; the value is the file's name without its ending. And the two files of a service, whose
    names say which it is."""

    READ_REQUEST = "read_request"
    WRITE_RESPONSE = "write_response"
    WRITE_EVENT = "write_event"
    WRITE_ERROR = "write_error"
    WRITE_REQUEST = "write_request"
    READ_RESPONSE = "read_response"
    READ_EVENT = "read_event"
    READ_ERROR = "read_error"
    WRITE_SERVICE = "write_service"
    READ_SERVICE = "read_service"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names that a template of this kind may use, in the order in which they are told to people."""
        return INPUTS[self] + EVERYWHERE

    @property
    def gives_list(self) -> bool:
        """Whether the result is a list: of frames, or of loose events. Such a template may have nothing to say."""
        return self in (Kind.WRITE_EVENT, Kind.READ_EVENT)

    @property
    def failure(self) -> tuple[str, str]:
        """The neutral error type, and what the caller is told, when a template of this kind fails on its input."""
        if self is Kind.READ_REQUEST:
            return "invalid_request", "This request has a form that cannot be translated."
        if self in (Kind.READ_RESPONSE, Kind.READ_EVENT, Kind.READ_ERROR, Kind.READ_SERVICE):
            return "upstream", "The provider's answer has a form that cannot be translated."
        return "internal", "The translation of this conversation failed."


INPUTS = {
    Kind.READ_REQUEST: ("body", "path"),
    Kind.WRITE_RESPONSE: (*RESPONSE, "request", "asked"),
    Kind.WRITE_EVENT: ("event", "response", "request", "asked"),
    Kind.WRITE_ERROR: ERROR,
    Kind.WRITE_REQUEST: REQUEST,
    Kind.READ_RESPONSE: ("body", "request"),
    Kind.READ_EVENT: ("data", "event", "request"),
    Kind.READ_ERROR: ("status", "headers", "body"),
    Kind.WRITE_SERVICE: ("body", "model", "conversation"),
    Kind.READ_SERVICE: ("body", "model", "request"),
}
