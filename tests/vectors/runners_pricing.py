"""Vectors about prices: usage as events, a price as a document, to the charge or the invoice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.vectors.account import HEAD, KEY, Account, Used, account, document
from tests.vectors.prices import meter_conversion, price_members
from tieout.close.commitments import commitments_due
from tieout.invoice.invoice import Invoice
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.kernel.money import Money, currency
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact, exact, exact_text
from tieout.kernel.rounding import Rounding, allocate, quantize, settle
from tieout.kernel.working import Step

Facts = Mapping[str, Any]

JANUARY = Period(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-02-01T00:00:00Z"))
USD = currency("USD")
ROUNDINGS = {"up": Rounding.UP, "down": Rounding.DOWN}


def events_of(given: Facts) -> list[Used]:
    """The events, or one with the whole quantity."""
    for name in ("events", "unit_changes"):
        if name in given:
            return [Used(value) for value in given[name]]
    for name in ("quantity", "amount", "precise_amount_cents", "seconds"):
        if name in given:
            return [Used(given[name])]
    raise AssertionError(given)


def priced(price: Facts, *, discounts: Facts | None = None, more: Facts | None = None) -> Account:
    return account({**price_members(price, discounts), **(more or {})})


def exact_total(held: Account, used: Iterable[Used]) -> Exact:
    return sum((charge.amount for charge in held.charges(JANUARY, used)), Exact(0))


def settled(held: Account, quantity: str) -> Money:
    """The invoice's total for a quantity in one event."""
    return held.invoice(JANUARY, [Used(quantity)]).total


def money(text: str, code: str = "USD") -> Money:
    """What a peer states, which must be whole minor units."""
    unit = currency(code)
    amount = exact(text) * 10**unit.exponent
    assert amount.denominator == 1, text
    return Money(amount.numerator, unit)


@dataclass(frozen=True)
class Bill:
    """The total of an invoice, and its parts: usage, what discounts and a maximum take off, what a minimum
    adds. Each is settled alone.
    """

    total: Money
    amount: Money
    discounts: Money
    charges: Money

    def less(self, earlier: Bill) -> Bill:
        """What an invoice bills where another of the same period came before it."""
        return Bill(
            self.total - earlier.total,
            self.amount - earlier.amount,
            self.discounts - earlier.discounts,
            self.charges - earlier.charges,
        )


NOTHING = Bill(*[Money(0, USD)] * 4)
OFF, ON = ("discount", "maximum"), ("minimum",)


def bill(held: Account, used: Sequence[Used], period: Period = JANUARY) -> Bill:
    invoice = held.invoice(period, used)
    steps = [step for line in invoice.lines for step in line.charge.steps]

    def part(wanted: Callable[[str], bool]) -> Money:
        amount = sum((step.amount for step in steps if wanted(step.rule)), Exact(0))
        return settle(amount, USD, Rounding.HALF_AWAY_FROM_ZERO)

    return Bill(
        invoice.total,
        part(lambda rule: rule not in OFF + ON),
        -part(lambda rule: rule in OFF),
        part(lambda rule: rule in ON),
    )


def stated(facts: Facts) -> Bill:
    """A peer's totals; what it leaves out is nothing."""
    return Bill(*(money(facts.get(name, "0")) for name in ("total", "amount", "discounts", "charges")))


def stated_lines(expected: Facts) -> Bill:
    lines = [stated(line) for line in expected["lines"]]
    assert len(lines) == expected["line_count"]
    total = NOTHING
    for line in lines:
        total = total.less(NOTHING.less(line))
    assert total.total == money(expected["total"])
    return total


def usage_steps(held: Account, used: Sequence[Used]) -> list[Step]:
    """The steps of the charge that cost something, those of modifiers left out."""
    steps = [step for charge in held.charges(JANUARY, used) for step in charge.steps]
    return [step for step in steps if step.amount != 0 and step.rule not in OFF + ON]


def rated(given: Facts, expected: Facts) -> None:
    """What the charge comes to, exact; where the peer tells them, tier by tier."""
    assert not given.get("prochargeschanges")
    more = {"amount_in": "minor"} if "precise_amount_cents" in given else None
    held, used = priced(given["price"], discounts=given.get("discounts"), more=more), events_of(given)
    assert exact_total(held, used) == exact(expected["total"])
    if "tier_amounts" in expected:
        found = [step.amount for step in usage_steps(held, used)]
        assert found == [exact(text) for text in expected["tier_amounts"]]


def billed(given: Facts, expected: Facts) -> None:
    """What the invoice comes to, settled."""
    held = priced(given["price"], discounts=given.get("discounts"))
    total = held.invoice(JANUARY, events_of(given)).total
    if "total_cents" in expected:
        assert str(total.minor) == expected["total_cents"]
    else:
        assert total == money(expected["total"])


