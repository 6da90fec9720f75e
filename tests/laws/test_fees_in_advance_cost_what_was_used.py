"""Whatever is agreed when, fees in advance come to what the same fees in arrears come to, second by
second."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from tests.records import CUSTOMER, POLICY, SELLER, SUBSCRIPTION, customer, plan
from tieout.balance.movement import Movement, balances
from tieout.close.fees import fee_movements, fees_due
from tieout.close.rating import charges
from tieout.close.reconcile_balances import balance_breaks
from tieout.close.segments import Segment
from tieout.contract.price import Flat, Price
from tieout.contract.subscription import Subscription
from tieout.contract.versions import Versions
from tieout.invoice.draft import draft
from tieout.kernel.ids import PriceKey, Watermark
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant
from tieout.kernel.period import Period
from tieout.kernel.rounding import Rounding

PERIOD_SECONDS = 30
PERIODS = 4
AMOUNTS = {"basic": Fraction(30), "pro": Fraction(91)}


def price(key: str) -> Price:
    return Price(
        key=PriceKey(key),
        version=1,
        effective_from=Instant(0),
        meter=None,
        currency="USD",
        description=key,
        shape=Flat(AMOUNTS[key], "advance"),
        rounding=Rounding.HALF_AWAY_FROM_ZERO,
        tier_split="restart",
        digest=f"{key}-digest",
    )


CATALOG = SimpleNamespace(
    prices=Versions([price(key) for key in AMOUNTS]), program_with=lambda _price, _instant: None
)
OURS = Subscription(SUBSCRIPTION, 1, Instant(0), CUSTOMER, (), "digest")


def seconds(start: int, end: int) -> Period:
    return Period(Instant(start * SECOND_MICROSECONDS), Instant(end * SECOND_MICROSECONDS))


History = list[tuple[int, str | None]]
"""(from second, plan or None); the last holds on."""


def parts(history: History, period: tuple[int, int]) -> list[tuple[str, int, int]]:
    found = []
    for place, (start, key) in enumerate(history):
        end = history[place + 1][0] if place + 1 < len(history) else PERIOD_SECONDS * (PERIODS + 1)
        first, last = max(start, period[0]), min(end, period[1])
        if key is not None and first < last:
            found.append((key, first, last))
    return found


def segments(history: History, ordinal: int) -> list[Segment]:
    bounds = (ordinal * PERIOD_SECONDS, (ordinal + 1) * PERIOD_SECONDS)
    return [
        Segment(SUBSCRIPTION, CUSTOMER, seconds(*bounds), seconds(start, end), plan(key), price(key), None)
        for key, start, end in parts(history, bounds)
    ]


Change = tuple[int, str | None, int]
"""(from second, plan or None, how many seconds before it was agreed)."""

changes = st.lists(
    st.tuples(
        st.integers(1, PERIOD_SECONDS * PERIODS - 1),
        st.sampled_from(["basic", "pro", None]),
        st.sampled_from([0, 0, 10, PERIOD_SECONDS]),
    ),
    max_size=5,
    unique_by=lambda change: change[0],
).map(sorted)


@given(changes)
def test_fees_in_advance_come_to_what_was_used(told: list[Change]) -> None:
    """Each change is known only to the closes of periods that end after it was agreed."""
    movements: list[Movement] = []
    asked = Fraction(0)
    for ordinal in range(PERIODS):
        end = (ordinal + 1) * PERIOD_SECONDS
        agreed = [(start, key) for start, key, lead in told if start - lead < end]
        known: History = [(0, "basic"), *agreed]
        coming = [] if ordinal == PERIODS - 1 else segments(known, ordinal + 1)
        found = fees_due(  # type: ignore[arg-type]
            CATALOG,
            [OURS],
            [*segments(known, ordinal), *coming],
            movements,
            seconds(end - PERIOD_SECONDS, end),
        )
        rated = [*charges(found.segments, []), *found.credits]
        for credit in found.credits:
            assert not any(
                credit.segment.overlaps(each.part)
                for each in segments(known, ordinal)
                if each.price.key == credit.price.key
            ), "what was used is not credited"
        asked += sum((charge.amount for charge in rated), Fraction(0))
        invoice = draft(
            customer=customer(),
            seller=SELLER,
            period=seconds(end - PERIOD_SECONDS, end),
            charges=rated,
            cutoff=Watermark(1),
            policy=POLICY,
            tzdata_version="2026a",
            software_version="0.1.0",
        )
        moved = fee_movements(found, invoice, at=Instant(end * SECOND_MICROSECONDS - 1))
        assert balance_breaks(invoice, movements, moved) == []
        movements += moved
    history: History = [(0, "basic"), *((start, key) for start, key, _ in told)]
    used = sum(
        (
            AMOUNTS[key] * Fraction(end - start, PERIOD_SECONDS)
            for key, start, end in parts(history, (0, PERIODS * PERIOD_SECONDS))
        ),
        Fraction(0),
    )
    assert asked == used
    assert set(balances(movements).values()) <= {0}
