"""Each tie, broken on purpose, is named; an honest draft has no break."""

from __future__ import annotations

from dataclasses import replace

from tests.records import (
    CUSTOMER,
    JANUARY,
    METER,
    POLICY,
    SELLER,
    SUBSCRIPTION,
    customer,
    plan,
    price,
    snapshot,
)
from tests.unit.close.test_segments import TOKENS
from tests.usage import charged as charges_of
from tests.usage import snapshot_of, used
from tieout.aggregate.breakdown import Breakdown
from tieout.aggregate.recount import Recount
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.close import reconcile, reconcile_amounts
from tieout.close.breaks import Break, BreakClass
from tieout.contract.meter import Aggregation
from tieout.contract.price import PerUnit
from tieout.invoice.draft import draft
from tieout.invoice.invoice import Invoice
from tieout.kernel.ids import Subject, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact
from tieout.rate.charge import Charge
from tieout.rate.rate import rate

USAGE = snapshot("1500.5")


def recounted(of: Snapshot) -> Recount:
    return Recount(METER, 1, SUBSCRIPTION, JANUARY, of.quantity, of.event_count, of.fingerprint)


def charged(of: Snapshot) -> Charge:
    each = price(PerUnit(exact("0.005"), exact("1")))
    return rate(of, each, plan=plan("p"), subscription=SUBSCRIPTION, period=JANUARY, segment=JANUARY)


def drafted(*charges: Charge) -> Invoice:
    return draft(
        customer=customer(),
        seller=SELLER,
        period=JANUARY,
        charges=charges,
        cutoff=Watermark(7),
        policy=POLICY,
        tzdata_version="2026a",
        software_version="0.1.0",
    )


def request(subscription: str) -> UsageRequest:
    span = ClippedSpan(Subject("ann"), JANUARY.start, JANUARY.end)
    return UsageRequest(TOKENS, SubscriptionId(subscription), CUSTOMER, JANUARY, (span,))


CHARGE = charged(USAGE)


def ties(breaks: list[Break]) -> list[str]:
    return [found.tie for found in breaks]


def test_an_honest_draft_ties() -> None:
    assert reconcile.reconcile(drafted(CHARGE), [CHARGE], [USAGE], [recounted(USAGE)], [request("a")]) == []


def test_a_recount_that_differs_or_lacks_is_a_break() -> None:
    other = replace(recounted(USAGE), quantity=Quantity.of(1))
    assert ties(reconcile.recount_breaks([USAGE], [other])) == [reconcile.TIE_RECOUNT]
    assert ties(reconcile.recount_breaks([USAGE], [])) == [reconcile.TIE_RECOUNT]
    assert ties(reconcile.recount_breaks([], [recounted(USAGE)])) == [reconcile.TIE_RECOUNT]
    swapped = replace(USAGE, fingerprint=replace(USAGE.fingerprint, a=9))
    (found,) = reconcile.recount_breaks([swapped], [recounted(USAGE)])
    assert found.next_action and "fingerprint" in found.found


def classes(breaks: list[Break]) -> list[tuple[BreakClass, str]]:
    return [(found.kind, found.size) for found in breaks]


def test_a_recount_tells_missing_doubled_other_and_reordered_events_apart() -> None:
    count = USAGE.event_count
    fewer = replace(USAGE, event_count=count - 1, fingerprint=replace(USAGE.fingerprint, count=count - 1))
    more = replace(USAGE, event_count=count + 2, fingerprint=replace(USAGE.fingerprint, count=count + 2))
    others = replace(USAGE, fingerprint=replace(USAGE.fingerprint, a=9))
    elsewhere = replace(USAGE, quantity=USAGE.quantity + Quantity.of(3))
    again = [recounted(USAGE)]
    asked = request("a")
    last = replace(asked, meter=replace(asked.meter, key=METER, version=1, aggregation=Aggregation.LAST))
    assert classes(reconcile.recount_breaks([fewer], again)) == [(BreakClass.MISSING, "1 event")]
    assert classes(reconcile.recount_breaks([more], again)) == [(BreakClass.DUPLICATE, "2 events")]
    (drift,) = reconcile.recount_breaks([others], again)
    assert drift.kind is BreakClass.BACKFILL_DRIFT
    assert classes(reconcile.recount_breaks([elsewhere], again)) == [
        (BreakClass.ARITHMETIC, f"3 {USAGE.unit}")
    ]
    assert classes(reconcile.recount_breaks([elsewhere], again, [last])) == [
        (BreakClass.OUT_OF_ORDER, f"3 {USAGE.unit}")
    ]