def billed_in_lines(given: Facts, expected: Facts) -> None:
    """The invoice and its parts; a line of the peer is a step of our one line. Where a step has no rate, it
    is one of its amount.
    """
    held = account(
        price_members(given["price"], given.get("discounts")),
        meter={"conversion": meter_conversion(given.get("unit_conversion"))},
    )
    used = events_of(given)
    assert bill(held, used) == stated_lines(expected)
    if given["price"]["type"] == "dynamic":
        return  # the peer shows one unit of the amount, rounded
    steps = usage_steps(held, used)
    found = [(exact(step.rate or exact_text(step.amount)), exact(step.quantity or "1")) for step in steps]
    usage = [line for line in expected["lines"] if line.get("kind") != "commitment"]
    assert found == [(exact(line["unit_amount"]), exact(line["quantity"])) for line in usage]


def converted_part(given: Facts, expected: Facts) -> None:
    """A period that is split: each part is converted, and rounded up, alone."""
    middle = "2026-01-15T00:00:00Z"
    price = price_members(given["price"])
    held = account(
        price,
        {**price, "version": 2, "effective_from": middle, "description": "Usage from here"},
        meter={"conversion": meter_conversion(given["unit_conversion"])},
    )
    used = [Used(given["prior_quantity_in_period"]), Used(given["quantity"], parse_instant(middle))]
    _, charge = held.charges(JANUARY, used)
    (line,) = expected["lines"]
    (step,) = [step for step in charge.steps if step.amount]
    assert (step.rate, step.quantity, step.amount) == (
        line["unit_amount"],
        line["quantity"],
        exact(line["amount"]),
    )
    assert money(expected["total"]) == held.invoice(JANUARY, used).lines[1].amount
    assert stated_lines(expected).total == money(expected["total"])


def without_minimum(price: Facts) -> Facts:
    """Before a period ends, its minimum is not due yet."""
    return {name: value for name, value in price.items() if name != "minimum_spend"}


def later_line(given: Facts, expected: Facts) -> None:
    """A later invoice of the same period: what the usage so far comes to, less what was billed before."""
    price, discounts = given["price"], given.get("discounts")
    before = exact(given["prior_quantity_in_period"])
    after = before + exact(given["quantity"])
    due = price if given["line_mode"] != "split_mid" else without_minimum(price)
    now = bill(priced(due, discounts=discounts), [Used(exact_text(after))])
    earlier = bill(priced(without_minimum(price), discounts=discounts), [Used(exact_text(before))])
    if "previously_billed" in given:
        assert earlier.total == money(given["previously_billed"])
    assert now.less(earlier) == stated_lines(expected)


def deltas(given: Facts, expected: Facts) -> None:
    """Successive invoices of one period: each bills what the usage as now known comes to, less what was
    billed. The minimum is due with the last.
    """
    found, earlier = [], NOTHING
    for snapshot in given["snapshots"]:
        price = given["price"] if snapshot["run_reaches_period_end"] else without_minimum(given["price"])
        now = bill(priced(price), [Used(snapshot["cumulative_quantity"])])
        found.append(now.less(earlier))
        earlier = now
    assert found == [stated(run) for run in expected["delta_per_run"]]
    assert earlier.total == money(expected["sum"])


def late(given: Facts, expected: Facts) -> None:
    """The same where events of earlier parts arrive late: they are dated in their part, and the period's end
    is that of its month.
    """
    starts = {name: parse_instant(bounds[0]) for name, bounds in given["periods"].items()}
    found, earlier = [], NOTHING
    for run in given["runs"]:
        ends = [exact(text) for text in run["cumulative_usage_at_each_period_end_as_now_known"]]
        events = [
            Used(exact_text(end - before), at)
            for end, before, at in zip(ends, [Exact(0), *ends], starts.values(), strict=False)
        ]
        over = given["periods"][run["period"]][1] == "2025-02-01T00:00:00Z"
        price = given["price"] if over else without_minimum(given["price"])
        held = account(
            price_members(price, given.get("discounts")),
            customer={"anchor": "2025-01-01"},
            cadence="quarterly",
        )
        now = bill(held, events, held.period_at(starts["period1"]))
        found.append(now.less(earlier))
        earlier = now
    assert found == [stated(run["totals"]) for run in expected["runs"]]


def added(given: Facts, expected: Facts) -> None:
    """What one more event adds."""
    held = priced(given["price"])
    after = exact(given["cumulative_amount"])
    before = after - exact(given["amount"])
    assert settled(held, exact_text(after)) - settled(held, exact_text(before)) == money(expected["added"])


def bucketed(given: Facts, expected: Facts) -> None:
    """Each bucket of time is an event, and rated alone."""
    held = priced(given["price"], more={"rate_by": "event"})
    used = [Used(quantity) for quantity in given["bucket_quantities"]]
    assert exact_total(held, used) == exact(expected["total"])


def per_unit_lines(amounts: Sequence[str], code: str) -> Invoice:
    """A line for each amount: one unit at that price, or one unit taken back."""
    prices = [
        {"key": f"k{place}", "shape": "per_unit", "unit_amount": text.removeprefix("-"), "currency": code}
        for place, text in enumerate(amounts)
    ]
    assert len({text.startswith("-") for text in amounts}) == 1
    used = Used("-1" if amounts[0].startswith("-") else "1")
    return account(*prices).invoice(JANUARY, [used])


