"""What a correction does to the coupons of its period: each is worked out on all that the period comes to as
known now, less what its papers gave (L13).

A line whose amount stays, and whose share of a coupon does not, becomes a line of zero that bears the
difference: taxes are on what is left of each line, so they follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tieout.correction.adjust import Explain
from tieout.correction.settled import SettledLine
from tieout.invoice.amounts import InvoiceDiscount
from tieout.invoice.billable import Billable
from tieout.invoice.corrected_coupons import PeriodCoupons
from tieout.invoice.discounts import Given, GrantedCoupon, discounts
from tieout.invoice.earlier import Cause, Scope, scope_of
from tieout.invoice.line import Line
from tieout.invoice.taxes import Taxation
from tieout.kernel.ids import InvoiceId, LineId
from tieout.kernel.money import Money, currency, zero
from tieout.kernel.period import Period
from tieout.kernel.rounding import settle
from tieout.rate.charge import Charge
from tieout.rate.withdrawn import withdrawn_charge


@dataclass(frozen=True, slots=True)
class Granted:
    """The coupons of a sealed period, what its papers gave of them, the fees in advance that its final
    invoice asked for and that stay as they are, each with its corrections, and that invoice."""

    coupons: tuple[GrantedCoupon, ...]
    given: Given
    fees: tuple[tuple[SettledLine, ...], ...]
    final: InvoiceId


def with_coupons(
    charges: Sequence[Charge],
    billables: Sequence[Billable],
    settled: Mapping[Scope, Sequence[SettledLine]],
    granted: Granted,
    *,
    period: Period,
    explain: Explain,
    taxation: Taxation,
) -> list[Billable]:
    """The billables with the coupons, and those of lines whose share alone differs, in the order of the
    charges. `charges` are all of the period, those of zero included."""
    if not granted.coupons or not charges:
        return list(billables)
    lines, fees, rows, (places, places_fees) = _worked_out(charges, settled, granted)
    by_line = {**{line.id: places[scope] for scope, line in lines.items()}, **places_fees}
    moved = {line for row in rows for line, share in row.shares if share.minor}
    found = {scope_of(each.charge): each for each in billables}
    for scope, line in lines.items():
        if line.id in moved and scope not in found:
            before = settled.get(scope, ())
            why = replace(
                explain(line.charge, before), causes=(Cause.SHARED,), late_events=0, retracted_events=0
            )
            found[scope] = Billable(line.charge, line.earlier, why, taxation)
    beside = [line for scope, line in lines.items() if scope not in found and line.earlier]
    theirs = PeriodCoupons(
        period=period,
        granted=granted.coupons,
        given=granted.given,
        places=places,
        beside=(*beside, *fees),
        places_beside={line.id: by_line[line.id] for line in (*beside, *fees)},
        in_advance=frozenset(places_fees),
    )
    return [replace(found[scope], coupons=theirs) for scope in lines if scope in found]


def coupon_shares(
    charges: Sequence[Charge], settled: Mapping[Scope, Sequence[SettledLine]], granted: Granted
) -> Mapping[Scope, Money]:
    """What the coupons take off each charge in all, as known now, below zero; of those that they are for."""
    if not granted.coupons or not charges:
        return {}
    lines, _, rows, _ = _worked_out(charges, settled, granted)
    found: dict[LineId, Money] = {}
    for row in rows:
        for line, share in (*row.shares, *row.given):
            found[line] = found.get(line, zero(share.currency)) + share
    return {scope: found[line.id] for scope, line in lines.items() if line.id in found}


def _worked_out(
    charges: Sequence[Charge], settled: Mapping[Scope, Sequence[SettledLine]], granted: Granted
) -> tuple[dict[Scope, Line], list[Line], tuple[InvoiceDiscount, ...], _Places]:
    """Each charge's line and those of fees that stay, the rows of all coupons on them, and their places."""
    lines = {scope_of(charge): _line(charge, settled.get(scope_of(charge), ())) for charge in charges}
    fees = [_fee(each) for each in granted.fees]
    places, places_fees = _places(charges, settled, granted)
    by_line = {**{line.id: places[scope] for scope, line in lines.items()}, **places_fees}
    rows = discounts(
        sorted((*lines.values(), *fees), key=lambda line: by_line[line.id]),
        granted.coupons,
        currency(charges[0].price.currency),
        granted.given,
        beside=places_fees.keys(),
        in_advance=places_fees.keys(),
    )
    return lines, fees, rows, (places, places_fees)


def _line(charge: Charge, before: Sequence[SettledLine]) -> Line:
    """What would be billed of it; named by the line that settled it first."""
    unit = currency(charge.price.currency)
    earlier = tuple(each.line for each in before)
    asked = settle(charge.amount, unit, charge.price.rounding)
    name = earlier[0].line if earlier else LineId(f"new {scope_of(charge)}")
    return Line(name, charge, "", sum((-each.amount for each in earlier), asked), earlier)


def _fee(settled: Sequence[SettledLine]) -> Line:
    """It stays as it was billed and corrected. What people credited of it since is what was left after its
    coupons, and makes no base smaller: else the other lines would pay the coupons of what was given back. A
    correction that came after a credit has taken it up."""
    last = max(place for place, each in enumerate(settled) if not each.is_credit)
    billed, fee = settled[: last + 1], settled[last]
    charge = withdrawn_charge(
        fee.scope.subscription,
        fee.price,
        plan=fee.plan,
        plan_version=fee.plan_version,
        snapshot=None,
        period=fee.period,
        segment=fee.segment,
        unit=fee.unit,
        group=fee.group,
        program=fee.program,
    )
    earlier = tuple(each.line for each in billed)
    return Line(billed[0].line.line, charge, "", zero(fee.amount.currency), earlier)


_Places = tuple[dict[Scope, int], dict[LineId, int]]
"""Of charges, and of fees that stay."""


def _places(
    charges: Sequence[Charge], settled: Mapping[Scope, Sequence[SettledLine]], granted: Granted
) -> _Places:
    """As the final invoice has its lines, then as they come: rounding's last units go by this order."""
    on_final = {
        scope_of(charge): each.line.line
        for charge in charges
        for each in settled.get(scope_of(charge), ())
        if each.line.invoice == granted.final
    }
    names = sorted((*on_final.values(), *(fee[0].line.line for fee in granted.fees)))
    ordinals = {name: place for place, name in enumerate(names)}
    places: dict[Scope, int] = {}
    for charge in charges:
        scope = scope_of(charge)
        places[scope] = ordinals[on_final[scope]] if scope in on_final else len(ordinals) + len(places)
    return places, {fee[0].line.line: ordinals[fee[0].line.line] for fee in granted.fees}
