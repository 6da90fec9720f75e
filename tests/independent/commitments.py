"""What a commitment adds to a period, from the settled usage of its term before and in the period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tests.independent.charges import suffix
from tests.independent.documents import Document, phase_span
from tests.independent.instants import Span, instant, overlap, seconds
from tests.independent.numbers import digits, minor
from tests.independent.rating import Charge
from tests.independent.shapes import number

UPFRONT = "paid upfront"
DRAWN = "drawn down by usage"
TRUE_UP = "true-up"
ABOVE = "usage above it"
LAPSES = "unused part lapses"
ROLLED = "rolled over from the period before"
BEYOND = "beyond the maximum, not charged"


@dataclass(frozen=True)
class Said:
    """A line in minor units; of it `deferred` is for times to come, and `lapsed` is kept without usage."""

    words: str
    amount: int
    deferred: int = 0
    lapsed: int = 0


def commitment_charges(
    subscription: Document,
    charges: Sequence[Charge],
    period: Span,
    whole: Span,
    earlier: Sequence[tuple[Span, Sequence[Charge]]],
    *,
    currency: str,
    zone: str,
) -> list[Charge]:
    """`charges` are the period's own; `earlier` those of each period of the subscription before it."""
    found = []
    for commitment in subscription.get("commitment", []):
        term = _term(subscription, commitment)
        part = overlap(term, period)
        if part is None:
            continue
        before = sum(_used(term, own) for _, own in earlier)
        now = _used(term, charges)
        said = _lines(commitment, term, part, period, whole, earlier, before=before, now=now, unit=currency)
        for each in said:
            found.append(
                Charge(
                    subscription=subscription["key"],
                    price={
                        "key": f"commitment/{commitment['key']}/{each.words}",
                        "currency": currency,
                        "version": subscription.get("version", 1),
                    },
                    group=(),
                    part=part,
                    period=whole,
                    quantity=Fraction(1),
                    amount=Fraction(each.amount, 10 ** digits(currency)),
                    words=f"Commitment {commitment['key']}: {each.words}" + suffix(part, whole, zone),
                    kind="commitment",
                    extra={"deferred": each.deferred, "lapsed": each.lapsed},
                )
            )
    return found


def agreed_and_used(
    subscription: Document,
    commitment: Document,
    charges: Sequence[Charge],
    earlier: Sequence[tuple[Span, Sequence[Charge]]],
    part: Span,
    whole: Span,
    *,
    unit: str,
) -> tuple[int, int, int]:
    """What is committed, what of it is used by now, and since when it is counted."""
    term = _term(subscription, commitment)
    if commitment.get("billing") == "each_period":
        return _share(commitment, part, whole, unit), _used(term, charges), part[0]
    used = sum(_used(term, own) for _, own in earlier) + _used(term, charges)
    return minor(number(commitment, "amount"), unit), used, term[0]


def _term(subscription: Document, commitment: Document) -> Span:
    """It ends with its subscription at the latest."""
    last = max(phase_span(phase)[1] for phase in subscription["phase"])
    return instant(commitment["from"]), min(instant(commitment["until"]), last)


def _used(term: Span, charges: Sequence[Charge]) -> int:
    """Metered lines that lie in the term, as they are settled."""
    return sum(
        charge.settled
        for charge in charges
        if charge.meter is not None and term[0] <= charge.part[0] < term[1]
    )


def _lines(
    commitment: Document,
    term: Span,
    part: Span,
    period: Span,
    whole: Span,
    earlier: Sequence[tuple[Span, Sequence[Charge]]],
    *,
    before: int,
    now: int,
    unit: str,
) -> list[Said]:
    agreed = minor(number(commitment, "amount"), unit)
    ends = part[1] == term[1]
    if commitment["kind"] == "maximum":
        beyond = max(0, before + now - agreed) - max(0, before - agreed)
        return [Said(BEYOND, -beyond)] if beyond else []
    if commitment["billing"] == "each_period":
        return _each_period(commitment, term, part, whole, earlier, now=now, unit=unit)
    drawn = min(agreed, max(0, before + now)) - min(agreed, max(0, before))
    rest = agreed - min(agreed, max(0, before + now))
    found = []
    if commitment["billing"] == "upfront":
        if term[0] >= period[0]:
            found.append(Said(UPFRONT, agreed, deferred=agreed))
        if drawn:
            found.append(Said(DRAWN, -drawn, deferred=-drawn))
        if ends and rest:
            found.append(Said(LAPSES, 0, lapsed=rest))
    elif ends and rest:
        found.append(Said(TRUE_UP, rest))
    above = max(0, before + now - agreed) - max(0, before - agreed)
    return found + _above(commitment, above, unit)


def _above(commitment: Document, above: int, unit: str) -> list[Said]:
    rate = number(commitment, "overage_rate", "1") - 1
    amount = minor(Fraction(above, 10 ** digits(unit)) * rate, unit)
    return [Said(ABOVE, amount)] if amount else []


def _each_period(
    commitment: Document,
    term: Span,
    part: Span,
    whole: Span,
    earlier: Sequence[tuple[Span, Sequence[Charge]]],
    *,
    now: int,
    unit: str,
) -> list[Said]:
    """What rolled over is used first; the rest of this period's own part is due, and may roll over."""
    rolled = 0
    for span, charges in earlier:
        inside = overlap(term, span)
        if inside is not None:
            share = _share(commitment, inside, span, unit)
            own = min(share, max(0, _used(term, charges) - min(rolled, max(0, _used(term, charges)))))
            rolled = _rolls(commitment, share - own, ends=inside[1] == term[1], unit=unit)
    share = _share(commitment, part, whole, unit)
    from_before = min(rolled, max(0, now))
    own = min(share, max(0, now - from_before))
    found = [Said(ROLLED, -from_before, deferred=-from_before)] if from_before else []
    if share - own:
        rolls = _rolls(commitment, share - own, ends=part[1] == term[1], unit=unit)
        found.append(Said(TRUE_UP, share - own, deferred=rolls))
    if rolled - from_before:
        found.append(Said(LAPSES, 0, lapsed=rolled - from_before))
    return found + _above(commitment, max(0, now - from_before - share), unit)


def _share(commitment: Document, part: Span, whole: Span, unit: str) -> int:
    return minor(number(commitment, "amount") * Fraction(seconds(part), seconds(whole)), unit)


def _rolls(commitment: Document, unused: int, *, ends: bool, unit: str) -> int:
    if not commitment.get("rollover", False) or ends:
        return 0
    if "rollover_cap" in commitment:
        return min(unused, minor(number(commitment, "rollover_cap"), unit))
    return unused
