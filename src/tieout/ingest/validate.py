"""One member of an event against one field of its contract: the type, then the constraints.

A value may come as JSON or as the text of a cell; a text that writes a number or a boolean means what the
JSON one means, so that the same fact has the same content whatever file it came in.
Which characters a text may hold was checked when it was read (`strict_json.check_text`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tieout.contract.event_contract import EventContract, Field, FieldType, Use
from tieout.ingest.event import Value
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Flaw
from tieout.kernel.canonical import JsonNumber, JsonValue
from tieout.kernel.errors import shown
from tieout.kernel.ids import Subject
from tieout.kernel.instant import (
    Instant,
    MalformedInstant,
    parse_instant,
)
from tieout.kernel.limits import ID_LENGTH_MAX, STRING_LENGTH_MAX, SUBJECT_LENGTH_MAX
from tieout.kernel.quantity import ATOMS_PER_UNIT, MalformedQuantity, Quantity

VISIBLE_ASCII = re.compile(r"[!-~]+\Z")

NUMBER_REASONS = {
    "malformed": Reason.NUMBER_MALFORMED,
    "digits": Reason.NUMBER_DIGITS,
    "not an integer": Reason.NOT_AN_INTEGER,
}
TIME_REASONS = {
    "no zone": Reason.TIME_NAIVE,
    "impossible": Reason.TIME_IMPOSSIBLE,
    "malformed": Reason.TIME_MALFORMED,
}


def typed_fields(contract: EventContract, data: Mapping[str, JsonValue]) -> dict[str, Value]:
    """The declared fields that are present; null is absent. Raises `Flaw` for the first that is wrong."""
    fields: dict[str, Value] = {}
    for field in contract.fields:
        value = data.get(field.name)
        if value is not None:
            fields[field.name] = typed_value(field, value)
        elif field.use is Use.BILLING:
            raise Flaw(Reason.FIELD_MISSING, path_of(field), "required for billing")
    return fields


def typed_value(field: Field, value: JsonValue) -> Value:
    """`value` as the type of `field`, within its constraints. Raises `Flaw`."""
    match field.type:
        case FieldType.INTEGER:
            return bounded(field, Quantity.parse_integer, value).atoms // ATOMS_PER_UNIT
        case FieldType.DECIMAL:
            return bounded(field, Quantity.parse, value)
        case FieldType.STRING:
            return bounded_text(field, value)
        case FieldType.ENUM:
            return listed_text(field, value)
        case FieldType.BOOLEAN:
            return boolean(field, value)
        case FieldType.TIMESTAMP:
            return instant(text_of(field, value), path_of(field))


def bounded(field: Field, parse: Callable[[str], Quantity], value: JsonValue) -> Quantity:
    """A JSON number, or a text that writes one, digit for digit; bounds are inclusive."""
    if not isinstance(value, JsonNumber | str):
        raise Flaw(Reason.FIELD_TYPE, path_of(field), f"a number is wanted, not {kind_of(value)}")
    text = value if isinstance(value, str) else value.text
    try:
        quantity = parse(text)
    except MalformedQuantity as error:
        raise Flaw(NUMBER_REASONS[error.reason], path_of(field), str(error)) from None
    if field.minimum is not None and quantity < field.minimum:
        raise Flaw(Reason.OUT_OF_RANGE, path_of(field), f"{quantity} is less than {field.minimum}")
    if field.maximum is not None and quantity > field.maximum:
        raise Flaw(Reason.OUT_OF_RANGE, path_of(field), f"{quantity} is more than {field.maximum}")
    return quantity


def bounded_text(field: Field, value: JsonValue) -> str:
    """A text of at most the field's length_max and STRING_LENGTH_MAX bytes of UTF-8."""
    text = text_of(field, value)
    bytes_max = STRING_LENGTH_MAX if field.length_max is None else min(field.length_max, STRING_LENGTH_MAX)
    if len(text.encode()) > bytes_max:
        raise Flaw(Reason.TEXT_TOO_LONG, path_of(field), f"more than {bytes_max} bytes")
    return text


def listed_text(field: Field, value: JsonValue) -> str:
    text = text_of(field, value)
    if text not in field.values:
        raise Flaw(Reason.NOT_IN_ENUM, path_of(field), shown(text))
    return text


def boolean(field: Field, value: JsonValue) -> bool:
    """JSON true and false, or the texts `true` and `false`."""
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise Flaw(Reason.FIELD_TYPE, path_of(field), f"true or false is wanted, not {kind_of(value)}")


def instant(text: str, path: str) -> Instant:
    """An RFC 3339 time with its offset; finer digits than microseconds are floored."""
    try:
        return parse_instant(text)
    except MalformedInstant as error:
        raise Flaw(TIME_REASONS[error.reason], path, str(error)) from None


def identifier(value: JsonValue, reason: Reason, path: str, *, length_max: int) -> str:
    """A text of 1 to `length_max` visible ASCII characters: what is compared byte by byte looks as it is."""
    if value is None:
        raise Flaw(reason, path, "missing")
    if not isinstance(value, str):
        raise Flaw(reason, path, f"a text is wanted, not {kind_of(value)}")
    if len(value) > length_max:
        raise Flaw(reason, path, f"{len(value)} characters, {length_max} are allowed")
    if not VISIBLE_ASCII.match(value):
        raise Flaw(reason, path, f"{shown(value)} is empty or has a character that is not visible ASCII")
    return value


def id_of(value: JsonValue) -> str:
    return identifier(value, Reason.ID_MALFORMED, "id", length_max=ID_LENGTH_MAX)


def subject_of(value: JsonValue) -> Subject:
    return Subject(identifier(value, Reason.SUBJECT_MALFORMED, "subject", length_max=SUBJECT_LENGTH_MAX))


def text_of(field: Field, value: JsonValue) -> str:
    if not isinstance(value, str):
        raise Flaw(Reason.FIELD_TYPE, path_of(field), f"a text is wanted, not {kind_of(value)}")
    return value


def path_of(field: Field) -> str:
    return f"data.{field.name}"


def kind_of(value: JsonValue) -> str:
    """What a person calls this JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case JsonNumber():
            return "a number"
        case str():
            return f"the text {shown(value)}"
        case list():
            return "an array"
        case dict():
            return "an object"
