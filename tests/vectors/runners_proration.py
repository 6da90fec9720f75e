"""Vectors about parts of a period: what a fee costs that starts, ends or changes inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.stepped_periods import periods_between
from tests.vectors.account import Account, account
from tests.vectors.runners_periods import anchor_day, day_start, subscribed
from tests.vectors.runners_time import cadence_text
from tieout.kernel.instant import DAY_MICROSECONDS, Instant, format_instant, parse_instant
from tieout.kernel.money import Money, currency
from tieout.kernel.period import EmptyPeriod, Period
from tieout.kernel.rational import Exact, exact
from tieout.kernel.rounding import Rounding, quantize

Facts = Mapping[str, Any]

USD = currency("USD")


def same_decimal(amount: Exact, text: str) -> bool:
    """Whether an exact amount is the decimal that the peer states, at its number of places."""
    places = len(text.partition(".")[2])
    return quantize(amount, places, Rounding.HALF_AWAY_FROM_ZERO).as_fraction() == exact(text)


def fee_of(held: Account, period: Period) -> Exact:
    """What the charges of a period add up to, exact."""
    return sum((charge.amount for charge in held.charges(period)), Exact(0))


def cycles(given: Facts, expected: Facts) -> None:
    """Billing cycles that have begun by a day, each a fee of 1; the parts of nine decimals are added up."""
    start, end = date.fromisoformat(given["start"]), given["end"]
    cadence = cadence_text(given["period"])
    held = subscribed(
        cadence=cadence,
        start=day_start(given["start"]),
        end=None if end is None else day_start(end),
        anchor=anchor_day(cadence, start, given["bill_cycle_day"]),
    )
    begun = periods_between(held.anchor, day_start(given["start"]), Instant(day_start(given["target"]) + 1))
    parts = [quantize(fee_of(held, period), 9, Rounding.HALF_AWAY_FROM_ZERO) for period in begun]
    assert sum((part.as_fraction() for part in parts), Fraction(0)) == exact(expected["cycles"])


def factor(given: Facts, expected: Facts) -> None:
    """A part of the period that begins with it, or that ends with it."""
    start, end = day_start(given["from"]), day_start(given["to"])
    anchor = date.fromisoformat(given["from"] if given["side"] == "after" else given["to"])
    held = subscribed(cadence=cadence_text(given["period"]), start=start, end=end, anchor=anchor)
    assert same_decimal(fee_of(held, held.period_at(start)), expected["factor"])


def share_of_period(given: Facts, expected: Facts) -> None:
    """The part of a period for which a subscription lasts; None is the whole fee or no period at all."""
    (start, end), (first, last) = given["partial"], given["full"]
    try:
        period = Period(day_start(first), day_start(last))
    except EmptyPeriod:
        assert expected["factor"] is None
        return
    if start == end:
        assert expected["factor"] == "0"
        held = subscribed(cadence="monthly", start=Instant(period.end), anchor=date.fromisoformat(first))
        assert fee_of(held, period) == 0
        return
    held = subscribed(
        cadence="monthly", start=day_start(start), end=day_start(end), anchor=date.fromisoformat(first)
    )
    assert held.period_at(period.start) == period
    assert fee_of(held, period) == 1 and expected["factor"] is None


def subscription_fee(given: Facts, expected: Facts) -> None:
    """A fee for the days of a calendar period on which a subscription lasts and is not on trial."""
    started = date.fromisoformat(given.get("started", "2022-01-01"))
    end = given.get("replaced")
    if "ended" in given:
        end = (date.fromisoformat(given["ended"]) + timedelta(days=1)).isoformat()
    start = day_start(started.isoformat())
    held = with_fee(
        cents(given["amount_cents"]),
        cadence=given["interval"],
        phases=trial_and_rest(start, given.get("trial_days", 0), None if end is None else day_start(end)),
    )
    period = held.period_at(start if end is None else Instant(day_start(end) - DAY_MICROSECONDS))
    *on_trial, charge = held.charges(period)
    assert [each.amount for each in on_trial] == [0] * ("trial_days" in given)
    part, whole = charge.segment, charge.period
    assert (part.end - part.start, whole.end - whole.start) == (
        given["billed_days"] * DAY_MICROSECONDS,
        given["full_days"] * DAY_MICROSECONDS,
    )
    assert same_decimal(charge.amount * 100, expected["precise_cents"])
    assert str(held.invoice(period).total.minor) == expected["amount_cents"]


def trial_and_rest(start: Instant, trial_days: int, end: Instant | None) -> list[Mapping[str, Any]]:
    over = Instant(start + trial_days * DAY_MICROSECONDS)
    trial = [phase(start, over, trial=True)] if trial_days else []
    return [*trial, phase(over, end)]


def phase(start: Instant, end: Instant | None, plan: str = "k", **more: Any) -> dict[str, Any]:
    until = None if end is None else format_instant(end)
    return {"plan": plan, "from": format_instant(start), "until": until, **more}


def cents(text: str) -> str:
    """An amount in cents as one in dollars."""
    return Money(int(text), USD).decimal_text


def fee(key: str, amount: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "shape": "flat", "meter": None, "amount": amount, **more}


def with_fee(amount: str, *, phases: Sequence[Mapping[str, Any]], **more: Any) -> Account:
    return account(fee("k", amount), phases=phases, **more)


def changed(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    period: Period,
    at: Instant,
    counts: tuple[str, str] = ("1", "1"),
) -> tuple[Money, Money]:
    """(credit, charge) of a change from one fee to another at an instant of a period that was billed in
    advance: the lines of the period's invoice for what was not used of the old one, and for the rest of the
    period under the new one. `counts`: how many of each.
    """
    plans = {"old": {"prices": ["old"]}, "new": {"prices": ["new"]}}
    earlier = Period(Instant(2 * period.start - period.end), period.start)
    many_old, many_new = {"old": counts[0]}, {"new": counts[1]}

    def subscribed_to(*phases: Mapping[str, Any]) -> Account:
        return account(
            {**old, "key": "old", "timing": "advance"},
            {**new, "key": "new", "timing": "advance"},
            plans=plans,
            phases=phases,
            customer={"anchor": format_instant(period.start)[:10]},
            cadence=f"every {(period.end - period.start) // DAY_MICROSECONDS} days",
        )

    first = subscribed_to(phase(earlier.start, None, "old", quantities=many_old))
    _, billed = first.invoice_ahead(earlier)
    changing = subscribed_to(
        phase(earlier.start, at, "old", quantities=many_old), phase(at, None, "new", quantities=many_new)
    )
    assert changing.period_at(period.start) == period
    invoice, _ = changing.invoice_ahead(period, billed)
    lines = [line for line in invoice.lines if line.charge.segment.start < period.end]
    amounts = {"old": Money(0, USD), "new": Money(0, USD)}
    for line in lines:
        amounts[line.charge.price.key] += line.amount
    return -amounts["old"], amounts["new"]


def change_in_cycle(given: Facts, expected: Facts) -> None:
    start, at = parse_instant(given["cycle_start"]), parse_instant(given["change_at"])
    period = Period(start, Instant(start + given["cycle_days"] * DAY_MICROSECONDS))
    assert period.end - at == given["remaining_days"] * DAY_MICROSECONDS
    old, new = (fee("k", cents(given[f"{side}_cents"])) for side in ("old", "new"))
    credit, charge = changed(old, new, period=period, at=at)
    if given["old_interval"] != given["new_interval"]:
        # Another cadence is another subscription, which starts with a period of its own.
        cadence = {"month": "monthly", "year": "yearly"}[given["new_interval"]]
        anchor = {"anchor": given["change_at"][:10]}
        held = with_fee(new["amount"], phases=[phase(at, None)], cadence=cadence, customer=anchor)
        charge = held.invoice(held.period_at(at)).total
    assert str(credit.minor) == expected["credit_cents"]
    assert str(charge.minor) == expected["charge_cents"]


def change_with_discounts(given: Facts, expected: Facts) -> None:
    """Half of a cycle of 30 days is left; discounts come off before the share is taken."""
    left, of = map(int, given["fraction"].split("/"))
    start = day_start("2026-01-01")
    period = Period(start, Instant(start + of * DAY_MICROSECONDS))
    at = Instant(period.end - left * DAY_MICROSECONDS)
    sides = []
    for side in ("old", "new"):
        off = given[f"{side}_discount"]
        found = None
        if off is not None:
            amount = cents(off["fixed_cents"]) if "fixed_cents" in off else None
            found = [{"name": "Discount", "percent": off.get("percent"), "amount": amount}]
        sides.append(fee("k", cents(given[f"{side}_cents"]), discount=found))
    credit, charge = changed(*sides, period=period, at=at)
    assert str(credit.minor) == expected["credit_cents"]
    assert str(charge.minor) == expected["charge_cents"]


def change_by_day(given: Facts, expected: Facts) -> None:
    period = Period(*map(day_start, given["period"]))
    old, new = (fee("k", cents(given[f"{side}_cents"])) for side in ("old", "new"))
    credit, charge = changed(old, new, period=period, at=day_start(given["change_at"]))
    if "lines" in expected:
        assert (credit.minor, charge.minor, expected["lines"]) == (0, 0, 0)
        return
    assert str(-credit.minor) == expected["credit_cents"]
    assert str(charge.minor) == expected["charge_cents"]
    assert str((charge - credit).minor) == expected["net_cents"]


def change_by_share(given: Facts, expected: Facts) -> None:
    """A change with a share of the period left: as many days as the denominator says."""
    left = Fraction(given["fraction_remaining"])
    start = day_start("2026-01-01")
    period = Period(start, Instant(start + left.denominator * DAY_MICROSECONDS))
    at = Instant(period.end - left.numerator * DAY_MICROSECONDS)
    credit, charge = changed(fee("k", given["old"]), fee("k", given["new"]), period=period, at=at)
    found = {"credit": -credit, "charge": charge, "net": charge - credit}
    assert found == {name: Money(int(text) * 100, USD) for name, text in expected.items()}


def change_of_items(given: Facts, expected: Facts) -> None:
    """Items at a unit price, before and after; the period's last day counts."""
    end = Instant(parse_instant(given["period_end"]) + DAY_MICROSECONDS)
    period = Period(parse_instant(given["period_start"]), end)

    sides = ("old", "new")
    old, new = (fee("k", given.get(f"{side}_unit_price", "0")) for side in sides)
    before, after = (given.get(f"{side}_quantity", "0") for side in sides)
    at = parse_instant(given["change_at"])
    credit, charge = changed(old, new, period=period, at=at, counts=(before, after))
    assert (charge - credit).decimal_text == expected["net"]
    if "credits" in expected:
        assert [money.decimal_text for money in (-credit,) if money.minor] == expected["credits"]
        assert [money.decimal_text for money in (charge,) if money.minor] == expected["charges"]


