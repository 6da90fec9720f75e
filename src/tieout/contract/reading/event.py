"""[[event]]: type, version, effective_from, description, reach_days_max, [event.fields.NAME],
[[event.example]]."""

from __future__ import annotations

import re

from tieout.contract.event_contract import EventContract, Example, Field, FieldType, Use
from tieout.contract.predicate import ENVELOPE_FIELDS
from tieout.contract.reading.head import Head
from tieout.contract.reading.table import TableReader
from tieout.contract.retraction import BUILT_IN_PREFIX, is_built_in
from tieout.kernel.ids import EventType
from tieout.kernel.limits import ENUM_VALUES_MAX, FIELDS_MAX, STRING_LENGTH_MAX

FIELD_NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
REACH_DAYS_MAX = 36_600


def read_event(reader: TableReader, head: Head) -> EventContract:
    """The head's key is the document's `type`."""
    if is_built_in(head.key):
        reader.problem("type", f"types that begin with {BUILT_IN_PREFIX} are built in; choose another name")
    fields = reader.named_tables("fields")
    if len(fields) > FIELDS_MAX:
        reader.problem("fields", f"has {len(fields)} fields; at most {FIELDS_MAX} can be declared")
    return EventContract(
        type=EventType(head.key),
        version=head.version,
        effective_from=head.effective_from,
        description=reader.text("description"),
        reach_days_max=reader.optional_integer("reach_days_max", minimum=1, maximum=REACH_DAYS_MAX),
        fields=tuple(_field(name, inner) for name, inner in fields),
        examples=tuple(_example(inner) for inner in reader.tables("example")),
        digest=head.digest,
    )


def _field(name: str, reader: TableReader) -> Field:
    if FIELD_NAME_PATTERN.match(name) is None:
        reader.problem("", "is not a field name (a-z, then a-z, 0-9 and _, at most 63 characters)")
    if name in ENVELOPE_FIELDS:
        reader.problem("", f"{name} is an attribute of every event; a field needs a name of its own")
    kind = reader.choice("type", FieldType)
    field = Field(
        name=name,
        type=kind,
        use=reader.choice("use", Use),
        minimum=reader.quantity("minimum", integer_allowed=kind is FieldType.INTEGER),
        maximum=reader.quantity("maximum", integer_allowed=kind is FieldType.INTEGER),
        length_max=reader.optional_integer("length_max", minimum=1, maximum=STRING_LENGTH_MAX),
        values=reader.texts("values"),
    )
    _check_constraints(field, reader)
    reader.finish()
    return field


def _check_constraints(field: Field, reader: TableReader) -> None:
    """Each constraint belongs to certain types; elsewhere it would silently do nothing."""
    for bound, value in (("minimum", field.minimum), ("maximum", field.maximum)):
        if value is not None and not field.type.numeric:
            reader.problem(bound, f"means nothing for a field of type {field.type}")
        if value is not None and field.type is FieldType.INTEGER and not value.is_integer():
            reader.problem(bound, f"{value} is not a whole number, but the field is an integer")
    if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:
        reader.problem("minimum", f"{field.minimum} is above the maximum {field.maximum}")
    if field.length_max is not None and field.type is not FieldType.STRING:
        reader.problem("length_max", f"means nothing for a field of type {field.type}")
    if field.type is FieldType.ENUM and not field.values:
        reader.problem("values", "is missing: an enum lists its values")
    if field.type is not FieldType.ENUM and field.values:
        reader.problem("values", f"means nothing for a field of type {field.type}")
    if len(field.values) > ENUM_VALUES_MAX:
        reader.problem("values", f"has {len(field.values)} values; at most {ENUM_VALUES_MAX} can be listed")


def _example(reader: TableReader) -> Example:
    """A valid example has no reason; an invalid one must name the reason for which it is refused."""
    valid = reader.boolean("valid")
    reason = reader.optional_text("reason")
    example = Example(valid=valid, event=reader.block("event"), reason=reason)
    if valid and reason is not None:
        reader.problem("reason", "stands on a valid example")
    if not valid and reason is None and reader.has("valid"):
        reader.problem("reason", "is missing: an invalid example names the reason for which it is refused")
    reader.finish()
    return example
