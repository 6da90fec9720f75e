"""What corrections gave back counts once: for a line before its taxes, for a whole invoice with them, line by
line, since the dispute was opened, and for one dispute of the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.dispute.sample import CLAIM, LINE, OPENED_AT, history
from tieout.dispute.corrected import CorrectedBack, back_since, check_corrected, check_not_twice
from tieout.dispute.dispute import Dispute, fold
from tieout.dispute.event import Claim, Decided
from tieout.dispute.refused import DisputeRefused
from tieout.dispute.state import Act
from tieout.kernel.ids import LineId
from tieout.kernel.instant import Instant

OTHER = LineId("in_1-004")
WHOLE = replace(CLAIM, line=None, amount=1_190)
BEFORE, AFTER = Instant(OPENED_AT - 1), Instant(OPENED_AT + 1)


def opened(claim: Claim, id: str = "dp_1") -> Dispute:
    return fold(history(Act.OPENED, dispute=id, claim=claim))


def corrected(claim: Claim, *, minor: int, opened_at: Instant) -> Dispute:
    """Upheld by a correction of so much, before."""
    claim = replace(claim, amount=minor, with_tax=minor)
    decided = Decided(Act.UPHELD, "it is mended", "Finn", (), corrected=True)
    return replace(opened(claim, "dp_0"), opened_at=opened_at, decided=decided)


def tax_on(line: LineId, minor: int) -> int:
    return minor // 10 if line == LINE else minor // 5


back = st.builds(
    CorrectedBack,
    st.sampled_from([LINE, OTHER]),
    st.sampled_from([BEFORE, OPENED_AT, AFTER]),
    st.integers(-500, 500),
)


@given(st.lists(back, max_size=6))
def test_what_came_since_counts_line_by_line_with_the_taxes_that_were_disputed(
    given_: list[CorrectedBack],
) -> None:
    since = [each for each in given_ if each.at == AFTER]
    one, other = (max(sum(each.minor for each in since if each.line == line), 0) for line in (LINE, OTHER))
    assert back_since(opened(WHOLE), given_, [], tax_on) == one + one // 10 + other + other // 5
    of_line = [each for each in given_ if each.line == LINE]
    assert back_since(opened(CLAIM), of_line, [], tax_on) == one


@given(before=st.integers(0, 500), since=st.integers(0, 500), taken=st.integers(1, 900))
def test_what_another_dispute_was_upheld_by_is_not_there_twice(before: int, since: int, taken: int) -> None:
    given_ = [CorrectedBack(LINE, OPENED_AT, before), CorrectedBack(LINE, AFTER, since)]
    other = corrected(CLAIM, minor=taken, opened_at=BEFORE)
    left = before + since - taken  # of all that came since the first of the two was opened
    expected = min(max(left, 0), since)
    assert back_since(opened(CLAIM), given_, [other], tax_on) == expected
    noted = replace(other, decided=Decided(Act.UPHELD, "so it is", "Finn", ()))
    elsewhere = replace(other, claim=replace(other.claim, line=OTHER))
    for each in (noted, elsewhere, replace(other, id="dp_1"), opened(CLAIM, "dp_2")):
        assert back_since(opened(CLAIM), given_, [each], tax_on) == since


@pytest.mark.parametrize("claim", [CLAIM, WHOLE])
def test_only_what_was_given_back_whole_is_upheld_as_corrected(claim: Claim) -> None:
    whole = 1_000 if claim.line is not None else 1_190
    check_corrected(claim, Act.UPHELD, whole)
    check_corrected(claim, Act.UPHELD, whole + 1)
    for outcome, minor in ((Act.UPHELD, whole - 1), (Act.PARTLY_UPHELD, whole)):
        with pytest.raises(DisputeRefused, match="of the rest a note gives back"):
            check_corrected(claim, outcome, minor)


@pytest.mark.parametrize("claim", [CLAIM, WHOLE])
def test_notes_and_corrections_give_back_no_more_than_is_disputed(claim: Claim) -> None:
    whole = 1_000 if claim.line is not None else 1_190
    check_not_twice(claim, whole, 0)
    check_not_twice(claim, whole - 1, 1)
    with pytest.raises(DisputeRefused, match=r"gave back 0\.01 USD already"):
        check_not_twice(claim, whole, 1)
