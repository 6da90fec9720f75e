"""Breakdown, groups, conversion and opening states of a snapshot as canonical JSON.

So they are stored, digested and compared. Equal ones give equal texts; what is not there gives none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from tieout.aggregate.breakdown import NO_BREAKDOWN, Breakdown, UsageGroup
from tieout.aggregate.time_weighted import Opening
from tieout.contract.conversion import Conversion
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.instant import format_instant
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact_text


class MalformedBreakdown(IntegrityViolation):
    """A stored breakdown that does not read back."""

    code = "malformed-breakdown"

    def __init__(self, why: str) -> None:
        super().__init__(f"The stored breakdown cannot be read: {why}.")


def breakdown_json(breakdown: Breakdown) -> JsonValue:
    return {
        "dimensions": list(breakdown.dimensions),
        "by_value": breakdown.by_value,
        "amount_field": breakdown.amount_field,
    }


def breakdown_text(breakdown: Breakdown) -> str | None:
    return canonical_json(breakdown_json(breakdown)) if breakdown else None


def parse_breakdown(text: str | None) -> Breakdown:
    """Reads what `breakdown_text` wrote. Raises `MalformedBreakdown`."""
    if text is None:
        return NO_BREAKDOWN
    try:
        members = json.loads(text)
        amount_field = members["amount_field"]
        return Breakdown(
            tuple(str(name) for name in members["dimensions"]),
            bool(members["by_value"]),
            None if amount_field is None else str(amount_field),
        )
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise MalformedBreakdown(f"{type(error).__name__}: {error}") from error


def groups_json(groups: Sequence[UsageGroup]) -> JsonValue:
    return [
        {
            "values": list(group.values),
            "quantity": str(group.quantity),
            "event_count": JsonNumber(str(group.event_count)),
            "value": _text(group.value),
            "amount": _text(group.amount),
            "each_amount": _text(group.each_amount),
        }
        for group in groups
    ]


def groups_text(groups: Sequence[UsageGroup]) -> str | None:
    return canonical_json(groups_json(groups)) if groups else None


def conversion_json(conversion: Conversion) -> JsonValue:
    return {
        "divide_by": exact_text(conversion.divide_by),
        "unit": conversion.unit,
        "places": JsonNumber(str(conversion.places)),
        "rounding": conversion.rounding.value,
    }


def conversion_text(conversion: Conversion | None) -> str | None:
    return None if conversion is None else canonical_json(conversion_json(conversion))


def opening_json(opening: Sequence[Opening]) -> JsonValue:
    return [
        {
            "subject": each.subject,
            "start": format_instant(each.start),
            "level": str(each.level),
            "stated_at": format_instant(each.time),
            "position": str(each.position),
        }
        for each in opening
    ]


def opening_text(opening: Sequence[Opening]) -> str | None:
    return canonical_json(opening_json(opening)) if opening else None


def opening_positions(text: str | None) -> tuple[str, ...]:
    """The positions that a stored opening text names, each once. Raises `MalformedBreakdown`."""
    try:
        named = [] if text is None else [str(each["position"]) for each in json.loads(text)]
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedBreakdown(f"{type(error).__name__}: {error}") from error
    return tuple(dict.fromkeys(named))


def _text(quantity: Quantity | None) -> str | None:
    return None if quantity is None else str(quantity)
