"""L14 with corrections: whatever a sealed period comes to, after the first correction and the eighth, each
amount stands once, on the latest line, and all entries together come to what one paper would have posted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.harness.effort import times
from tests.laws.test_l13_coupons import KEYS, Papers, granted, known, naive, order_of, percents
from tieout.close.reconcile_ledger import TIE_TAKEN_BACK, ledger_breaks
from tieout.flows.verify_reversals import reversal_findings
from tieout.invoice.entries import proposed_entries
from tieout.invoice.invoice import Invoice
from tieout.kernel.ids import LineId
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry
from tieout.ledger.reversal import reversed_entry
from tieout.ledger.standing import standing_of

stages = st.lists(known, min_size=2, max_size=8)
on_february = st.lists(st.booleans(), min_size=8, max_size=8)


class Ledger:
    """As far as verify and a seal look at it."""

    def __init__(self) -> None:
        self.posted: list[Entry] = []
        self.books = self.ledger = self

    def entries(self) -> list[Entry]:
        return self.posted

    def post(self, paper: Invoice) -> list[Entry]:
        """As its draft proposes them from what stands; every tie holds."""
        taken = {each.line for line in paper.lines if line.correction for each in line.earlier}
        standing = [each for each in standing_of(self.posted) if each.line in taken]
        entries = proposed_entries(paper, standing=standing)
        assert ledger_breaks(paper, (), (), entries, standing) == []
        back = [entry for entry in entries if entry.takes_back]
        assert bool(back) == bool(standing)
        if back:
            honest = ledger_breaks(paper, (), (), [each for each in entries if each not in back], standing)
            assert TIE_TAKEN_BACK in {each.tie for each in honest}, "a reversal left out is found"
        self.posted += entries
        return list(entries)

    def sums(self) -> Counter[Account]:
        found: Counter[Account] = Counter()
        for entry in self.posted:
            for each in entry.postings:
                found[each.account] += each.amount.minor
        return found

    def stands(self, papers: Papers) -> dict[str, list[tuple[LineId, int]]]:
        """By price, the lines of January for which something stands, and what."""
        keys = {line.id: str(line.price) for paper in papers.sealed for line in paper.lines}
        found: dict[str, list[tuple[LineId, int]]] = {}
        for each in standing_of(self.posted):
            if keys[each.line] != "own":
                found.setdefault(keys[each.line], []).append((each.line, each.minor))
        return found


@settings(max_examples=times(quick=60, long=150), deadline=None)
@given(percents, stages, on_february)
def test_after_any_corrections_the_books_hold_what_one_paper_would_have_posted(
    percents: list[tuple[int, tuple[str, ...]]], stages: list[dict[str, int]], on_february: list[bool]
) -> None:
    coupons, ledger = granted(percents, []), Ledger()
    papers = Papers(coupons)
    papers.seal(stages[0])
    ledger.post(papers.sealed[-1])
    own = 0
    for amounts, february in zip(stages[1:], on_february, strict=False):
        before = len(papers.sealed)
        papers.correct(amounts, on_february=february)
        for paper in papers.sealed[before:]:
            ledger.post(paper)
            own += sum(2500 for line in paper.lines if line.price == "own")
        given_of = naive(coupons, amounts, order_of(stages[0], amounts))
        off = {key: sum(minor for (_, of), minor in given_of.items() if of == key) for key in KEYS}
        net = {key: minor + off[key] for key, minor in amounts.items()}
        stands = ledger.stands(papers)
        assert {key: [minor for _, minor in found] for key, found in stands.items()} == {
            key: [-minor] for key, minor in net.items() if minor
        }, "each amount once"
        at_once = proposed_entries(_at_once(coupons, amounts, stages[0]))
        revenue = sum(p.amount.minor for e in at_once for p in e.postings if p.account is Account.REVENUE)
        sums = ledger.sums()
        assert sums[Account.REVENUE] == revenue - own
        assert sums[Account.UNBILLED_RECEIVABLE] == 0
    assert list(reversal_findings(ledger)) == []  # type: ignore[arg-type]


def _at_once(coupons, amounts: dict[str, int], first: dict[str, int]) -> Invoice:  # type: ignore[no-untyped-def]
    """One paper of the final state, its lines in the order in which they came up."""
    papers = Papers(coupons)
    ordered = {key: amounts[key] for key in order_of(first, amounts) if key in amounts}
    papers.seal(ordered)
    return papers.sealed[-1]


@settings(max_examples=times(quick=30, long=60), deadline=None)
@given(stages, on_february)
def test_a_void_of_a_correction_makes_stand_again_what_it_took_back(
    stages: list[dict[str, int]], on_february: list[bool]
) -> None:
    papers, ledger = Papers(()), Ledger()
    papers.seal(stages[0])
    ledger.post(papers.sealed[-1])
    for amounts, february in zip(stages[1:], on_february, strict=False):
        count, settled, before = len(papers.sealed), list(papers.settled), standing_of(ledger.posted)
        papers.correct(amounts, on_february=february)
        for paper in papers.sealed[count:]:
            mine = ledger.post(paper)
            ledger.posted += [reversed_entry(each, reason="void") for each in mine]
            assert standing_of(ledger.posted) == before
            papers.settled = settled
    assert list(reversal_findings(ledger)) == []  # type: ignore[arg-type]


@given(known.filter(any), known, st.integers(1, 500))
def test_a_reversal_of_more_or_twice_is_found(
    first: dict[str, int], second: dict[str, int], more: int
) -> None:
    papers, ledger = Papers(()), Ledger()
    papers.seal(first)
    ledger.post(papers.sealed[-1])
    papers.correct(second, on_february=False)
    for paper in papers.sealed[1:]:
        ledger.post(paper)
    backs = [each for each in ledger.posted if each.takes_back]
    for back in backs:
        other, taken = back.postings[0], back.postings[-1]
        tampered = replace(
            back,
            postings=(
                replace(other, amount=other.amount + replace(other.amount, minor=more)),
                *back.postings[1:-1],
                replace(taken, amount=taken.amount - replace(taken.amount, minor=more)),
            ),
        )
        for wrong in ([tampered], [back, replace(back, id="again")]):
            broken = Ledger()
            broken.posted = [each for each in ledger.posted if each != back] + wrong
            assert list(reversal_findings(broken))  # type: ignore[arg-type]
