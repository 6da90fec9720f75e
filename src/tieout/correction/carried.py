"""Balances that a correction moves: what a period moves as known now, less what it is recorded to have moved.

So a commitment's balance is, after every correction, what it would be had nothing been late; and later
periods, worked out again in order, start from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tieout.balance.commitment import COMMITMENT
from tieout.balance.movement import Movement, MovementKind
from tieout.kernel.canonical import canonical_json
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.kernel.money import Currency, Money
from tieout.kernel.period import Period

CORRECTED = "corrected/"
Moves = Mapping[tuple[str, MovementKind], int]
"""Minor units by account and kind."""


class MalformedCorrection(IntegrityViolation):
    """A movement of a correction that does not say which period it corrects."""

    code = "malformed-correction"

    def __init__(self, movement: Movement, why: str) -> None:
        super().__init__(f"The details of movement {movement.id} cannot be read: {why}.")


def corrected_period(movement: Movement) -> Period | None:
    """The period that a movement corrects; None for what a period moved when it was sealed."""
    if not movement.id.startswith(CORRECTED):
        return None
    try:
        start, end = json.loads(movement.details)["corrects"]
        return Period(parse_instant(start), parse_instant(end))
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedCorrection(movement, f"{type(error).__name__}: {error}") from error


def recorded_moves(movements: Iterable[Movement], invoices: Iterable[InvoiceId], period: Period) -> Moves:
    """What the period's own papers and its corrections moved on accounts of commitments."""
    own = set(invoices)
    found: dict[tuple[str, MovementKind], int] = {}
    for each in movements:
        if not each.account.startswith(COMMITMENT):
            continue
        corrects = corrected_period(each)
        if corrects == period or (corrects is None and each.invoice in own):
            key = each.account, each.kind
            found[key] = found.get(key, 0) + each.amount.minor
    return found


def moved_differently(
    asked: Moves,
    recorded: Moves,
    *,
    period: Period,
    customer: CustomerId,
    currency: Currency,
    invoice: InvoiceId,
    at: Instant,
) -> list[Movement]:
    """The movements that make what is recorded what is asked; none where it is. `invoice` carries them, and
    `at` is when its own movements count."""
    details = canonical_json({"corrects": [format_instant(period.start), format_instant(period.end)]})
    found = []
    for account, kind in sorted(asked.keys() | recorded.keys()):
        minor = asked.get((account, kind), 0) - recorded.get((account, kind), 0)
        if minor:
            found.append(
                Movement(
                    id=f"{CORRECTED}{kind.value}/{invoice}/{period.start}/{account}",
                    customer=customer,
                    account=account,
                    kind=kind,
                    amount=Money(minor, currency),
                    effective_at=at,
                    reason=f"{kind.value} as known now, for the period from {format_instant(period.start)}",
                    invoice=invoice,
                    details=details,
                )
            )
    return found


def sealed_with(movement: Movement, invoice: InvoiceId, *, at: Instant) -> Movement:
    """The same movement on the paper that carries it."""
    return replace(
        movement,
        id=movement.id.replace(f"/{movement.invoice}/", f"/{invoice}/", 1),
        invoice=invoice,
        effective_at=at,
    )


def before_period(
    movements: Sequence[Movement], papers: Mapping[InvoiceId, Period], period: Period
) -> tuple[Movement, ...]:
    """The movements that a period starts from: of papers of earlier periods, with the corrections of those,
    and what nobody's paper moved before the period was over. `papers` tells the period of each paper."""
    found = []
    for each in movements:
        of = corrected_period(each) or (None if each.invoice is None else papers.get(each.invoice))
        if of is None:
            earlier = each.effective_at < period.end
        else:
            earlier = of.end <= period.start or (of.end, of.start) < (period.end, period.start)
        if earlier:
            found.append(each)
    return tuple(found)
