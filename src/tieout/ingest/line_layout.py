"""How the lines of one sender are laid out: the same keys in the same order, with the same spaces between.

A layout is learned from one line that the definition accepts. Other lines of the layout differ only in their
values, so that they can be taken apart, and checked, as columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tieout.contract.event_contract import EventContract, Field, FieldType, Use
from tieout.contract.retraction import is_built_in

QUOTE: Final = b'"'
DATA: Final = "data"
VARYING: Final = ("source", "id", "subject", "time")
"""Envelope members that every line must have and that differ from line to line."""
CONSTANT: Final = {"specversion": "1.0", "datacontenttype": "application/json"}
"""Envelope members with only one value that a layout takes; `type` is constant too, being the layout's
own.
"""
LITERAL: Final = re.compile(rb"(:[ ]*)([^ ,{}\[\]]+)([ ]*[,}].*)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TextPart:
    """A quoted value of an envelope member, or of a data field where `field` is given."""

    member: str
    field: Field | None


@dataclass(frozen=True, slots=True)
class LiteralPart:
    """A number or boolean of a data field between quotes: the bytes before it, it, and the bytes after it."""

    field: Field
    before: bytes
    after: bytes


Part = bytes | TextPart | LiteralPart


@dataclass(frozen=True, slots=True)
class LineLayout:
    """The pieces of a line between its quotes, in order: constant bytes, or values."""

    contract: EventContract
    parts: tuple[Part, ...]


class _NoLayout(Exception):
    """The line is not one whose like can be taken apart at the quotes."""


def learn_layout(line: bytes, contract: EventContract) -> LineLayout | None:
    """The layout of `line`, or None where it has members, nesting or writing that only the definition reads.

    The caller has the definition's word that `line` is a well-formed event of the contract's type, without
    backslashes. `contract`: the newest of that type.
    """
    if is_built_in(contract.type):
        return None  # they have rules beyond their fields
    pieces = line.split(QUOTE)
    try:
        parts, members = _walk(pieces, contract)
    except _NoLayout:
        return None
    required = [field.name for field in contract.fields if field.use is Use.BILLING]
    if (
        not {*VARYING, "specversion", "type"} <= members
        or not {f"{DATA}.{name}" for name in required} <= members
    ):
        return None
    return LineLayout(contract, tuple(parts))


def _walk(pieces: list[bytes], contract: EventContract) -> tuple[list[Part], set[str]]:
    parts: list[Part] = [pieces[0]]
    members: set[str] = set()
    depth = pieces[0].count(b"{")
    place = 1
    while place < len(pieces) - 1:
        name = f"{DATA}." * (depth - 1) + pieces[place].decode()
        gap = pieces[place + 1]
        if not 1 <= depth <= 2 or name in members or not gap.lstrip(b" ").startswith(b":"):
            raise _NoLayout
        members.add(name)
        parts.append(pieces[place])
        if gap.strip(b" ") == b":" and place + 3 < len(pieces):
            parts += [gap, _text_part(name, pieces[place + 2], contract), pieces[place + 3]]
            gap = pieces[place + 3]
            place += 4
        else:
            parts.append(_gap_part(name, gap, contract))
            place += 2
        depth += gap.count(b"{") - gap.count(b"}")
    if depth != 0:
        raise _NoLayout
    return parts, members


def _text_part(name: str, value: bytes, contract: EventContract) -> Part:
    if name in VARYING:
        return TextPart(name, None)
    if CONSTANT.get(name, contract.type if name == "type" else None) == value.decode():
        return value
    field = _field(name, contract)
    if field is None or field.type is FieldType.BOOLEAN:
        raise _NoLayout
    return TextPart(field.name, field)


def _gap_part(name: str, gap: bytes, contract: EventContract) -> Part:
    """What follows a key that has no text for a value: the opening of `data`, a number or a boolean."""
    if name == DATA and re.fullmatch(rb"[ ]*:[ ]*\{[ ]*", gap):
        return gap
    field = _field(name, contract)
    match = LITERAL.match(gap.lstrip(b" "))
    if field is None or match is None or not (field.type.numeric or field.type is FieldType.BOOLEAN):
        raise _NoLayout
    before = gap[: len(gap) - len(gap.lstrip(b" "))] + match[1]
    return LiteralPart(field, before, match[3])


def _field(name: str, contract: EventContract) -> Field | None:
    prefix, _, field_name = name.rpartition(".")
    return contract.field(field_name) if prefix == DATA else None