def rounded(given: Facts, expected: Facts) -> None:
    total = per_unit_lines([given["amount"]], given["currency"]).total
    assert total == money(expected["amount"], given["currency"])


def subtotal(given: Facts, expected: Facts) -> None:
    assert per_unit_lines(given["lines"], given["currency"]).subtotal == money(expected["subtotal"])


def taxed(given: Facts, expected: Facts) -> None:
    """One unit at the net price, and a tax that is added."""
    tax = document("tax", HEAD, {"name": "VAT", "jurisdiction": "here", "percent": given["tax_percent"]})
    price = {"shape": "per_unit", "unit_amount": given["net"]}
    held = account(price, customer={"taxes": [KEY]}, also=[tax])
    assert settled(held, "1") == money(expected["gross"])


def quantized(given: Facts, expected: Facts) -> None:
    found = quantize(exact(given["value"]), given["decimals"], ROUNDINGS[given["mode"]])
    assert found.as_fraction() == exact(expected["value"])


def allocated(given: Facts, expected: Facts) -> None:
    """Shares of money; CLF is a currency of four decimals."""
    unit = currency("CLF" if given["currency"] == "4dp" else given["currency"])
    total = settle(exact(given["total"]), unit, Rounding.HALF_AWAY_FROM_ZERO)
    shares = allocate(total, [exact(weight) for weight in given["weights"]])
    assert shares == [money(part, unit.code) for part in expected["parts"]]


def capped(given: Facts, expected: Facts) -> None:
    """What a maximum takes off a line, where an earlier invoice of the period billed some of it."""
    held = account({"shape": "per_unit", "unit_amount": "1", "maximum": given["maximum_spend"]})
    line, before = exact(given["line_amount"]), exact(given["already_billed"])
    due = settled(held, exact_text(line + before)) - settled(held, exact_text(before))
    assert money(given["line_amount"]) - due == money(expected["discount"])


def trued_up(given: Facts, expected: Facts) -> None:
    """What is missing to a commitment over January, of whose usage only what was settled counts."""
    commitment = {
        "key": "january",
        "kind": "minimum",
        "amount": given["commitment"],
        "from": format_instant(JANUARY.start),
        "until": format_instant(JANUARY.end),
        "billing": "end_of_term",
    }
    price = {"shape": "per_unit", "unit_amount": "1", "currency": given["currency"]}
    held = account(price, subscription={"commitment": [commitment]})
    charges = held.charges(JANUARY, [Used(given["used"])])
    found = commitments_due(held.subscription, charges, (), whole=JANUARY, period=JANUARY)
    due = sum((charge.amount for each in found for charge in each.charges), Exact(0))
    assert due == exact(expected["true_up"])


def blocks_less_billed(given: Facts, expected: Facts) -> None:
    """Blocks of each unit, less what was billed of them."""
    price = given["price"]
    if "interval_quantities" in given:
        totals = [settled(priced(price), quantity) for quantity in given["interval_quantities"]]
        assert totals == [money(text) for text in expected["interval_totals"]]
        new = [total - money(text) for total, text in zip(totals, given["already_billed"], strict=True)]
        assert new == [money(text) for text in expected["new_lines"]]
    elif "quantity" in given:
        due = settled(priced(price), given["quantity"]) - money(given["already_billed"])
        assert due == money(expected["new_total"])
    else:
        due = -money(given["already_billed"]["total"])
        for unit, quantity in given["quantities"].items():
            steps = usage_steps(priced({**price, "tiers": price["units"][unit]}), [Used(quantity)])
            before = given["already_billed"][unit]
            new = {
                step.rule.replace("-", ""): step.amount - exact(before.get(step.rule.replace("-", ""), "0"))
                for step in steps
            }
            assert new == {tier: exact(text) for tier, text in expected["new_lines"][unit].items()}
            due += settled(priced({**price, "tiers": price["units"][unit]}), quantity)
        assert due == money(expected["total"])


def part_of_fee(given: Facts, expected: Facts) -> None:
    """A fee for the first days of January."""
    until = f"2026-01-{int(given['billed_days']) + 1:02d}T00:00:00Z"
    phase = {"plan": "k", "from": "2026-01-01T00:00:00Z", "until": until}
    held = account({"shape": "flat", "meter": None, "amount": given["amount"]}, phases=[phase])
    assert held.period_at(Instant(JANUARY.start)) == JANUARY
    assert held.invoice(JANUARY).total == money(expected["amount"])


RUNNERS: dict[str, Callable[[Facts, Facts], None]] = {
    "rated": rated,
    "billed": billed,
    "billed_in_lines": billed_in_lines,
    "converted_part": converted_part,
    "later_line": later_line,
    "deltas": deltas,
    "late": late,
    "added": added,
    "bucketed": bucketed,
    "rounded": rounded,
    "subtotal": subtotal,
    "taxed": taxed,
    "quantized": quantized,
    "allocated": allocated,
    "capped": capped,
    "trued_up": trued_up,
    "blocks_less_billed": blocks_less_billed,
    "part_of_fee": part_of_fee,
}
