"""[[source]]: key, version, effective_from, format, event_type, id, subject, time = {column, layout, zone},
[source.fields] NAME = {column or constant, prefix, replace = [{from, to}]}."""

from __future__ import annotations

import re

from tieout.contract.reading.head import Head
from tieout.contract.reading.party import read_zone
from tieout.contract.reading.table import TableReader
from tieout.contract.source import ACCESS_LOG_COLUMNS, FieldSource, SourceFormat, SourceMapping, TimeSource
from tieout.kernel.ids import SourceKey

DIRECTIVE_PATTERN = re.compile(r"%(.?)")
DIRECTIVES = "YmdbHMSfz"
DIRECTIVES_REQUIRED = "YdHMS"
WITHOUT_TYPE = (SourceFormat.NDJSON, SourceFormat.JSON)


def read_source(reader: TableReader, head: Head) -> SourceMapping:
    """Formats whose rows do not name their type (csv, access_log) need `event_type`."""
    file_format = reader.choice("format", SourceFormat)
    event_type = reader.optional_text("event_type")
    if event_type is None and file_format not in WITHOUT_TYPE:
        reader.problem("event_type", f"is missing: rows of {file_format} do not name their type")
    outer = reader.table("fields")
    names = sorted(outer.names) if outer is not None else []
    fields = tuple((name, _field_source(outer, name, file_format)) for name in names if outer is not None)
    return SourceMapping(
        key=SourceKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        format=file_format,
        event_type=event_type,
        id=_field_source(reader, "id", file_format) if reader.has("id") else None,
        subject=_field_source(reader, "subject", file_format),
        time=_time_source(reader, file_format),
        fields=fields,
        digest=head.digest,
    )


def _field_source(outer: TableReader, name: str, file_format: SourceFormat) -> FieldSource:
    if not outer.has(name):
        outer.problem(name, "is missing")
    reader = outer.table(name)
    if reader is None:
        return FieldSource()
    column, constant = reader.optional_text("column"), reader.optional_text("constant")
    if (column is None) == (constant is None):
        reader.problem("", "needs either column or constant")
    found = FieldSource(
        column=column,
        constant=constant,
        prefix=reader.literal("prefix") or "",
        replace=tuple(_replacement(inner) for inner in reader.tables("replace")),
    )
    if constant is not None and (found.prefix or found.replace):
        reader.problem("", "a constant is written as it is; prefix and replace are for columns")
    _check_column(reader, column, file_format)
    reader.finish()
    return found


def _replacement(reader: TableReader) -> tuple[str, str]:
    source, target = reader.literal("from"), reader.literal("to")
    if not source:
        reader.problem("from", "is missing or empty")
    if target is None:
        reader.problem("to", "is missing; write an empty text to remove")
    reader.finish()
    return source or "", target or ""


def _time_source(outer: TableReader, file_format: SourceFormat) -> TimeSource:
    if not outer.has("time"):
        outer.problem("time", "is missing")
    reader = outer.table("time")
    if reader is None:
        return TimeSource(column="")
    found = TimeSource(
        column=reader.text("column"),
        layout=reader.optional_text("layout"),
        zone=read_zone(reader, "zone") if reader.has("zone") else None,
    )
    _check_layout(reader, found)
    _check_column(reader, found.column, file_format)
    reader.finish()
    return found


def _check_layout(reader: TableReader, time: TimeSource) -> None:
    """A layout says exactly one instant: year to second once each, and the offset either in the text or by
    zone."""
    if time.layout is None:
        if time.zone is not None:
            reader.problem("zone", "stands without a layout; RFC 3339 times carry their own offset")
        return
    directives = DIRECTIVE_PATTERN.findall(time.layout)
    for directive in directives:
        if not directive or directive not in DIRECTIVES:
            reader.problem(
                "layout", f"%{directive} is not one of {', '.join('%' + known for known in DIRECTIVES)}"
            )
    for known in DIRECTIVES:
        if directives.count(known) > 1:
            reader.problem("layout", f"%{known} is written more than once")
    for needed in DIRECTIVES_REQUIRED:
        if needed not in directives:
            reader.problem("layout", f"has no %{needed}")
    if ("m" in directives) == ("b" in directives):
        reader.problem("layout", "needs either %m or %b for the month")
    if ("z" in directives) == (time.zone is not None):
        reader.problem("zone", "is needed when the layout has no %z, and only then")


def _check_column(reader: TableReader, column: str | None, file_format: SourceFormat) -> None:
    if column and file_format is SourceFormat.ACCESS_LOG and column not in ACCESS_LOG_COLUMNS:
        reader.problem(
            "column", f"{column!r} is not a part of an access log line ({', '.join(ACCESS_LOG_COLUMNS)})"
        )
