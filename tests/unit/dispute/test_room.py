"""However a line is disputed bit by bit, all that waits is what one note over all of it would come to: worked
out here once more with plain fractions."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tieout.correction.credit import Creditable, tax_given_back
from tieout.dispute.room import collectable, with_tax
from tieout.kernel.money import Money, currency

USD = currency("USD")


def half_away(value: Fraction) -> int:
    whole, rest = divmod(value, 1)
    return int(whole) + (rest >= Fraction(1, 2))


@given(
    net=st.integers(1, 100_000),
    percent=st.integers(0, 27),
    credited_percent=st.integers(0, 100),
    cuts=st.lists(st.integers(1, 100), max_size=8),
)
def test_what_waits_is_what_a_note_over_all_of_it_would_come_to(
    net: int, percent: int, credited_percent: int, cuts: list[int]
) -> None:
    tax = half_away(Fraction(net * percent, 100))
    credited = net * credited_percent // 100
    line = Creditable(net, credited, net - credited)
    share = Money(tax, USD)
    before = held = 0
    for cut in cuts:
        asked = min(max(cut * net // 100, 1), line.left - before)
        if asked <= 0:
            break
        waits = with_tax(asked, before, lambda minor: tax_given_back(share, line, minor).minor, held)
        before, held = before + asked, held + waits
        given_before = half_away(Fraction(tax * credited, net))
        assert held == before + half_away(Fraction(tax * (credited + before), net)) - given_before
        assert asked - 1 <= waits <= asked + half_away(Fraction(tax * asked, net)) + 1
    assert before <= line.left and held <= line.left + tax


@given(owed=st.integers(-1_000, 10_000), disputed=st.lists(st.integers(1, 3_000), max_size=4))
def test_only_what_is_disputed_waits(owed: int, disputed: list[int]) -> None:
    found = collectable(owed, sum(disputed))
    assert found >= 0
    if owed >= sum(disputed):
        assert found + sum(disputed) == owed, "the rest is due to the last cent"
    else:
        assert found == 0
