"""What was billed there beside what was billed here: joined by what it is for, and never a cent aside."""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.rational import exact
from tieout.replay.parallel_compare import (
    DIFFERENCES,
    Account,
    Compared,
    OurLine,
    Status,
    compare_parallel,
)
from tieout.replay.parallel_map import ItemMap, ParallelMap, Tolerance
from tieout.replay.parallel_theirs import TheirRow

JANUARY = Period(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-02-01T00:00:00Z"))
ACME = Account("acme", JANUARY, "USD")
DAY = date(2026, 1, 1)


def row(item: str, amount: str, quantity: str | None = None, *, line: int = 2, **other: object) -> TheirRow:
    counted = None if quantity is None else exact(quantity)
    return TheirRow(line, "acme", DAY, DAY, item, "USD", exact(amount), counted, **other)  # type: ignore[arg-type]


def ours(price: str, amount: str, quantity: str | None = None, *, meter: str = "", **other: str) -> OurLine:
    counted = None if quantity is None else exact(quantity)
    said = {"coupon": "", "description": price.title(), "unit": "call", **other}
    return OurLine(ACME, "INV-1", price, meter, quantity=counted, amount=exact(amount), **said)  # type: ignore[arg-type]


def compared(
    rows: list[TheirRow], lines: list[OurLine], said: ParallelMap | None = None, *, tax: str = "0"
) -> list[Compared]:
    accounts = compare_parallel(
        [(ACME, each) for each in rows], lines, {ACME: exact(tax)}, said or ParallelMap(), numbers={}
    )
    return [line for account in accounts for line in account.lines]


def statuses(found: list[Compared]) -> list[Status]:
    return [each.status for each in found]


def test_an_item_is_the_price_the_meter_or_the_description_of_that_name() -> None:
    lines = [
        ours("calls-usd", "1.00", "10", meter="calls"),
        ours("fee-usd", "5.00", description="Monthly fee"),
    ]
    for names in (("calls-usd", "fee-usd"), ("calls", "Monthly fee")):
        rows = [row(names[0], "1", "10"), row(names[1], "5", "1")]
        assert statuses(compared(rows, lines)) == [Status.MATCHED, Status.MATCHED]


def test_a_cent_a_unit_and_a_quantity_differ() -> None:
    lines = [ours("calls-usd", "1.00", "10", meter="calls")]
    for other, why in (
        (row("calls", "1.01", "10"), "the amounts differ"),
        (row("calls", "1.00", "11"), "the quantities differ"),
        (row("calls", "1.00", "10", unit="k"), "the unit is 'k' there and 'call' here"),
    ):
        (found,) = compared([other], lines)
        assert found.status is Status.DIFFERS and found.why == why
    (found,) = compared([row("calls", "1.00", "10", unit="k")], lines, ParallelMap(units={"k": "call"}))
    assert found.status is Status.MATCHED


def test_what_one_side_alone_bills_is_missing_on_the_other_and_nothing_is_nothing() -> None:
    lines = [ours("calls-usd", "1.00", "10"), ours("idle-usd", "0.00", "0")]
    found = compared([row("support", "9.00"), row("gift", "0")], lines)
    assert Counter(statuses(found)) == {
        Status.MISSING_HERE: 1,
        Status.MISSING_THERE: 1,
        Status.NOTHING_BILLED: 2,
    }
    assert sum(each.difference for each in found) == exact("-8.00")


def test_items_for_the_same_lines_are_compared_together() -> None:
    said = ParallelMap(
        items={
            "first": ItemMap("first", prices=("calls-usd",)),
            "rest": ItemMap("rest", meters=("calls",)),
            "welcome": ItemMap("welcome", coupon="w10"),
        }
    )
    lines = [
        ours("calls-usd", "1.00", "10", meter="calls"),
        ours("more-usd", "2.00", "30", meter="calls"),
        ours("", "-0.30", coupon="w10"),
    ]
    rows = [row("first", "0.50", "10"), row("rest", "2.50", "30", line=3), row("welcome", "-0.30", line=4)]
    together, coupon = compared(rows, lines, said)
    assert together.status is coupon.status is Status.MATCHED
    assert together.rows == (2, 3)
    assert together.theirs is not None and together.theirs.quantity == 40


def test_a_tolerance_has_a_name_a_limit_and_items_and_is_not_for_quantities() -> None:
    said = ParallelMap(tolerances=(Tolerance("per event", exact("0.02"), ("calls",)),))
    lines = [ours("calls-usd", "1.00", "10", meter="calls")]
    (found,) = compared([row("calls", "1.02", "10")], lines, said)
    assert (found.status, found.tolerance) == (Status.TOLERATED, "per event")
    for other in (row("calls", "1.03", "10"), row("calls", "1.02", "11"), row("calls-usd", "1.02", "10")):
        assert statuses(compared([other], lines, said)) == [Status.DIFFERS]


def test_ignored_items_are_told_and_taxes_are_compared_where_they_are_stated() -> None:
    said = ParallelMap(items={"support": ItemMap("support", ignore="by hand")})
    lines = [ours("fee", "5.00")]
    found = compared([row("support", "9.00"), row("fee", "5.00", tax=exact("0.50"))], lines, said, tax="0.50")
    assert statuses(found) == [Status.IGNORED, Status.MATCHED, Status.MATCHED]
    assert found[0].why == "by hand"
    differing = compared([row("fee", "5.00", tax=exact("0.51"))], lines, tax="0.50")
    assert statuses(differing) == [Status.MATCHED, Status.DIFFERS]


def test_a_bill_of_another_period_is_pointed_at() -> None:
    shifted = Account("acme", Period(Instant(JANUARY.start + 1), JANUARY.end), "USD")
    found = compare_parallel([(shifted, row("fee", "5"))], [ours("fee", "5")], {}, ParallelMap(), numbers={})
    lines = [line for account in found for line in account.lines]
    assert sorted(statuses(lines)) == [Status.MISSING_HERE, Status.MISSING_THERE]
    assert all("the other side has a bill from 2026-01-01" in line.why for line in lines)


CENTS = st.integers(-300, 300)
NAMES = st.sampled_from(["a", "b", "c", "d"])


@given(
    there=st.lists(st.tuples(NAMES, CENTS), max_size=8),
    here=st.lists(st.tuples(NAMES, CENTS), max_size=8),
)
def test_no_money_is_lost_between_the_two_sides(
    there: list[tuple[str, int]], here: list[tuple[str, int]]
) -> None:
    """Summed up by name with plain dicts: the same names differ, and by the same money."""
    rows = [row(name, str(cents)) for name, cents in there]
    found = compared(rows, [ours(name, str(cents)) for name, cents in here])
    theirs: Counter[str] = Counter()
    mine: Counter[str] = Counter()
    for sums, pairs in ((theirs, there), (mine, here)):
        for name, cents in pairs:
            sums[name] += cents
    assert sum((each.difference for each in found), Fraction(0)) == sum(mine.values()) - sum(theirs.values())
    differing = [each for each in found if each.status in DIFFERENCES]
    assert len(differing) == sum(theirs[name] != mine[name] for name in {*theirs, *mine})
    assert sorted(line for each in found for line in each.rows) == sorted(each.line for each in rows)