def seats_changed(given: Facts, expected: Facts) -> None:
    """More seats from a day on, and another price of a seat from the next period on."""
    start, at = parse_instant(given["cycle_start"]), parse_instant(given["change_at"])
    now, later = cents(given["current_seat_cents"]), cents(given["next_seat_cents"])
    cycle = Period(start, parse_instant("2025-07-01T00:00:00Z"))
    from_then = {"version": 2, "effective_from": format_instant(cycle.end)}

    def billed(*phases: Mapping[str, Any]) -> tuple[Money, Money]:
        held = account(fee("k", now), fee("k", later, **from_then), phases=phases)
        assert held.period_at(start) == cycle
        return held.invoice(cycle).total, held.invoice(held.period_at(cycle.end)).total

    before, after = ({"k": str(given[f"{side}_seats"])} for side in ("old", "new"))
    old, _ = billed(phase(start, None, quantities=before))
    new, following = billed(phase(start, at, quantities=before), phase(at, None, quantities=after))
    assert (str((new - old).minor), expected["direction"]) == (expected["proration_cents"], "debit")
    assert str(following.minor) == expected["next_cycle_cents"]


def item_added(given: Facts, expected: Facts) -> None:
    start, at = parse_instant(given["period_start"]), parse_instant(given["change_at"])
    held = with_fee(given["amount"], phases=[phase(at, None)])
    period = held.period_at(start)
    assert period.end == parse_instant(given["period_end"])
    assert held.invoice(period).total.decimal_text == expected["charge"]


def usage_at_a_change(given: Facts, expected: Facts) -> None:
    """Usage is rated as it was used: a change of plans alone bills nothing."""
    period, at = Period(*map(day_start, given["period"])), day_start(given["change_at"])
    assert given["item"] == "usage"
    held = account(
        {"shape": "per_unit", "unit_amount": "1"},
        plans={"old": {}, "new": {}},
        phases=[phase(period.start, at, "old"), phase(at, None, "new")],
        customer={"anchor": given["period"][0]},
        cadence="every 30 days",
    )
    assert str(held.invoice(period).total.minor) == expected["net_cents"]


RUNNERS: dict[str, Callable[[Facts, Facts], None]] = {
    "cycles": cycles,
    "factor": factor,
    "share_of_period": share_of_period,
    "subscription_fee": subscription_fee,
    "change_in_cycle": change_in_cycle,
    "change_with_discounts": change_with_discounts,
    "change_by_day": change_by_day,
    "change_by_share": change_by_share,
    "change_of_items": change_of_items,
    "seats_changed": seats_changed,
    "item_added": item_added,
    "usage_at_a_change": usage_at_a_change,
}
