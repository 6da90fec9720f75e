"""L13: whatever comes late and whatever is retracted, after the first correction and the tenth, all lines
of a period together are what rating it as known now gives, rounded once; a naive computation agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import prices as any_
from tests.faults.harness.effort import times
from tests.records import JANUARY
from tests.unit.rate import naive
from tests.usage import Used, charged, snapshot_of
from tieout.close.reconcile_amounts import rounded
from tieout.close.reconcile_corrections import correction_breaks
from tieout.contract.price import Matrix, Price
from tieout.correction.adjust import adjustments, complete
from tieout.correction.causes import PeriodChange, explained
from tieout.correction.credit import Creditable, tax_given_back
from tieout.correction.settled import SettledLine, by_scope
from tieout.invoice.billable import Billable
from tieout.invoice.earlier import EarlierLine, scope_of
from tieout.invoice.line import Line, settled_line
from tieout.invoice.taxes import NO_TAXATION
from tieout.kernel.ids import InvoiceId
from tieout.kernel.money import Money, currency
from tieout.kernel.quantity import QUANTITY_ZERO
from tieout.rate.needs import breakdown_of, is_rated_per_event

CHANGE = PeriodChange(JANUARY, "late", None, {}, carried=False, mapped=False)
KNOWN = st.lists(any_.events(), min_size=2, max_size=11)
"""What is known of the period, first when it is sealed, then before each correction: events may have come,
and events may be gone."""


def sealed(paper: int, billables: Sequence[Billable]) -> list[SettledLine]:
    """The lines of a paper, as the next correction finds them."""
    return [
        settled_of(
            paper,
            settled_line(
                InvoiceId(f"in_{paper:016d}"),
                ordinal,
                each.charge,
                zone_name="UTC",
                earlier=each.earlier,
                correction=each.correction,
            ),
        )
        for ordinal, each in enumerate(billables, start=1)
    ]


def settled_of(paper: int, line: Line) -> SettledLine:
    charge = line.charge
    return SettledLine(
        scope=scope_of(charge),
        line=EarlierLine(
            line.id, InvoiceId(f"in_{paper:016d}"), f"INV-{paper:06d}", line.quantity, line.amount
        ),
        price=charge.price,
        plan=charge.plan,
        plan_version=charge.plan_version,
        period=charge.period,
        segment=charge.segment,
        group=charge.group,
        unit=charge.unit,
        program=None,
    )


def naive_minor(price: Price, events: Sequence[Used]) -> int:
    """Each group alone by the definition in words, rounded once, added up."""
    alone = replace(price, group_by=())
    groups: dict[tuple[str | None, ...], list[Used]] = {}
    for event in events:
        groups.setdefault(tuple(event.values.get(name) for name in price.group_by), []).append(event)
    if not price.group_by:
        groups = {(): list(events)}
    total = 0
    for members in groups.values():
        nothing = not members and (is_rated_per_event(alone) or isinstance(alone.shape, Matrix))
        cost = Fraction(0) if nothing else naive.cost(alone, members)
        total += rounded(cost * 10 ** currency(price.currency).exponent, price.rounding)
    return total


@settings(max_examples=times(quick=80, long=200), deadline=None)
@given(any_.prices(group_by=True), KNOWN)
def test_all_papers_together_are_the_period_as_known_now(price: Price, known: list[list[Used]]) -> None:
    settled: list[SettledLine] = []
    for paper, events in enumerate(known):
        usage = snapshot_of(events, breakdown_of(price))
        asked = charged(price, usage)
        if price.group_by and not events:
            asked = []  # no group, no line
        if paper == 0:
            billables = [Billable(charge) for charge in asked]
        else:
            billables = adjustments(
                asked, by_scope(settled), [usage], explain=explained(CHANGE), taxation=NO_TAXATION
            )
            whole = complete(asked, by_scope(settled), [usage])
            assert correction_breaks(whole, settled, billables) == []
        settled += sealed(paper, billables)
        wanted = 0 if price.group_by and not events else naive_minor(price, events)
        assert sum(each.amount.minor for each in settled) == wanted
        quantity = sum((event.value for event in events), QUANTITY_ZERO)
        assert sum((each.line.quantity for each in settled), QUANTITY_ZERO) == quantity
        again = adjustments(
            asked, by_scope(settled), [usage], explain=explained(CHANGE), taxation=NO_TAXATION
        )
        assert again == [], "the second look finds nothing more"


@settings(max_examples=times(quick=50, long=100), deadline=None)
@given(any_.prices(group_by=True), any_.prices(group_by=True), any_.events())
def test_a_corrected_price_leaves_what_the_right_one_asks(
    wrong: Price, right: Price, events: list[Used]
) -> None:
    right = replace(right, key=wrong.key, version=wrong.version + 1, currency=wrong.currency)
    needs = breakdown_of(wrong) | breakdown_of(right)
    usage = snapshot_of(events, needs)
    first = [] if wrong.group_by and not events else charged(wrong, usage)
    settled = sealed(0, [Billable(charge) for charge in first])
    asked = [] if right.group_by and not events else charged(right, usage)
    settled += sealed(
        1,
        adjustments(asked, by_scope(settled), [usage], explain=explained(CHANGE), taxation=NO_TAXATION),
    )
    wanted = 0 if right.group_by and not events else naive_minor(right, events)
    assert sum(each.amount.minor for each in settled) == wanted


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=12), st.integers(-3000, 3000))
def test_credits_of_everything_give_back_exactly_the_tax(parts: list[int], tax: int) -> None:
    whole = sum(parts)
    share, given_back, credited = Money(tax, currency("EUR")), 0, 0
    for part in parts:
        left = Creditable(whole, credited, whole - credited)
        assert left.left == whole - credited
        given_back += tax_given_back(share, left, part).minor
        credited += part
    assert given_back == tax
