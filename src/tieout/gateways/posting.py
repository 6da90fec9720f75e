"""One POST over HTTP/1.1 to an address that was judged: no redirect is followed, and no byte of the answer is
kept but its status and how long to wait.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final

import h11

from tieout.contract.target_url import TargetUrl
from tieout.gateways.dialling import Deadline, EgressRefused, Resolve, dial, ended_by
from tieout.notice.egress import HTTPS_PORTS, EgressRules

HEAD_BYTES_MAX: Final = 16_384
BODY_BYTES_READ_MAX: Final = 65_536
"""So much of an answer is read and dropped, so that the receiver is not cut off; then the connection ends."""
PIECE_BYTES: Final = 8_192


@dataclass(frozen=True, slots=True)
class HttpStatus:
    """All that an answer may tell us."""

    code: int
    retry_after_seconds: int | None


def post(
    url: TargetUrl,
    body: bytes,
    headers: list[tuple[str, str]],
    *,
    rules: EgressRules,
    deadline: Deadline,
    resolve: Resolve,
) -> HttpStatus:
    """Raises `EgressRefused`, `TimeoutError`, `OSError` (of which `ssl.SSLError`) or `h11.ProtocolError`."""
    if url.scheme != "https" and not rules.allow_private:
        raise EgressRefused("plain http is refused; write https")
    sock = dial(url.host, url.port, usual=HTTPS_PORTS, rules=rules, deadline=deadline, resolve=resolve)
    with ended_by(deadline, sock):
        sock.settimeout(deadline.left())
        if url.scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=url.host)
        try:
            return _exchange(sock, url, body, headers, deadline)
        finally:
            sock.close()


def _exchange(
    sock: ssl.SSLSocket | object,
    url: TargetUrl,
    body: bytes,
    headers: list[tuple[str, str]],
    deadline: Deadline,
) -> HttpStatus:
    wire = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
    sent = [("host", url.authority), ("content-length", str(len(body))), ("connection", "close"), *headers]
    request = h11.Request(method="POST", target=url.path, headers=sent)
    pieces = (wire.send(request), wire.send(h11.Data(body)), wire.send(h11.EndOfMessage()))
    sock.sendall(b"".join(piece for piece in pieces if piece))  # type: ignore[attr-defined]
    status: HttpStatus | None = None
    total = 0
    while total <= BODY_BYTES_READ_MAX:
        event = wire.next_event()
        if event is h11.NEED_DATA:
            sock.settimeout(deadline.left())  # type: ignore[attr-defined]
            piece = _received(sock, has_status=status is not None)
            total += len(piece)
            wire.receive_data(piece)
        elif isinstance(event, h11.Response):
            status = HttpStatus(event.status_code, _retry_after(event))
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            break
    if status is None:
        raise h11.RemoteProtocolError("no answer")
    return status


def _received(sock: object, *, has_status: bool) -> bytes:
    """What came; nothing where the rest of a body that nobody needs fails to come."""
    try:
        piece: bytes = sock.recv(PIECE_BYTES)  # type: ignore[attr-defined]
    except OSError:
        if has_status:
            return b""
        raise
    return piece


def _retry_after(response: h11.Response) -> int | None:
    """Seconds only; a date is not heeded."""
    found = [value for name, value in response.headers if name == b"retry-after"]
    if len(found) != 1 or not found[0].isdigit() or len(found[0]) > 6:
        return None
    return int(found[0])
