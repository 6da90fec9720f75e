"""L10 and L9 for every shape: pieces add up to the quantity, steps to the charge, groups to the snapshot; and
each shape costs what its definition in words, computed again with plain fractions, says."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests import prices as any_
from tests.records import JANUARY, price
from tests.unit.close.test_reconcile import drafted
from tests.unit.rate import naive
from tests.usage import Used, charge_for, charged, snapshot_of
from tieout.close.reconcile import rated_breaks, settled_breaks, working_breaks
from tieout.close.reconcile_amounts import total_breaks
from tieout.contract.modifiers import Modifiers
from tieout.contract.price import Graduated, Matrix, Percentage, PerUnit, Price
from tieout.kernel.instant import Instant
from tieout.kernel.limits import EVENT_STEPS_MAX
from tieout.kernel.quantity import Quantity
from tieout.rate.charge import steps_text
from tieout.rate.needs import breakdown_of, is_rated_per_event
from tieout.rate.share import Share

EXAMPLES = settings(max_examples=300)
FEW = settings(max_examples=100)


def units_of(charge_steps: object) -> Fraction:
    return sum((Fraction(step.quantity) for step in charge_steps if step.quantity is not None), Fraction(0))


@EXAMPLES
@given(any_.prices(group_by=True), any_.events())
def test_every_unit_is_priced_exactly_once(each: Price, events: list[Used]) -> None:
    usage = snapshot_of(events, breakdown_of(each))
    charges = charged(each, usage)
    for charge in charges:
        assert units_of(charge.steps) == charge.quantity.as_fraction()
        assert sum((step.amount for step in charge.steps), Fraction(0)) == charge.amount
    total = sum((charge.quantity.as_fraction() for charge in charges), Fraction(0))
    assert total == sum((event.value.as_fraction() for event in events), Fraction(0))
    assert [*rated_breaks([usage], charges), *working_breaks(charges)] == []


@EXAMPLES
@given(any_.prices(), any_.events())
def test_a_charge_is_what_the_definition_in_words_says(each: Price, events: list[Used]) -> None:
    nothing = not events and (is_rated_per_event(each) or isinstance(each.shape, Matrix))
    expected = Fraction(0) if nothing else naive.cost(each, events)
    assert charge_for(each, *events).amount == expected


@EXAMPLES
@given(any_.prices(group_by=True), any_.events())
def test_each_group_costs_what_it_would_cost_alone(each: Price, events: list[Used]) -> None:
    assume(each.group_by and events)
    alone = replace(each, group_by=())
    charges = charged(each, snapshot_of(events, breakdown_of(each)))
    assert len({charge.group for charge in charges}) == len(charges)
    for charge in charges:
        members = [event for event in events if all(event.values.get(n) == v for n, v in charge.group)]
        assert charge.amount == naive.cost(alone, members)


@FEW
@given(any_.prices(), any_.events(), st.randoms(use_true_random=False))
def test_the_order_of_events_and_a_finer_breakdown_change_no_byte(
    each: Price, events: list[Used], random: object
) -> None:
    """L9. A snapshot serves several prices, so it may be broken down further than one of them needs."""
    first = charge_for(each, *events)
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    need = breakdown_of(each)
    finer = replace(need, dimensions=("model", "region"), by_value=True)
    (again,) = charged(each, snapshot_of(shuffled, finer))
    assert (again.amount, steps_text(again.steps)) == (first.amount, steps_text(first.steps))


@EXAMPLES
@given(any_.prices(), any_.modifiers(), any_.events(), st.integers(JANUARY.start + 1, JANUARY.end))
def test_modifiers_leave_every_unit_priced_once(
    each: Price, around: Modifiers, events: list[Used], end: int
) -> None:
    if isinstance(each.shape, Matrix) or is_rated_per_event(each):
        around = replace(around, allowance=None)
    part = replace(JANUARY, end=Instant(end))
    for charge in charged(
        replace(each, modifiers=around), snapshot_of(events, breakdown_of(each), part), JANUARY
    ):
        assert units_of(charge.steps) == charge.quantity.as_fraction()
        assert sum((step.amount for step in charge.steps), Fraction(0)) == charge.amount
        seconds = part.end // 10**6 - part.start // 10**6
        share = Fraction(seconds, 31 * 86_400) if around.prorate else Fraction(1)
        if around.maximum is not None:
            assert charge.amount <= around.maximum * share
        if around.minimum is not None:
            assert charge.amount >= around.minimum * share


RISING = st.one_of(
    any_.graduated, any_.per_units, any_.packages, any_.graduated_percentages, any_.percentages()
)


@EXAMPLES
@given(RISING, any_.not_negative, any_.not_negative)
def test_more_usage_never_costs_less_but_for_volume(shape: object, left: Quantity, right: Quantity) -> None:
    less, more = sorted((left, right))
    each = price(shape)  # type: ignore[arg-type]
    assert charge_for(each, Used(less)).amount <= charge_for(each, Used(more)).amount


@EXAMPLES
@given(any_.graduated, any_.modifiers(), any_.not_negative, any_.not_negative)
def test_more_graduated_usage_never_costs_less_with_modifiers(
    shape: Graduated, around: Modifiers, left: Quantity, right: Quantity
) -> None:
    less, more = sorted((left, right))
    each = replace(price(shape), modifiers=around)
    assert charge_for(each, Used(less)).amount <= charge_for(each, Used(more)).amount


ADDITIVE = st.one_of(
    any_.per_units,
    any_.dynamics,
    any_.percentages().map(lambda shape: replace(shape, event_minimum=None, event_maximum=None)),
)


@EXAMPLES
@given(ADDITIVE, any_.events(), st.integers(0, 8), st.integers(JANUARY.start + 1, JANUARY.end - 1))
def test_splitting_a_period_does_not_change_an_additive_unrounded_charge(
    shape: PerUnit | Percentage, events: list[Used], place: int, cut: int
) -> None:
    each = price(shape)
    first, second = JANUARY.split([Instant(cut)])
    parts = [(first, events[:place]), (second, events[place:])]
    split = [
        charge
        for part, members in parts
        for charge in charged(each, snapshot_of(members, breakdown_of(each), part), JANUARY)
    ]
    assert sum((charge.amount for charge in split), Fraction(0)) == charge_for(each, *events).amount


@FEW
@given(any_.prices(), st.integers(0, 3))
def test_the_working_of_many_distinct_events_is_bounded(each: Price, beyond: int) -> None:
    assume(not isinstance(each.shape, Matrix))
    each = replace(each, per_event=True)
    count = EVENT_STEPS_MAX + beyond
    events = [Used(Quantity.of(number), {}, Quantity.of(number)) for number in range(count)]
    charge = charge_for(each, *events)
    assert len(charge.steps) == EVENT_STEPS_MAX + min(beyond, 1)
    assert units_of(charge.steps) == charge.quantity.as_fraction()
    assert charge.amount == naive.cost(each, events)


@FEW
@given(st.lists(st.integers(JANUARY.start, JANUARY.end), max_size=5))
def test_shares_of_adjoining_parts_add_up(cuts: list[int]) -> None:
    parts = [Share(JANUARY, part) for part in JANUARY.split(Instant(cut) for cut in cuts)]
    for units in (Quantity.of(1), Quantity.parse("1000.000000000007")):
        assert sum(part.of_units(units).atoms for part in parts) == units.atoms
        assert sum((part.of(units.as_fraction()) for part in parts), Fraction(0)) == units.as_fraction()


@FEW
@given(st.lists(st.tuples(any_.prices(group_by=True), any_.events()), max_size=4))
def test_lines_of_every_shape_add_up_and_events_round_alone(rated: list[tuple[Price, list[Used]]]) -> None:
    charges = []
    for each, events in rated:
        in_dollars = replace(each, currency="USD")
        charges += charged(in_dollars, snapshot_of(events, breakdown_of(in_dollars)))
    invoice = drafted(*charges)
    assert [*settled_breaks(charges, invoice.lines), *total_breaks(invoice)] == []
    for charge in charges:
        if charge.price.round_at == "event":
            assert (charge.amount * 100).denominator == 1, "a line of rounded events is rounded again"
