"""L10 with coupons that end between papers: whatever interims gave of a coupon that the final does not grant
comes back, line by line, on a row of its own; and the ties, which are a computation of their own, agree."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.amounts import coupon, fee
from tests.records import JANUARY, POLICY, SELLER, customer
from tieout.close.reconcile_amounts import amount_breaks
from tieout.invoice.draft import draft
from tieout.invoice.earlier import EarlierLine, scope_of
from tieout.invoice.invoice import KIND_FINAL, KIND_INTERIM, Invoice
from tieout.kernel.ids import LineId, Watermark
from tieout.kernel.money import Money

COUPONS = [coupon(f"p{number}", percent=str(percent)) for number, percent in enumerate((10, 33))]
KEYS = ("a", "b", "c")


@dataclass
class Papers:
    sealed: list[Invoice] = field(default_factory=list)

    def bill(self, amounts: dict[str, int], held: set[int], *, kind: str) -> Invoice:
        """`amounts` in cents, so far; `held` the coupons that hold for this paper."""
        charges = [fee(minor, key=key) for key, minor in sorted(amounts.items())]
        earlier = {
            scope_of(charge): tuple(
                EarlierLine(line.id, paper.id, "S-1", line.quantity, line.amount)
                for paper in self.sealed
                for line in paper.lines
                if line.price == charge.price.key
            )
            for charge in charges
        }
        paper = draft(
            customer=customer(),
            seller=SELLER,
            period=JANUARY,
            charges=charges,
            cutoff=Watermark(1),
            policy=POLICY,
            tzdata_version="2026a",
            software_version="0.1.0",
            kind=kind,
            sequence=len(self.sealed) + 1,
            coupons=[each for place, each in enumerate(COUPONS) if place in held],
            earlier=earlier,
            given=self.given(),
            gave=[each.coupon for each in COUPONS],
        )
        assert amount_breaks(paper) == []
        self.sealed.append(paper)
        return paper

    def given(self) -> dict[tuple[str, LineId], Money]:
        return {
            (row.reference, line): share
            for paper in self.sealed
            for row in paper.discounts
            for line, share in row.shares
        }

    def granted(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for paper in self.sealed:
            prices = {line.id: str(line.price) for line in paper.lines}
            for row in paper.discounts:
                for line, share in row.shares:
                    key = row.reference, prices[line]
                    found[key] = found.get(key, 0) + share.minor
        return {key: minor for key, minor in found.items() if minor}


amounts = st.fixed_dictionaries({key: st.integers(-5_000, 50_000) for key in KEYS})
stages = st.lists(st.tuples(amounts, st.sets(st.integers(0, 1))), min_size=1, max_size=4)


@given(before=stages, last=amounts, held=st.sets(st.integers(0, 1)))
@settings(max_examples=300)
def test_all_papers_grant_of_each_coupon_what_the_final_alone_would(
    before: list[tuple[dict[str, int], set[int]]], last: dict[str, int], held: set[int]
) -> None:
    papers, alone = Papers(), Papers()
    for so_far, holding in before:
        papers.bill(so_far, holding, kind=KIND_INTERIM)
    papers.bill(last, held, kind=KIND_FINAL)
    alone.bill(last, held, kind=KIND_FINAL)
    assert papers.granted() == alone.granted()


def test_what_comes_back_is_a_row_of_its_own_that_says_so() -> None:
    papers = Papers()
    papers.bill({"a": 10_000}, {0}, kind=KIND_INTERIM)
    (row,) = papers.bill({"a": 20_000}, set(), kind=KIND_FINAL).discounts
    assert (row.amount.minor, row.percent, row.stated) == (1_000, None, None)
    assert row.name.endswith(", taken back")
    assert row.text == "it does not hold any more: 10.00 USD that earlier papers of the period gave"
