"""Verify the books: sealed invoices and catalog documents against their digests, series without a gap, that
crossings were told, each once, and that disputes and their notes agree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tieout.balance.movement import MovementKind
from tieout.contract.check import check
from tieout.contract.document import Document, record_of
from tieout.evidence.stored import StoredInvoice
from tieout.flows.home import Home
from tieout.flows.verify_disputes import dispute_findings
from tieout.flows.verify_heads import head_findings
from tieout.flows.verify_ledger import ledger_findings
from tieout.flows.verify_notices import notice_findings
from tieout.flows.verify_replay_results import replay_result_findings
from tieout.invoice.number import format_number
from tieout.kernel.digest import document_digest
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import format_instant
from tieout.kernel.money import FinerThanMinor, Money, currency
from tieout.ports import LogFinding
from tieout.rate.manual_line import ManualLine, line_digest, line_id_of
from tieout.readiness.documents import ReadinessDocument

Members = dict[str, Any]  # an object of a JSON text that has not been looked at yet


@dataclass(frozen=True, slots=True)
class BooksVerification:
    """How much was checked, and everything that is not as it was sealed or applied."""

    invoices: int
    documents: int
    heads: int
    findings: tuple[LogFinding, ...]


def verify_books(home: Home) -> BooksVerification:
    """Every finding by name. What the lines of an invoice rest on is for a trace to compute again."""
    invoices = home.books.invoices.sealed()
    documents = home.books.documents.all()
    digests = {document.digest for document in documents}
    lines = home.books.manual_lines.all()
    digests |= {line_digest(line) for line in lines}
    findings = [finding for document in documents for finding in _of_document(document)] or _together(
        documents
    )
    findings += [finding for line in lines for finding in _of_manual_line(line)]
    used = _used_by_invoice(home, invoices)
    for listed in invoices:
        whole = home.books.invoices.find(listed.id)
        findings += _of_invoice(listed if whole is None else whole, digests)
        findings += _of_credits(listed if whole is None else whole, used.get(listed.id, []))
    findings += ledger_findings(home)
    findings += notice_findings(home)
    findings += head_findings(home)
    findings += [each for paper in home.books.readiness.documents() for each in _of_paper(paper)]
    findings += replay_result_findings(home)
    findings += dispute_findings(home)
    findings += _of_series(invoices, home.books.invoices.last_numbers())
    heads = len(home.books.heads.all())
    return BooksVerification(len(invoices), len(documents), heads, tuple(findings))


def _of_document(document: Document) -> Iterator[LogFinding]:
    where = f"{document.kind} {document.key} v{document.version}"
    found = document_digest(document.table)
    if found != document.digest:
        yield LogFinding("document", where, f"digest {document.digest} was applied, {found} is stored")
        return
    record = record_of(document)
    if isinstance(record, tuple):
        yield from (LogFinding("document", where, str(problem)) for problem in record)


def _together(documents: Sequence[Document]) -> list[LogFinding]:
    """What they say of one another, which nothing asks again once they are applied."""
    _, problems = check(documents)
    return [LogFinding("document", problem.key, str(problem)) for problem in problems]


def _of_paper(paper: ReadinessDocument) -> Iterator[LogFinding]:
    """What was signed for readiness is the text that is stored."""
    found = document_digest(paper.document)
    if found != paper.digest:
        where = f"{paper.kind.value} of {paper.subject}"
        yield LogFinding("readiness", where, f"digest {paper.digest} was recorded, {found} is stored")


def _of_manual_line(line: ManualLine) -> Iterator[LogFinding]:
    """Its id is made of what was recorded."""
    if line_id_of(line) != line.id:
        yield LogFinding("manual line", line.id, f"what is stored of it gives the id {line_id_of(line)}")


def _of_invoice(invoice: StoredInvoice, digests: set[str]) -> Iterator[LogFinding]:
    found = sha256(invoice.document).hexdigest()
    if found != invoice.sha256:
        detail = f"the document was sealed with SHA-256 {invoice.sha256} and has {found}"
        yield LogFinding("invoice", invoice.number, detail)
        return
    try:
        document: Members = json.loads(invoice.document)
        for name, printed, stored in _facts(invoice, document):
            if printed != stored:
                yield LogFinding(
                    "invoice", invoice.number, f"{name}: {printed} is printed, {stored} is stored"
                )
        for name, digest in _rests_on(document):
            if digest not in digests:
                detail = f"the {name} it was made with, digest {digest}, is not in the catalog"
                yield LogFinding("invoice", invoice.number, detail)
    except (ValueError, KeyError, TypeError, TieoutError) as error:
        why = f"the document cannot be read: {type(error).__name__}: {error}"
        yield LogFinding("invoice", invoice.number, why)


def _used_by_invoice(home: Home, invoices: Sequence[StoredInvoice]) -> dict[str, list[tuple[str, int]]]:
    """What grants paid for each invoice, by their movements."""
    found: dict[str, list[tuple[str, int]]] = {}
    recorded = home.books.movements.of(sorted({invoice.customer for invoice in invoices}))
    for movements in recorded.values():
        for each in movements:
            if each.kind is MovementKind.USED and each.invoice is not None:
                found.setdefault(each.invoice, []).append((each.account, -each.amount.minor))
    return found


def _of_credits(invoice: StoredInvoice, used: Sequence[tuple[str, int]]) -> Iterator[LogFinding]:
    """The credits that the document prints are the movements that were sealed with it."""
    try:
        document: Members = json.loads(invoice.document)
        unit = currency(invoice.currency)
        printed = [
            (credit["account"], Money.read(credit["amount"], unit).minor)
            for credit in document.get("credits", [])  # absent from what was sealed before there were any
        ]
    except FinerThanMinor as error:
        yield LogFinding("invoice", invoice.number, f"a credit that is printed is no money: {error}")
        return
    except (ValueError, KeyError, TypeError, TieoutError):
        return  # what cannot be read is found by the check of the document
    if sorted(printed) != sorted(used):
        detail = f"credits {sorted(printed)} are printed, movements {sorted(used)} are recorded"
        yield LogFinding("invoice", invoice.number, detail)


def _facts(invoice: StoredInvoice, document: Members) -> tuple[tuple[str, object, object], ...]:
    """What the document and the row beside it both say."""
    total = Money(invoice.total_minor, currency(invoice.currency))
    due = None if invoice.due_minor is None else Money(invoice.due_minor, total.currency).decimal_text
    return (
        ("id", document["id"], invoice.id),
        ("number", document["number"], invoice.number),
        ("customer", document["customer"]["id"], invoice.customer),
        ("start", document["period"]["start"], format_instant(invoice.period.start)),
        ("end", document["period"]["end"], format_instant(invoice.period.end)),
        ("series", document["series"], invoice.series),
        ("currency", document["currency"], invoice.currency),
        ("kind", document["kind"], invoice.kind),
        ("sequence", document["sequence"], invoice.sequence),
        ("total", document["total"], total.decimal_text),
        ("due", document.get("due"), due),  # absent from documents of format 1
        ("cutoff", document["cutoff"], invoice.cutoff),
        ("policy", document["policy"]["digest"], invoice.policy_digest),
    )


def _rests_on(document: Members) -> Iterator[tuple[str, str]]:
    for kind in ("customer", "seller", "policy"):
        yield kind, document[kind]["digest"]
    for digest in sorted({line["price_digest"] for line in document["lines"]}):
        yield "price", digest
    for discount in document.get("discounts", ()):
        yield f"coupon {discount['coupon']}", discount["coupon_digest"]
    for tax in document.get("taxes", ()):
        yield f"tax {tax['reference']}", tax["digest"]
    snapshots = [line["snapshot"] for line in document["lines"] if line["snapshot"] is not None]
    for digest in sorted({snapshot["meter_digest"] for snapshot in snapshots}):
        yield "meter", digest


def _of_series(invoices: Sequence[StoredInvoice], taken: dict[str, int]) -> Iterator[LogFinding]:
    for series in sorted({_series(invoice) for invoice in invoices} | taken.keys()):
        numbers = {invoice.number for invoice in invoices if _series(invoice) == series}
        for ordinal in range(1, len(numbers) + 1):
            if format_number(series, ordinal) not in numbers:
                yield LogFinding("series", series, f"{format_number(series, ordinal)} is missing")
        last = taken.get(series, 0)
        if last != len(numbers):
            detail = f"its last number is {last}, and it holds {len(numbers)} invoices"
            yield LogFinding("series", series, detail)


def _series(invoice: StoredInvoice) -> str:
    """That of its number: notes are numbered apart."""
    return invoice.number.rpartition("-")[0]
