"""One line of an Apache or nginx access log, common or combined format, as named columns.

Source: https://httpd.apache.org/docs/2.4/mod/mod_log_config.html. `-` is how the format writes "none"; for
the size (%b) it means that no byte was sent, so it is 0 there.
"""

from __future__ import annotations

import re

from tieout.contract.event_contract import ContractBook
from tieout.contract.source import ACCESS_LOG_COLUMNS, SourceMapping
from tieout.ingest.csv_rows import decode_row
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Flaw, Rejected
from tieout.kernel.errors import shown
from tieout.kernel.instant import Instant
from tieout.kernel.limits import ITEM_BYTES_MAX

QUOTED = r'"((?:[^"\\]|\\.)*+)"'
LINE = re.compile(
    rf"(\S++) (\S++) (\S++) \[([^\]]*+)\] {QUOTED} ([0-9]{{3}}) ([0-9]++|-)(?: {QUOTED} {QUOTED})?[ \r]*+\Z"
)
ESCAPED = re.compile(r'\\(["\\])')
NONE = "-"


def decode_line(
    raw: bytes, mapping: SourceMapping, book: ContractBook, *, received_at: Instant
) -> Event | Rejected:
    """The event that a log line writes, or the one reason why it is none, whatever the bytes."""
    try:
        columns = parse_line(raw)
    except Flaw as flaw:
        return flaw.rejected(mapping.key)
    return decode_row(columns, mapping, book, received_at=received_at)


def parse_line(raw: bytes) -> dict[str, str]:
    """The parts of a line by the names of ACCESS_LOG_COLUMNS; "" where the log says "none". Raises `Flaw`.

    `\\"` and `\\\\` are read back; other escapes, such as `\\x16`, stay as the server wrote them.
    """
    if len(raw) > ITEM_BYTES_MAX:
        raise Flaw(Reason.TOO_LARGE, None, f"more than {ITEM_BYTES_MAX} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Flaw(Reason.NOT_UTF8, None, f"byte {error.start}") from None
    match = LINE.match(text)
    if match is None:
        raise Flaw(Reason.ROW_MALFORMED, None, f"not a line of an access log: {shown(text)}")
    client, ident, user, time, request, status, size, referrer, agent = match.groups(default=NONE)
    method, path, protocol = request_parts(unescaped(request))
    size_sent = "0" if size == NONE else size
    values = (client, given(ident), given(user), time, method, path, protocol, status, size_sent)
    return dict(zip(ACCESS_LOG_COLUMNS, (*values, given(referrer), given(agent)), strict=True))


def request_parts(request: str) -> tuple[str, str, str]:
    """Method, path and protocol. HTTP/0.9 has no protocol; what is no request line is kept as the path."""
    if request == NONE:
        return "", "", ""
    method, _, rest = request.partition(" ")
    path, _, protocol = rest.rpartition(" ")
    if path:
        return method, path, protocol
    return (method, rest, "") if rest else ("", request, "")


def unescaped(text: str) -> str:
    return ESCAPED.sub(r"\1", text) if "\\" in text else text


def given(text: str) -> str:
    return "" if text == NONE else unescaped(text)
