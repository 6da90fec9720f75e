"""What an earlier paper settled for the same thing, and why a sealed period is billed again.

A charge says what is asked of its scope in all; a line asks for what no earlier line has settled. So an
interim invoice, the final one after it and every later correction are one rule, and it is right the tenth
time too (L13).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.ids import InvoiceId, LineId, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.kernel.money import Currency, Money
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.rate.charge import Charge, group_text


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """What a charge is for, whatever version of a price rates it and however often it is rated again: the
    segment by its start, since only its end moves while a period runs. `group` is canonical JSON."""

    subscription: SubscriptionId
    price: PriceKey
    segment_start: Instant
    group: str


def scope_of(charge: Charge) -> Scope:
    return Scope(charge.subscription, charge.price.key, charge.segment.start, group_text(charge.group) or "")


@dataclass(frozen=True, slots=True)
class EarlierLine:
    """A line of a sealed paper that settled part of a scope: `quantity` and `amount` as that line printed
    them."""

    line: LineId
    invoice: InvoiceId
    number: str
    quantity: Quantity
    amount: Money


class Cause(StrEnum):
    """Why a sealed period comes to something else."""

    LATE = "late events"
    RETRACTED = "retractions"
    PRICE = "a corrected price"
    CARRIED = "a correction of an earlier period"
    MAPPED = "subjects given after the seal"
    SHARED = "a coupon's share"
    CREDITED = "a credit that was agreed"
    MISBILLED = "a billing error"


@dataclass(frozen=True, slots=True)
class Correction:
    """`period` is the sealed one. `original` is the line first sealed for the scope; None where nothing was.
    `late_events` and `retracted_events` are how many came after its cutoff. `superseded_price_version` only
    where a price was corrected; `approval` is the digest of the delta report that was approved, None where
    the signed policy approves in advance."""

    period: Period
    original: LineId | None
    causes: tuple[Cause, ...]
    late_events: int
    retracted_events: int
    reason: str
    superseded_price_version: int | None = None
    approval: str | None = None


def earlier_json(earlier: Sequence[EarlierLine]) -> list[JsonValue]:
    """As a document prints it."""
    return [
        {
            "line": each.line,
            "invoice": each.invoice,
            "number": each.number,
            "quantity": str(each.quantity),
            "amount": each.amount.decimal_text,
        }
        for each in earlier
    ]


def earlier_text(earlier: Sequence[EarlierLine]) -> str | None:
    """As it is stored: canonical JSON, money in minor units; None where there is nothing earlier."""
    said: list[JsonValue] = [
        {
            "line": each.line,
            "invoice": each.invoice,
            "number": each.number,
            "quantity": str(each.quantity),
            "minor": JsonNumber(str(each.amount.minor)),
        }
        for each in earlier
    ]
    return canonical_json(said) if said else None


def parse_earlier(text: str | None, currency: Currency) -> tuple[EarlierLine, ...]:
    """Back from the stored text. Raises `ValueError`, `KeyError`, `TypeError` or a refusal where it is not
    one of ours."""
    found = [] if text is None else json.loads(text)
    return tuple(
        EarlierLine(
            LineId(each["line"]),
            InvoiceId(each["invoice"]),
            str(each["number"]),
            Quantity.parse(each["quantity"]),
            Money(int(each["minor"]), currency),
        )
        for each in found
    )


def correction_json(correction: Correction) -> dict[str, JsonValue]:
    superseded = correction.superseded_price_version
    said: dict[str, JsonValue | None] = {
        "period": {
            "start": format_instant(correction.period.start),
            "end": format_instant(correction.period.end),
        },
        "original_line": correction.original,
        "causes": [cause.value for cause in correction.causes],
        "late_events": JsonNumber(str(correction.late_events)),
        "retracted_events": JsonNumber(str(correction.retracted_events)),
        "reason": correction.reason,
        "superseded_price_version": None if superseded is None else JsonNumber(str(superseded)),
        "approval": correction.approval,
    }
    return {name: value for name, value in said.items() if value is not None}


def correction_text(correction: Correction | None) -> str | None:
    """As it is stored: canonical JSON, or None where nothing is corrected."""
    return None if correction is None else canonical_json(correction_json(correction))


def parse_correction(text: str | None) -> Correction | None:
    """Back from the stored text. Raises `ValueError`, `KeyError` or `TypeError` where it is not ours."""
    if text is None:
        return None
    said = json.loads(text)
    original, period = said.get("original_line"), said["period"]
    return Correction(
        period=Period(parse_instant(period["start"]), parse_instant(period["end"])),
        original=None if original is None else LineId(original),
        causes=tuple(Cause(each) for each in said["causes"]),
        late_events=int(said["late_events"]),
        retracted_events=int(said["retracted_events"]),
        reason=str(said["reason"]),
        superseded_price_version=said.get("superseded_price_version"),
        approval=said.get("approval"),
    )
