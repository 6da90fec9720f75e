"""Everything a period asks for by its prices: each part measured and rated, whatever was billed before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.independent.calendar_days import day_begins
from tests.independent.documents import Catalog, Document
from tests.independent.instants import Span, local_date, moment, seconds
from tests.independent.log import Event
from tests.independent.parts import Part, parts_of
from tests.independent.rating import Charge, Group, allowance, groups, modified, rate_usage
from tests.independent.shapes import ZERO, number
from tests.independent.usage import Usage, aggregate, measure


def suffix(part: Span, whole: Span, zone: str) -> str:
    """Which part of the calendar's period a line is for, where it is not all of it."""
    if part == whole:
        return ""
    return f" ({_local(part[0], zone)} until {_local(part[1], zone)})"


def _local(at: int, zone: str) -> str:
    """The day, and the time where the day does not begin then."""
    day = local_date(at, zone)
    clock = moment(at).astimezone(ZoneInfo(zone)).strftime(" %H:%M:%S")
    return str(day) + ("" if day_begins(day, zone) == at else clock)


def charges_of(
    catalog: Catalog,
    subscription: Document,
    period: Span,
    whole: Span,
    events: Sequence[Event],
    *,
    zone: str,
    final: bool = True,
) -> list[Charge]:
    """Fees in arrears and usage; fees in advance have rules of their own (`advances`)."""
    found: list[Charge] = []
    used: dict[str, Fraction] = {}
    for part in parts_of(catalog, subscription, period, whole):
        if part.meter is not None:
            rated = list(_metered(catalog, subscription, part, events, used, zone=zone, final=final))
            found += rated
            if not part.waived:
                before = used.get(part.price["key"], ZERO)
                used[part.price["key"]] = before + sum((each.quantity for each in rated), ZERO)
        elif part.price.get("timing", "arrears") == "arrears" and final:
            found.append(fee(subscription, part, whole, zone=zone))
    return found


def fee(subscription: Document, part: Part, whole: Span, *, zone: str) -> Charge:
    """Its share of the calendar's period, by elapsed seconds."""
    share = Fraction(seconds(part.span), seconds(part.period))
    amount = number(part.price, "amount") * Fraction(part.quantity) * share
    amount = modified(part.price, amount, part.span, share, final=True)
    return _charge(
        subscription,
        part,
        (),
        Fraction(part.quantity),
        ZERO if part.waived else amount,
        part.price["description"] + suffix(part.span, whole, zone),
    )


def _metered(
    catalog: Catalog,
    subscription: Document,
    part: Part,
    events: Sequence[Event],
    used: dict[str, Fraction],
    *,
    zone: str,
    final: bool,
) -> Iterator[Charge]:
    meter, price = part.meter, part.price
    assert meter is not None
    share = Fraction(seconds(part.span), seconds(part.period))
    usage = measure(catalog, meter, subscription["customer"], part.span, events)
    goes_on = price.get("tier_split", "restart") == "continue"
    before = used.get(price["key"], ZERO) if goes_on else ZERO
    for group, mine in groups(price, usage):
        own = usage if mine == usage.events else Usage(aggregate(meter, mine), mine)
        rated = rate_usage(price, meter, own, share, before=before, allowed=allowance(price, share))
        amount = modified(price, rated.amount, part.span, share, final=final)
        yield _charge(
            subscription,
            part,
            group,
            rated.quantity,
            ZERO if part.waived else amount,
            price["description"] + _group_words(group) + suffix(part.span, part.period, zone),
            events=mine,
        )


def _group_words(group: Group) -> str:
    named = ", ".join(f"no {name}" if said is None else f"{name} {said}" for name, said in group)
    return f": {named}" if named else ""


def _charge(
    subscription: Document,
    part: Part,
    group: Group,
    quantity: Fraction,
    amount: Fraction,
    words: str,
    *,
    events: tuple[Event, ...] = (),
) -> Charge:
    meter = part.meter
    return Charge(
        subscription=subscription["key"],
        price=part.price,
        group=group,
        part=part.span,
        period=part.period,
        quantity=quantity,
        amount=amount,
        words=words,
        plan=part.plan["key"],
        program=None if part.program is None else part.program["key"],
        meter=None if meter is None else meter["key"],
        unit=None if meter is None else meter.get("conversion", meter)["unit"],
        events=events,
    )
