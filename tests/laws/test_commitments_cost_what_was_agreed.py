"""Over its term a commitment costs what was agreed, however usage is spread; held against plain formulas.

With metered usage S, of which every part is billed at the plan's prices: a minimum C costs max(C, S), a
maximum min(C, S), and each period with roll-over max(C, S - R), where R is what was paid before and not used.
"""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tieout.balance.commitment import CommittedPeriod, Role, committed, recorded_as, standing
from tieout.balance.movement import Movement, balance
from tieout.contract.subscription import Commitment
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant
from tieout.kernel.money import currency

USD = currency("USD")
ACCOUNT = "commitment/acme/term"
usages = st.lists(st.integers(-30, 200), min_size=1, max_size=6)
amounts = st.integers(1, 300)


def agreed(kind: str, minor: int, billing: str, **more: object) -> Commitment:
    found = {"rollover": False, "rollover_cap": None, "overage_rate": Fraction(1), **more}
    return Commitment("term", kind, Fraction(minor, 100), Instant(0), Instant(1), billing, **found)  # type: ignore[arg-type]


def play(commitment: Commitment, used: list[int]) -> tuple[list[Fraction], list[Movement]]:
    """What each period costs in minor units, usage included; and all movements."""
    movements: list[Movement] = []
    costs = []
    for place, usage in enumerate(used):
        state = standing(movements, ACCOUNT)
        facts = CommittedPeriod(usage, 1, 1, last=place == len(used) - 1)
        lines, moved = committed(commitment, state, facts, USD)
        costs.append(usage + sum((line.amount * 100 for line in lines), Fraction(0)))
        movements += [
            recorded_as(each, ACCOUNT, CustomerId("acme"), USD, InvoiceId(f"in_{place}"), Instant(place))
            for each in moved
        ]
        assert balance(movements, ACCOUNT) >= 0
    assert len({each.id for each in movements}) == len(movements)
    return costs, movements


@given(usages, amounts, st.sampled_from(["end_of_term", "upfront"]))
def test_a_minimum_costs_the_greater_of_itself_and_the_usage(
    used: list[int], minor: int, billing: str
) -> None:
    costs, movements = play(agreed("minimum", minor, billing), used)
    total = sum(used)
    assert sum(costs) == (max(minor, total) if total >= 0 else minor + total)
    assert balance(movements, ACCOUNT) == 0
    assert balance(movements, f"{ACCOUNT}/metered") == total


@given(usages, amounts)
def test_a_maximum_costs_the_lesser_of_itself_and_the_usage(used: list[int], minor: int) -> None:
    costs, movements = play(agreed("maximum", minor, "end_of_term"), used)
    assert sum(costs) == min(minor, sum(used))
    assert balance(movements, ACCOUNT) == 0


@given(usages, amounts, st.fractions(0, 3, max_denominator=8))
def test_usage_above_a_minimum_costs_the_rate_times_its_price(
    used: list[int], minor: int, rate: Fraction
) -> None:
    costs, _ = play(agreed("minimum", minor, "end_of_term", overage_rate=rate), used)
    total = sum(used)
    above = max(total - minor, 0)
    expected = max(minor, total) - above + above * rate if total >= 0 else minor + total
    assert sum(costs) == expected


@given(usages, amounts, st.none() | st.integers(1, 200))
def test_each_period_costs_at_least_itself_less_nothing_and_rolls_over_what_was_not_used(
    used: list[int], minor: int, cap: int | None
) -> None:
    more = {"rollover": True, "rollover_cap": None if cap is None else Fraction(cap, 100)}
    costs, movements = play(agreed("minimum", minor, "each_period", **more), used)
    rolled = 0
    for place, usage in enumerate(used):
        spent = max(usage, 0)
        own = max(spent - rolled, 0)
        expected = max(minor, own) + (usage if usage < 0 else 0)
        assert costs[place] == expected
        rolled = min(max(minor - own, 0), minor if cap is None else cap)
    assert balance(movements, ACCOUNT) == 0


@given(st.lists(st.integers(0, 200), min_size=2, max_size=6), amounts)
def test_more_roll_over_never_costs_more(used: list[int], minor: int) -> None:
    without, _ = play(agreed("minimum", minor, "each_period"), used)
    with_it, _ = play(agreed("minimum", minor, "each_period", rollover=True), used)
    assert all(one <= other for one, other in zip(with_it, without, strict=True))


@given(usages, amounts)
def test_a_line_is_there_for_every_difference_and_none_for_nothing(used: list[int], minor: int) -> None:
    movements: list[Movement] = []
    for place, usage in enumerate(used):
        facts = CommittedPeriod(usage, 1, 1, last=place == len(used) - 1)
        commitment = agreed("minimum", minor, "upfront")
        lines, moved = committed(commitment, standing(movements, ACCOUNT), facts, USD)
        assert all(line.amount != 0 or line.role is Role.LAPSED for line in lines)
        assert [line.role for line in lines] == sorted((line.role for line in lines), key=list(Role).index)
        movements += [
            recorded_as(each, ACCOUNT, CustomerId("acme"), USD, InvoiceId(f"in_{place}"), Instant(place))
            for each in moved
        ]
