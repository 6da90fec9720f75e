"""[[meter]]: key, version, effective_from, definition, owner, event, aggregation, field, unit, dimensions,
filter, exclude, include_non_production, conversion."""

from __future__ import annotations

from tieout.contract.meter import NON_PRODUCTION, Aggregation, Exclusion, Meter
from tieout.contract.predicate import Condition, Predicate
from tieout.contract.reading.conversion import read_conversion
from tieout.contract.reading.head import Head
from tieout.contract.reading.table import TableReader
from tieout.kernel.ids import EventType, MeterKey


def read_meter(reader: TableReader, head: Head) -> Meter:
    """The default exclusion of non-production events comes first, unless the document includes them."""
    aggregation = reader.choice("aggregation", Aggregation)
    field = reader.optional_text("field")
    if aggregation is Aggregation.COUNT and field is not None:
        reader.problem("field", "means nothing for count, which counts events")
    if aggregation is not Aggregation.COUNT and field is None:
        reader.problem("field", f"is missing: {aggregation} needs the field it is taken over")
    included = reader.boolean("include_non_production", default=False)
    condition = reader.table("filter")
    chosen = _predicate(condition) if condition is not None else ()
    if not included:
        _check_environment_filter(reader, chosen)
    named = tuple(_exclusion(inner) for inner in reader.tables("exclude"))
    return Meter(
        key=MeterKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        definition=reader.text("definition"),
        owner=reader.text("owner"),
        event=EventType(reader.text("event")),
        aggregation=aggregation,
        field=field,
        unit=reader.text("unit"),
        dimensions=reader.texts("dimensions"),
        filter=chosen,
        exclusions=named if included else (NON_PRODUCTION, *named),
        digest=head.digest,
        conversion=read_conversion(reader),
    )


def _predicate(reader: TableReader) -> Predicate:
    """`{field = ["a", "b"]}`: one condition per field, in order of the fields' names."""
    return tuple(Condition(name, reader.texts(name, at_least=1)) for name in sorted(reader.names))


def _exclusion(reader: TableReader) -> Exclusion:
    where = reader.table("where")
    predicate = _predicate(where) if where is not None else ()
    if not predicate:
        reader.problem("where", "is missing or empty: it would exclude every event")
    reason = reader.text("reason")
    reader.finish()
    return Exclusion(reason=reason, where=predicate)


def _check_environment_filter(reader: TableReader, chosen: Predicate) -> None:
    """A filter for other environments beside the default exclusion would count nothing, silently."""
    for condition in chosen:
        if condition.field == "environment" and set(condition.values) - {"production"}:
            reader.problem(
                "filter.environment",
                "asks for non-production events, which are excluded; set include_non_production",
            )
