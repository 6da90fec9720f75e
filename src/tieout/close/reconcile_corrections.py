"""A corrected period must tie: what was settled for it and what the correction adds are what it comes to as
known now, worked out here in plain whole numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tieout.close.breaks import Break, BreakClass
from tieout.close.reconcile_amounts import rounded
from tieout.correction.settled import SettledLine
from tieout.invoice.billable import Billable
from tieout.kernel.ids import LineId
from tieout.kernel.instant import Instant
from tieout.kernel.money import currency
from tieout.rate.charge import Charge, group_text

TIE_KNOWN_NOW = "settled + corrections = the period as known now"
ACTION = "preview the correction again; if it stays, report both amounts"

_What = tuple[str, str, Instant, str | None]


def correction_breaks(
    charges: Sequence[Charge], settled: Sequence[SettledLine], billables: Sequence[Billable]
) -> list[Break]:
    """`charges` are all of the period as known now, those of zero included; `billables` what is to be billed
    of them."""
    asked: Counter[_What] = Counter()
    for charge in charges:
        price = charge.price
        exponent = currency(price.currency).exponent
        asked[_what(charge)] += rounded(charge.amount * 10**exponent, price.rounding)
    found: Counter[_What] = Counter()
    for line in settled:
        scope = line.scope
        found[scope.subscription, scope.price, scope.segment_start, scope.group or None] += line.amount.minor
    taken: Counter[LineId] = Counter()
    for billable in billables:
        price = billable.charge.price
        exponent = currency(price.currency).exponent
        whole = rounded(billable.charge.amount * 10**exponent, price.rounding)
        found[_what(billable.charge)] += whole - sum(each.amount.minor for each in billable.earlier)
        taken.update(each.line for each in billable.earlier)
    for coupons in {id(each.coupons): each.coupons for each in billables}.values():
        beside = () if coupons is None else coupons.beside
        taken.update(each.line for line in beside for each in line.earlier)
    breaks = [
        Break(
            TIE_KNOWN_NOW,
            f"{what}: {asked[what]} minor units",
            f"{what}: {found[what]}",
            ACTION,
            kind=BreakClass.RERATING_DRIFT,
            size=f"{found[what] - asked[what]} minor units",
        )
        for what in sorted(asked.keys() | found.keys(), key=str)
        if asked[what] != found[what]
    ]
    twice = sorted(line for line, count in taken.items() if count > 1)
    if twice:
        said, kind, size = f"twice: {', '.join(twice)}", BreakClass.DUPLICATE, f"{len(twice)} lines"
        breaks.append(Break(TIE_KNOWN_NOW, "each line taken off once", said, ACTION, kind=kind, size=size))
    forgotten = sorted({line.line.line for line in settled} - taken.keys())
    if forgotten and any(each.coupons is not None for each in billables):
        said, kind, size = f"not: {', '.join(forgotten)}", BreakClass.MISSING, f"{len(forgotten)} lines"
        breaks.append(Break(TIE_KNOWN_NOW, "each line under its coupons", said, ACTION, kind=kind, size=size))
    return breaks


def _what(charge: Charge) -> _What:
    return charge.subscription, charge.price.key, charge.segment.start, group_text(charge.group)
