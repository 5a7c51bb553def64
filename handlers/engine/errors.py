"""Everything that can go wrong, as one tree.

    Exception
    ├── ConfigurationError          what an operator wrote is wrong: stops a start; file, line, sentence, what to do
    └── GatewayError                one call fails; becomes the neutral `error`, then the caller's own kind of error
        ├── InvalidRequest          400 and its relatives (405, 415): the caller's mistake
        ├── NotFound                404
        ├── TooLarge                413
        ├── Unauthenticated         401
        ├── UpstreamError           the provider failed, or could not be reached: 502, 504 or the provider's status
        └── TemplateError           a template failed on its input; file and line are for the log only

A GatewayError may be raised anywhere between the route and the first byte of the answer. After the first byte it
becomes an error event of the stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

STATUS = {
    "invalid_request": 400,
    "authentication": 401,
    "billing": 402,
    "permission": 403,
    "not_found": 404,
    "conflict": 409,
    "too_large": 413,
    "rate_limit": 429,
    "internal": 500,
    "upstream": 502,
    "overloaded": 503,
    "timeout": 504,
}
"""The status of each neutral error type, where nothing else is known."""


class ConfigurationError(Exception):
    """What an operator wrote cannot be used.

    `file` and `line` name the place (line 0: the file as a whole), `sentence` says what is wrong, `hint` what to do.
    """

    def __init__(self, sentence: str, *, file: str = "", line: int = 0, hint: str = "", code: str = "") -> None:
        self.sentence, self.file, self.line, self.hint, self.code = sentence, file, line, hint, code
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file and self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.sentence}{' ' + self.hint if self.hint else ''}"


class GatewayError(Exception):
    """One call fails: `type` is the neutral error's, `status` what the caller gets, `param` a pointer or a name."""

    def __init__(
        self,
        type: str,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(message)
        self.type = type
        self.message = message
        self.status = STATUS.get(type, 500) if status is None else status
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.headers = tuple(headers)

    def as_neutral(self) -> dict[str, Any]:
        """The neutral `error` of this failure (openapi/neutral.schema.yaml)."""
        error: dict[str, Any] = {"type": self.type, "message": self.message, "status": self.status}
        if self.code is not None:
            error["code"] = self.code
        if self.param is not None:
            error["param"] = self.param
        if self.retry_after is not None:
            error["retry_after"] = self.retry_after
        return error


class InvalidRequest(GatewayError):
    """The caller's mistake: 400 unless `status` says otherwise."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__("invalid_request", message, **more)


class NotFound(GatewayError):
    def __init__(self, message: str, **more: Any) -> None:
        super().__init__("not_found", message, **more)


class TooLarge(GatewayError):
    def __init__(self, message: str, **more: Any) -> None:
        super().__init__("too_large", message, **more)


class Unauthenticated(GatewayError):
    def __init__(self, message: str, **more: Any) -> None:
        super().__init__("authentication", message, **more)


class UpstreamError(GatewayError):
    """The provider failed. `sent`: whether any byte of the request may have reached it (a retry could cost twice)."""

    def __init__(self, message: str, *, type: str = "upstream", sent: bool = True, **more: Any) -> None:
        super().__init__(type, message, **more)
        self.sent = sent


class TemplateError(GatewayError):
    """A template failed on its input. `message` is for the caller; `path`, `line` and `reason` are for the log."""

    def __init__(
        self, reason: str, *, path: str = "", line: int = 0, type: str = "internal", message: str = ""
    ) -> None:
        super().__init__(type, message or "The translation of this conversation failed.")
        self.reason, self.path, self.line = reason, path, line
