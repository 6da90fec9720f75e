"""What a well-formed line of each event type looks like to the fast decoder.

A shape is a decoder for exactly the CloudEvents envelope and the fields of the type's newest contract. A line
that does not fit is not refused: it goes to `decode_json`, which is the definition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import msgspec

from tieout.contract.event_contract import ContractBook, EventContract, Field, FieldType, Use

JSON_CONTENT_TYPE = "application/json"
NOTHING = msgspec.defstruct("Nothing", [("nothing", int)], tag_field="type", tag="", forbid_unknown_fields=True)
"""Fits no event. With only one structure the decoder would let a line go without its `type`; with two it may not."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One event type as the decoder sees it: `members` pairs each contract field with its attribute on the data."""

    contract: EventContract
    structure: type[msgspec.Struct]
    members: tuple[tuple[Field, str], ...]


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes of a contract book by their structure, and the one decoder that tells them apart by `type`."""

    by_structure: Mapping[type[msgspec.Struct], Shape]
    decoder: msgspec.json.Decoder[msgspec.Struct]

    def decode(self, line: bytes) -> msgspec.Struct | None:
        """The line as its structure, or None where it does not fit one exactly."""
        try:
            return self.decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return None

    def decode_lines(self, lines: bytes, count: int) -> Sequence[msgspec.Struct] | None:
        """The structures of all `count` lines at once, or None where any of them does not fit."""
        try:
            decoded = self.decoder.decode_lines(lines)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return None
        return decoded if len(decoded) == count else None


def shapes_of(book: ContractBook) -> Shapes:
    """Shapes for the newest contract of every type of the book."""
    shapes = [_shape(book.versions(event_type)[-1]) for event_type in book.types]
    structures = [NOTHING, *(shape.structure for shape in shapes)]
    decoder: msgspec.json.Decoder[msgspec.Struct] = msgspec.json.Decoder(reduce(or_, structures))
    return Shapes({shape.structure: shape for shape in shapes}, decoder)


def _shape(contract: EventContract) -> Shape:
    members = tuple((field, f"member_{index}") for index, field in enumerate(contract.fields))
    data = msgspec.defstruct(
        "Data",
        [_member(field, attribute) for field, attribute in members],
        rename={attribute: field.name for field, attribute in members},
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )
    structure = msgspec.defstruct(
        "Envelope",
        [
            ("specversion", str),
            ("id", str),
            ("source", str),
            ("subject", str),
            ("time", str),
            ("data", data),
            ("datacontenttype", str | msgspec.UnsetType, msgspec.UNSET),
        ],
        tag_field="type",
        tag=str(contract.type),
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )
    return Shape(contract, structure, members)


def _member(field: Field, attribute: str) -> tuple[str, object] | tuple[str, object, object]:
    kind = _member_type(field.type)
    if field.use is Use.BILLING:
        return attribute, kind
    return attribute, kind | msgspec.UnsetType, msgspec.UNSET


def _member_type(field_type: FieldType) -> type:
    match field_type:
        case FieldType.INTEGER | FieldType.DECIMAL:
            return msgspec.Raw  # the digits as written: no binary float, no exponent read as a number
        case FieldType.BOOLEAN:
            return bool
        case FieldType.STRING | FieldType.ENUM | FieldType.TIMESTAMP:
            return str
