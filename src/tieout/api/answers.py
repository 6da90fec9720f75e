"""What a request is answered with: JSON, or a problem as RFC 9457 has it. Written in one piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from tieout.api.limits import RETRY_AFTER_SECONDS
from tieout.kernel.errors import TieoutError

JSON, PROBLEM = b"application/json", b"application/problem+json"
TITLES = {
    400: "The request cannot be read",
    401: "The key is missing or not known",
    403: "The key may not do this",
    404: "There is no such resource",
    405: "The resource has no such method",
    408: "The body came too slowly",
    409: "The request contradicts an earlier one",
    413: "The request is too large",
    415: "The content type is not known here",
    422: "The request cannot be processed",
    429: "Too much is waiting",
    431: "The headers are too large",
    500: "An error of the server",
    503: "The server cannot do this now",
}

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, body and headers; the body's length is among them when it is sent."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def start(self) -> dict[str, object]:
        """The ASGI message that starts the answer."""
        sent: Headers = [
            (b"content-type", self.content_type),
            (b"content-length", str(len(self.body)).encode()),
            *self.headers,
        ]
        return {"type": "http.response.start", "status": self.status, "headers": sent}

    def closing(self) -> bytes:
        """The whole answer as HTTP/1.1, on a connection that ends with it."""
        lines = [f"HTTP/1.1 {self.status} Refused".encode(), b"content-type: " + self.content_type]
        lines += [name + b": " + value for name, value in self.headers]
        lines += [f"content-length: {len(self.body)}".encode(), b"connection: close", b"", self.body]
        return b"\r\n".join(lines)


class Problem(Exception):
    """A request that is refused, or failed: status, stable code, and a sentence for a person.

    `key_id`: whose request it was, where the refusal itself knows.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        *,
        key_id: str | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.key_id = key_id

    def answer(self) -> HttpAnswer:
        """`application/problem+json`, with `code` beside the members of the RFC."""
        told = {
            "type": f"urn:tieout:problem:{self.code}",
            "title": TITLES.get(self.status, "The request was refused"),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        headers = tuple((name.lower().encode(), value.encode()) for name, value in self.headers.items())
        return HttpAnswer(self.status, msgspec.json.encode(told), PROBLEM, headers)


STATUS_BY_EXIT_CODE = {2: 422, 3: 404, 4: 409, 5: 503}


def refusal(error: TieoutError) -> Problem:
    """What a flow refuses, by the exit code it would have: what a command says, the interface says."""
    return Problem(STATUS_BY_EXIT_CODE.get(error.exit_code, 500), error.code, str(error))


def busy(code: str, detail: str) -> Problem:
    return Problem(429, code, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def unavailable(code: str, detail: str) -> Problem:
    return Problem(503, code, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def failure() -> Problem:
    """What nobody foresaw: a line for the operator, and nothing of it for the client."""
    return Problem(500, "internal-error", "The server failed; its log says how.")
