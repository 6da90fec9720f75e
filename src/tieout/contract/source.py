"""How the rows of one sender's files become events: which column, or which constant, feeds each attribute
and field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tieout.kernel.ids import SourceKey
from tieout.kernel.instant import Instant


class SourceFormat(StrEnum):
    """The file formats that rows can be read from."""

    NDJSON = "ndjson"
    JSON = "json"
    CSV = "csv"
    ACCESS_LOG = "access_log"


ACCESS_LOG_COLUMNS = (
    "client", "ident", "user", "time", "method", "path", "protocol", "status", "bytes", "referrer", "agent",
)  # fmt: skip
"""Names of the parts of a combined log line, as https://httpd.apache.org/docs/2.4/logs.html orders them."""


@dataclass(frozen=True, slots=True)
class FieldSource:
    """Either a `column` of the row or a `constant`, never both. Each (from, to) of `replace` is replaced in
    the cell's text, in order; then `prefix` is put before it. An empty cell is an absent value."""

    column: str | None = None
    constant: str | None = None
    prefix: str = ""
    replace: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TimeSource:
    """Without `layout` the cell is RFC 3339. A layout uses %Y %m %d %b %H %M %S %f %z (fractions of 1 to 9
    digits); one without %z needs `zone`, the IANA zone in which the sender wrote local times."""

    column: str
    layout: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """`key` is the CloudEvents source of the rows. `id` None: identity is content and occurrence in the file.
    `event_type` None (JSON formats only): each row names its own type. `fields` are (event field, source),
    by name."""

    key: SourceKey
    version: int
    effective_from: Instant
    format: SourceFormat
    event_type: str | None
    id: FieldSource | None
    subject: FieldSource
    time: TimeSource
    fields: tuple[tuple[str, FieldSource], ...]
    digest: str