def test_each_class_of_a_rated_and_a_settled_break_is_told() -> None:
    invoice = drafted(CHARGE)
    assert classes(reconcile.rated_breaks([USAGE], [])) == [(BreakClass.UNPRICED, f"1500.5 {USAGE.unit}")]
    assert [kind for kind, _ in classes(reconcile.rated_breaks([], [CHARGE]))] == [BreakClass.MISSING]
    assert [kind for kind, _ in classes(reconcile.rated_breaks([USAGE], [CHARGE, CHARGE]))] == [
        BreakClass.DUPLICATE
    ]
    assert [kind for kind, _ in classes(reconcile.settled_breaks([CHARGE, CHARGE], invoice.lines))] == [
        BreakClass.MISSING
    ]
    assert [kind for kind, _ in classes(reconcile.settled_breaks([], invoice.lines))] == [
        BreakClass.DUPLICATE
    ]
    assert [kind for kind, _ in classes(reconcile.billed_twice([request("a"), request("b")]))] == [
        BreakClass.DUPLICATE
    ]


def test_usage_that_is_not_rated_or_not_measured_is_a_break() -> None:
    assert ties(reconcile.rated_breaks([USAGE], [])) == [reconcile.TIE_RATED]
    assert ties(reconcile.rated_breaks([], [CHARGE])) == [reconcile.TIE_RATED]
    assert ties(reconcile.rated_breaks([snapshot("7")], [CHARGE])) == [reconcile.TIE_RATED]


def test_groups_that_do_not_make_up_their_snapshot_are_a_break() -> None:
    each = replace(price(PerUnit(exact("2"), exact("1"))), group_by=("region",))
    usage = snapshot_of([used("1", region="us"), used("2", region="eu"), used("4")], Breakdown(("region",)))
    groups = charges_of(each, usage)
    assert reconcile.rated_breaks([usage], groups) == []
    assert ties(reconcile.rated_breaks([usage], groups[1:])) == [reconcile.TIE_RATED]
    assert ties(reconcile.rated_breaks([usage], [*groups, groups[0]])) == [reconcile.TIE_RATED]
    more, less = groups[1], groups[2]
    swapped = [groups[0], replace(more, group=less.group), replace(less, group=more.group)]
    (found,) = reconcile.rated_breaks([usage], swapped)
    assert "of its events" in found.found


def test_a_working_that_leaves_units_out_is_a_break() -> None:
    short = replace(CHARGE, steps=(replace(CHARGE.steps[0], quantity="1500"),))
    assert ties(reconcile.working_breaks([short])) == [reconcile.TIE_WORKING]


def test_a_step_at_another_rate_than_it_says_is_a_break() -> None:
    wrong = replace(CHARGE, steps=(replace(CHARGE.steps[0], rate="0.006"),))
    (found,) = reconcile.working_breaks([wrong])
    assert "per-unit 1500.5 at 0.006" in found.expected


def test_a_line_lost_added_or_wrongly_rounded_is_a_break() -> None:
    invoice = drafted(CHARGE)
    assert ties(reconcile.settled_breaks([CHARGE, CHARGE], invoice.lines)) == [reconcile.TIE_SETTLED]
    assert ties(reconcile.settled_breaks([], invoice.lines)) == [reconcile.TIE_SETTLED]
    off = replace(invoice.lines[0], amount=invoice.lines[0].amount + Money(1, invoice.currency))
    assert ties(reconcile.settled_breaks([CHARGE], [off])) == [reconcile.TIE_SETTLED]


def test_a_total_that_does_not_add_up_is_a_break() -> None:
    invoice = drafted(CHARGE)
    wrong = replace(invoice, total=invoice.total + Money(1, invoice.currency))
    assert ties(reconcile_amounts.total_breaks(wrong)) == [reconcile_amounts.TIE_TOTAL]


def test_two_subscriptions_on_one_meter_and_subject_are_a_break() -> None:
    assert ties(reconcile.billed_twice([request("a"), request("b")])) == [reconcile.TIE_ONCE]
    assert reconcile.billed_twice([request("a")]) == []


def window(subscription: str, first_day: int, last_day: int) -> UsageRequest:
    """January from one day to another, both counted from its start."""
    day = 86_400_000_000
    part = Period(Instant(JANUARY.start + first_day * day), Instant(JANUARY.start + last_day * day))
    span = ClippedSpan(Subject("ann"), part.start, part.end)
    return UsageRequest(TOKENS, SubscriptionId(subscription), CUSTOMER, part, (span,))


def test_two_prices_of_one_plan_on_one_meter_are_no_break() -> None:
    """One price holds all month, the other changes its version on the tenth: their windows overlap."""
    assert reconcile.billed_twice([window("a", 0, 31), window("a", 0, 9), window("a", 9, 31)]) == []


def test_an_overlap_of_windows_that_are_not_neighbours_is_a_break() -> None:
    (found,) = reconcile.billed_twice([window("a", 0, 31), window("a", 1, 2), window("b", 20, 25)])
    assert "subscription a" in found.expected + found.found and "subscription b" in found.found
    assert reconcile.billed_twice([window("a", 0, 9), window("b", 9, 31)]) == []
