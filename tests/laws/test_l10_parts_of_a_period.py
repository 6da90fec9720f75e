"""L10, the parts of a split period: a split alone changes no additive, unrounded charge; parts tile a phase;
quantities add up; a prorated part used as evenly as the whole costs its share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.records import CUSTOMER, JANUARY, SUBSCRIPTION, plan, price, snapshot
from tieout.close.rating import charges
from tieout.close.reconcile import working_breaks
from tieout.close.segments import Segment, segments
from tieout.contract.catalog import Catalog
from tieout.contract.event_contract import ContractBook
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.price import (
    Flat,
    Graduated,
    GraduatedPercentage,
    Package,
    PercentTier,
    PerUnit,
    Price,
    Tier,
    TierSplit,
    Volume,
)
from tieout.contract.subject import SubjectBook
from tieout.contract.subscription import Grandfathered, Phase, Subscription
from tieout.contract.versions import Versions
from tieout.kernel.ids import EventType, PlanKey, PriceKey
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rounding import Rounding
from tieout.rate.charge import Charge
from tieout.rate.prorate import prorated_working
from tieout.rate.rate import rate
from tieout.rate.terms import Terms

EXAMPLES = settings(max_examples=150)
QUANTITY = st.integers(0, 10**15).map(Quantity.from_atoms)
AMOUNT = st.integers(0, 10**6).map(lambda number: Fraction(number, 10**4))
INSTANT = st.integers(JANUARY.start, JANUARY.end).map(Instant)
CUTS = st.lists(INSTANT, max_size=3)
METER = Meter(
    *(snapshot("1").meter, 1, Instant(0), "tokens", "product", EventType("use"), Aggregation.COUNT, None),
    *("tokens", (), (), (), "meter-digest"),
)


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    bounds = sorted(draw(st.sets(st.integers(1, 10**14), max_size=3)))
    limits = [*(Quantity.from_atoms(bound) for bound in bounds), None]
    return tuple(Tier(limit, draw(AMOUNT), draw(AMOUNT)) for limit in limits)


def charged(
    shape: Price,
    segment: Period,
    used: Quantity | None,
    terms: Terms = Terms(),  # noqa: B008 (frozen)
) -> Charge:
    measured = None if used is None else replace(snapshot("1", segment), quantity=used)
    return rate(
        measured,
        shape,
        plan=plan("p"),
        subscription=SUBSCRIPTION,
        period=JANUARY,
        segment=segment,
        terms=terms,
    )


@EXAMPLES
@given(AMOUNT, QUANTITY, CUTS)
def test_a_split_changes_no_fee(amount: Fraction, quantity: Quantity, cuts: list[Instant]) -> None:
    fee = price(Flat(amount), meter=None)
    terms = Terms(quantity=quantity)
    parts = [charged(fee, part, None, terms).amount for part in JANUARY.split(cuts)]
    assert sum(parts, Fraction(0)) == charged(fee, JANUARY, None, terms).amount
    assert sum(parts, Fraction(0)) == amount * quantity.as_fraction()


@EXAMPLES
@given(tiers(), st.lists(QUANTITY, min_size=1, max_size=4))
def test_a_split_changes_no_per_unit_charge_and_none_that_continues(
    tiers: tuple[Tier, ...], used: list[Quantity]
) -> None:
    whole = sum(used, Quantity(0))
    step = (JANUARY.end - JANUARY.start) // len(used)
    parts = JANUARY.split(Instant(JANUARY.start + step * place) for place in range(1, len(used)))
    each = price(PerUnit(tiers[0].unit_amount, Fraction(3)))
    on = replace(price(Graduated(tiers, Fraction(7))), tier_split="continue")
    for shape in (each, on):
        found = _charges_of(shape, parts, used)
        assert sum((charge.amount for charge in found), Fraction(0)) == charged(shape, JANUARY, whole).amount
        for charge, quantity in zip(found, used, strict=True):
            steps = [Fraction(step.quantity) for step in charge.steps if step.quantity is not None]
            assert sum(steps, Fraction(0)) == quantity.as_fraction(), "every unit is priced once"


def _charges_of(shape: Price, parts: Sequence[Period], used: Sequence[Quantity]) -> list[Charge]:
    """By the way of the close: it works out what came before each part."""
    built = [Segment(SUBSCRIPTION, CUSTOMER, JANUARY, part, plan("p"), shape, METER) for part in parts]
    measured = [
        replace(snapshot("1", part), quantity=quantity) for part, quantity in zip(parts, used, strict=True)
    ]
    return charges(built, measured)


@EXAMPLES
@given(QUANTITY, QUANTITY, st.integers(1, 100))
def test_packages_that_continue_are_begun_once(first: Quantity, second: Quantity, size: int) -> None:
    """A package that an earlier part began is filled up before another is paid for."""
    package = Package(Fraction(5), Quantity.of(size), Rounding.UP)
    on = replace(price(package), tier_split="continue")
    middle = Instant((JANUARY.start + JANUARY.end) // 2)
    found = _charges_of(on, JANUARY.split([middle]), [first, second])
    parts = [step for charge in found for step in charge.steps]
    whole = (first + second).as_fraction()
    assert sum((step.amount for step in parts), Fraction(0)) == -(-whole // size) * 5


def with_tiers(tiers: tuple[Tier, ...]) -> tuple[Graduated | Volume | GraduatedPercentage | Package, ...]:
    percents = tuple(PercentTier(tier.up_to, tier.unit_amount, tier.flat_amount) for tier in tiers)
    return (
        Graduated(tiers, Fraction(3)),
        Volume(tiers, Fraction(3)),
        GraduatedPercentage(percents),
        Package(tiers[0].unit_amount, Quantity.of(3), Rounding.UP),
        Package(tiers[0].unit_amount, Quantity.of(3), Rounding.DOWN),
    )


@EXAMPLES
@given(
    tiers(), st.lists(QUANTITY, min_size=3, max_size=3), st.sampled_from(["restart", "continue", "prorate"])
)
def test_the_working_of_parts_ties(tiers: tuple[Tier, ...], used: list[Quantity], split: TierSplit) -> None:
    """Reconciliation multiplies each step again; what it cannot follow would hold the invoice."""
    third = (JANUARY.end - JANUARY.start) // 3
    parts = JANUARY.split([Instant(JANUARY.start + third), Instant(JANUARY.start + 2 * third)])
    for shape in with_tiers(tiers):
        if split == "continue" and isinstance(shape, Volume):
            continue  # refused by the catalog's check
        assert working_breaks(_charges_of(replace(price(shape), tier_split=split), parts, used)) == []


@EXAMPLES
@given(tiers(), QUANTITY, st.integers(1, 50), st.integers(1, 50))
def test_a_prorated_part_used_as_evenly_as_the_whole_costs_its_share(
    tiers: tuple[Tier, ...], unit: Quantity, part: int, more: int
) -> None:
    whole, share = part + more, Fraction(part, part + more)
    shapes = with_tiers(tiers)
    of_whole, of_part = Quantity(unit.atoms * whole), Quantity(unit.atoms * part)
    for shape in shapes:
        all_of_it = prorated_working(shape, of_whole, Fraction(1), unit="u", currency="USD")
        steps = prorated_working(shape, of_part, share, unit="u", currency="USD")
        cost = sum((step.amount for step in all_of_it), Fraction(0))
        assert sum((step.amount for step in steps), Fraction(0)) == cost * share
        priced = sum((Fraction(step.quantity) for step in steps if step.quantity), Fraction(0))
        assert priced == of_part.as_fraction()
        for step in (*steps, *all_of_it):
            if step.quantity is not None and step.rate is not None:
                assert step.amount == Fraction(step.quantity) * Fraction(step.rate), "as reconciliation asks"


@EXAMPLES
@given(tiers(), QUANTITY)
def test_a_whole_share_asks_what_the_graduated_shape_asks(tiers: tuple[Tier, ...], used: Quantity) -> None:
    shape = price(Graduated(tiers, Fraction(7)))
    steps = prorated_working(shape.shape, used, Fraction(1), unit="tokens", currency="USD")
    assert sum((step.amount for step in steps), Fraction(0)) == charged(shape, JANUARY, used).amount


@EXAMPLES
@given(AMOUNT, st.lists(st.tuples(INSTANT, QUANTITY), max_size=3), QUANTITY)
def test_quantities_fees_add_up_second_by_second(
    amount: Fraction, changes: list[tuple[Instant, Quantity]], first: Quantity
) -> None:
    starts = sorted({JANUARY.start: first, **{at: q for at, q in changes if at < JANUARY.end}}.items())
    fee = replace(price(Flat(amount), meter=None, key="seat"), key=PriceKey("seat"))
    phases = [
        Phase(PlanKey("plan"), None, at, None if end is None else end, ((PriceKey("seat"), quantity),))
        for (at, quantity), end in zip(starts, [*(at for at, _ in starts[1:]), None], strict=True)
    ]
    found = segments(_catalog(fee), _subscription(phases), JANUARY)
    total = sum((charge.amount for charge in charges(found, [])), Fraction(0))
    bounds = [*(at // SECOND_MICROSECONDS for at, _ in starts), JANUARY.end // SECOND_MICROSECONDS]
    seconds = [end - start for start, end in pairwise(bounds)]
    weighted = sum(
        (q.as_fraction() * lasting for (_, q), lasting in zip(starts, seconds, strict=True)), Fraction(0)
    )
    whole = (JANUARY.end - JANUARY.start) // SECOND_MICROSECONDS
    assert total == amount * weighted / whole


@EXAMPLES
@given(
    st.lists(
        st.tuples(st.integers(1, 40), st.sampled_from(["plain", "trial", "paused", "kept"])), min_size=1
    ),
    st.sets(st.integers(1, 60), max_size=4),
    st.integers(0, 20),
)
def test_parts_tile_the_phases(lengths: list[tuple[int, str]], versions: set[int], first: int) -> None:
    """Each instant of a phase is in exactly one part of each price; no part leaves its phase."""
    day = 86_400 * SECOND_MICROSECONDS
    origin = JANUARY.start - 10 * day
    usage = price(PerUnit(Fraction(1), Fraction(1)), key="usage")
    book = _catalog(
        *(
            replace(usage, version=place, effective_from=Instant(0 if place == 1 else origin + at * day))
            for place, at in enumerate([0, *sorted(versions)], start=1)
        )
    )
    ends = list(accumulate(length for length, _ in lengths))
    phases = []
    for (length, kind), end in zip(lengths, ends, strict=True):
        start = Instant(origin + (first + end - length) * day)
        kept = Grandfathered(Instant(origin), PlanKey("plan")) if kind == "kept" else None
        waived = kind if kind in ("trial", "paused") else None
        phases.append(
            Phase(PlanKey("plan"), None, start, Instant(origin + (first + end) * day), (), (), waived, kept)
        )
    found = sorted(
        (segment.part for segment in segments(book, _subscription(phases), JANUARY)),
        key=lambda part: part.start,
    )
    start = max(JANUARY.start, phases[0].start)
    last = phases[-1].end
    assert last is not None
    end = min(JANUARY.end, last)
    if start >= end:
        assert found == []
        return
    assert (found[0].start, found[-1].end) == (start, end)
    assert all(before.end == after.start for before, after in pairwise(found))


def _catalog(*prices: Price) -> Catalog:
    return Catalog(
        contracts=ContractBook(()),
        events=Versions(()),
        meters=Versions((METER,)),
        prices=Versions(prices),
        plans=Versions((plan(prices[0].key),)),
        sellers=Versions(()),
        customers=Versions(()),
        subscriptions=Versions(()),
        subjects=SubjectBook(()),
        mappings=Versions(()),
        sources=Versions(()),
        policies=Versions(()),
        programs=Versions(()),
        coupons=Versions(()),
        taxes=Versions(()),
    )


def _subscription(phases: Sequence[Phase]) -> Subscription:
    return Subscription(SUBSCRIPTION, 1, Instant(0), CUSTOMER, tuple(phases), "digest")
