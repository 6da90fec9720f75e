"""L13 with coupons: whatever a sealed period comes to with its corrections, its papers together give of each
coupon, line by line, what one invoice would have given; a naive computation in whole numbers agrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.amounts import coupon, fee, tax, taxation
from tests.faults.harness.effort import times
from tests.laws.test_l13_corrections import CHANGE, settled_of
from tests.records import JANUARY, POLICY, SELLER, customer
from tieout.close.reconcile import settled_breaks
from tieout.close.reconcile_amounts import amount_breaks
from tieout.close.reconcile_corrections import correction_breaks
from tieout.contract.price import Flat
from tieout.correction.adjust import adjustments, complete
from tieout.correction.causes import explained
from tieout.correction.coupons import Granted, with_coupons
from tieout.correction.settled import SettledLine, by_scope
from tieout.invoice.billable import Billable
from tieout.invoice.discounts import GrantedCoupon
from tieout.invoice.draft import draft
from tieout.invoice.invoice import KIND_FINAL, KIND_NOTE, Invoice
from tieout.kernel.ids import LineId, Watermark
from tieout.kernel.instant import parse_instant
from tieout.kernel.money import Money
from tieout.kernel.period import Period
from tieout.rate.charge import Charge

FEBRUARY = Period(JANUARY.end, parse_instant("2026-03-01T00:00:00Z"))
KEYS = ("a", "b", "c", "d")
AHEAD = "ahead"
TAXED = taxation(tax("vat", "19", categories=("standard",)), tax("low", "7", categories=("reduced",)))
Amounts = Mapping[str, int]
"""Minor units by price."""

known = st.dictionaries(st.sampled_from(KEYS), st.integers(-3000, 30_000), max_size=4)
some_prices = st.sets(st.sampled_from((*KEYS, AHEAD)), max_size=4).map(lambda found: tuple(sorted(found)))
percents = st.lists(st.tuples(st.integers(1, 10_000), some_prices), max_size=2)
sums = st.lists(st.tuples(st.integers(1, 20_000), some_prices), max_size=2)


def granted(percents: Sequence[tuple[int, tuple[str, ...]]], sums: Sequence[tuple[int, tuple[str, ...]]]):  # type: ignore[no-untyped-def]
    return [
        *(coupon(f"p{n}", percent=str(Fraction(bp, 100)), prices=on) for n, (bp, on) in enumerate(percents)),
        *(coupon(f"s{n}", amount=str(Fraction(off, 100)), prices=on) for n, (off, on) in enumerate(sums)),
    ]


def asked_of(amounts: Amounts) -> list[Charge]:
    return [
        fee(amounts[key], key=key, category="reduced" if key == "b" else "standard")
        for key in KEYS
        if key in amounts
    ]


@dataclass
class Papers:
    """The papers of January, each as the close makes it from those before."""

    coupons: Sequence[GrantedCoupon]
    ahead: int | None = None
    sealed: list[Invoice] = field(default_factory=list)
    settled: list[SettledLine] = field(default_factory=list)
    fees: tuple[tuple[SettledLine, ...], ...] = ()

    def seal(self, amounts: Amounts) -> None:
        charges = asked_of(amounts)
        if self.ahead is not None:
            charges.append(fee(self.ahead, key=AHEAD))
        paper = self.paper(JANUARY, charges=charges, coupons=self.coupons)
        lines = [self.settled_in(paper, line.id) for line in paper.lines]
        self.settled = [each for each in lines if each.scope.price != AHEAD]
        ahead = (each for each in lines if each.scope.price == AHEAD)
        self.fees = tuple(
            (replace(each, price=replace(each.price, shape=Flat(Fraction(0)))),) for each in ahead
        )

    def correct(self, amounts: Amounts, *, on_february: bool) -> None:
        whole = complete(asked_of(amounts), by_scope(self.settled), [])
        billables = self.due(amounts)
        assert correction_breaks(whole, self.settled, billables) == []
        if not billables:
            return
        own = [fee(5000, key="own")] if on_february else []
        paper = self.paper(
            FEBRUARY if on_february else JANUARY,
            charges=own,
            coupons=[coupon("p0", percent="50")] if on_february else (),
            additions=billables,
        )
        assert settled_breaks([*own, *(each.charge for each in billables)], paper.lines) == []
        if on_february:
            (mine,) = (row for row in paper.discounts if row.corrects is None)
            assert (mine.base.minor, mine.amount.minor) == (5000, -2500), "the new period's stays apart"
        self.settled += [self.settled_in(paper, line.id) for line in paper.lines[len(own) :]]
        assert self.due(amounts) == [], "the second look finds nothing more"

    def due(self, amounts: Amounts) -> list[Billable]:
        asked, settled, explain = asked_of(amounts), by_scope(self.settled), explained(CHANGE)
        return with_coupons(
            complete(asked, settled, []),
            adjustments(asked, settled, [], explain=explain, taxation=TAXED),
            settled,
            Granted(tuple(self.coupons), self.given(), self.fees, self.sealed[0].id),
            period=JANUARY,
            explain=explain,
            taxation=TAXED,
        )

    def paper(
        self,
        period: Period,
        *,
        charges: Sequence[Charge],
        coupons: Sequence[GrantedCoupon],
        additions: Sequence[Billable] = (),
    ) -> Invoice:
        found = draft(
            customer=customer(),
            seller=SELLER,
            period=period,
            charges=charges,
            cutoff=Watermark(1),
            policy=POLICY,
            tzdata_version="2026a",
            software_version="0.1.0",
            kind=KIND_FINAL if charges else KIND_NOTE,
            sequence=len(self.sealed) + 1,
            coupons=coupons,
            taxation=TAXED,
            additions=additions,
        )
        assert amount_breaks(found) == []
        self.sealed.append(found)
        return found

    def settled_in(self, paper: Invoice, name: LineId) -> SettledLine:
        (line,) = (each for each in paper.lines if each.id == name)
        found = settled_of(0, line)
        return replace(found, line=replace(found.line, invoice=paper.id))

    def given(self) -> dict[tuple[str, LineId], Money]:
        return {
            (row.reference, line): share
            for paper in self.sealed
            for row in paper.discounts
            for line, share in row.shares
        }

    def discounted(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for paper in self.sealed:
            names = {line.id: line.price for line in paper.lines}
            for row in paper.discounts:
                for line, share in row.shares:
                    if names[line] != "own":
                        key = row.reference, names[line]
                        found[key] = found.get(key, 0) + share.minor
        return {key: minor for key, minor in found.items() if minor}


def naive(
    coupons: Sequence[GrantedCoupon], amounts: Amounts, order: Sequence[str]
) -> dict[tuple[str, str], int]:
    """What one invoice gives: percents first, each rounded once, shared by the largest parts cut off."""
    left = {key: amounts.get(key, 0) for key in order}
    found: dict[tuple[str, str], int] = {}
    for each in coupons:
        terms = each.coupon
        mine = [key for key in order if not terms.scope.prices or key in terms.scope.prices]
        base = max(sum(left[key] for key in mine), 0)
        if terms.percent is not None:
            wanted = int(base * terms.percent / 100 + Fraction(1, 2))
        else:
            assert terms.amount is not None
            wanted = int(terms.amount * 100)
        used, weights = min(wanted, base), [max(left[key], 0) for key in mine]
        if used == 0:
            continue
        cut = [divmod(used * weight, sum(weights)) for weight in weights]
        shares = [whole for whole, _ in cut]
        for place in sorted(range(len(cut)), key=lambda n: -cut[n][1])[: used - sum(shares)]:
            shares[place] += 1
        for key, share in zip(mine, shares, strict=True):
            left[key] -= share
            if share:
                found[terms.key, key] = -share
    return found


def order_of(first: Amounts, last: Amounts) -> list[str]:
    """Lines of the final invoice as it has them, then what came later."""
    on_final = [key for key in KEYS if key in first]
    return on_final + [key for key in KEYS if key in last and key not in first]


@settings(max_examples=times(quick=120, long=300), deadline=None)
@given(percents, sums, st.lists(known, min_size=2, max_size=8), st.lists(st.booleans(), min_size=8))
def test_all_papers_of_a_period_give_of_its_coupons_what_one_invoice_gives(
    percents: list[tuple[int, tuple[str, ...]]],
    sums: list[tuple[int, tuple[str, ...]]],
    stages: list[dict[str, int]],
    on_february: list[bool],
) -> None:
    coupons = granted(percents, sums)
    papers = Papers(coupons)
    papers.seal(stages[0])
    for amounts, february in zip(stages[1:], on_february, strict=False):
        papers.correct(amounts, on_february=february)
        assert papers.discounted() == naive(coupons, amounts, order_of(stages[0], amounts))


@settings(max_examples=times(quick=120, long=300), deadline=None)
@given(percents, sums, st.integers(0, 20_000), st.lists(known, min_size=2, max_size=6))
def test_a_fee_in_advance_keeps_its_share_and_the_others_bear_the_rest(
    percents: list[tuple[int, tuple[str, ...]]],
    sums: list[tuple[int, tuple[str, ...]]],
    ahead: int,
    stages: list[dict[str, int]],
) -> None:
    coupons = granted(percents, sums)
    papers = Papers(coupons, ahead)
    papers.seal(stages[0])
    of_fee = {key: minor for key, minor in papers.discounted().items() if key[1] == AHEAD}
    for amounts in stages[1:]:
        papers.correct(amounts, on_february=False)
        found = papers.discounted()
        assert {key: minor for key, minor in found.items() if key[1] == AHEAD} == of_fee
        left = {**amounts, AHEAD: ahead}
        for each in coupons:
            terms = each.coupon
            mine = [key for key in left if not terms.scope.prices or key in terms.scope.prices]
            room = max(sum(left[key] for key in mine), 0)
            wanted = (
                int(terms.amount * 100)
                if terms.amount is not None
                else int(room * (terms.percent or 0) / 100 + Fraction(1, 2))
            )
            fixed = -of_fee.get((terms.key, AHEAD), 0)
            others = sum(max(left[key], 0) for key in mine if key != AHEAD)
            borne = min(max(min(wanted, room) - fixed, 0), others)
            shares = {key: -found.get((terms.key, key), 0) for key in left}
            assert sum(shares.values()) == fixed + borne
            left = {key: minor - shares[key] for key, minor in left.items()}
