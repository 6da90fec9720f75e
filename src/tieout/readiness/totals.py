"""Totals are reconciled to the finance export: what finance adds up from the exported text is what the sealed
documents say, invoice by invoice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction

from tieout.evidence.stored import StoredInvoice
from tieout.invoice.stored_document import read_document
from tieout.kernel.rational import exact
from tieout.readiness.facts import Facts, PaperTotals
from tieout.readiness.finance_export import ExportedTotals
from tieout.readiness.item import Checked, Fact, Open, Problem, passed_or_open
from tieout.readiness.samples import money

VERIFY = "run tieout verify and tieout ledger export --format csv, and compare the two by this number"


def check_totals(facts: Facts) -> Checked:
    assert facts.totals is not None, "read where the item is asked for"
    papers, found = facts.totals.papers, facts.totals.exported
    if isinstance(found, str):
        return Open((), (Problem(f"finance has no export to add up: {found}", "tieout verify"),))
    if not papers:
        action = "close a period (tieout close), then export it (tieout ledger export)"
        nothing = Problem("no invoice is sealed, so there is no total to reproduce", action, is_absence=True)
        return Open((), (nothing,))
    problems = [problem for paper in papers for problem in _of_paper(paper, found)]
    for code, off in sorted(found.off.items()):
        differ = f"debits and credits of {code} differ by {money(off, code)}"
        problems.append(Problem(differ, "tieout verify"))
    evidence = (
        *(
            Fact(each.number, f"{money(each.total, each.currency)} in the document and in the export")
            for each in papers
            if each.number in facts.sampled and not list(_of_paper(each, found))
        ),
        Fact("added up", _added_up(papers, found), signed=False),
    )
    return passed_or_open(evidence, tuple(problems))


def _of_paper(paper: PaperTotals, found: ExportedTotals) -> Iterator[Problem]:
    key = (paper.number, paper.currency)
    for what, says, exported in (
        ("the total", paper.total, found.billed.get(key, Fraction(0))),
        ("what is left after credits", paper.after_credits, found.asked.get(key, Fraction(0))),
    ):
        if says != exported:
            stated, adds_up = money(says, paper.currency), money(exported, paper.currency)
            yield Problem(f"{paper.number}: {what} is {stated}, the export adds up to {adds_up}", VERIFY)


def _added_up(papers: Sequence[PaperTotals], found: ExportedTotals) -> str:
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for each in papers:
        sums[each.currency] += found.billed.get((each.number, each.currency), Fraction(0))
    said = ", ".join(money(total, code) for code, total in sorted(sums.items()))
    return f"{said} of {len(papers)} invoices, from {found.rows} rows of the export"


def paper_totals(paper: StoredInvoice) -> PaperTotals:
    """From the sealed bytes; documents of format 1 know no credits."""
    document = read_document(paper.number, paper.document)
    total = exact(document.total)
    credits_ = sum((exact(each.amount) for each in document.credits), exact(0))
    return PaperTotals(paper.number, document.currency, total, total - credits_)
