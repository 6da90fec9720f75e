"""Verify the books: every row against the folio that added it, and what says more by itself: sealed invoices
and catalog documents against their digests, series without a gap, that crossings were told, each once, and
that disputes and their notes agree."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

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
from tieout.kernel.errors import Refusal, TieoutError
from tieout.kernel.instant import format_instant
from tieout.kernel.money import FinerThanMinor, Money, currency
from tieout.ports import LogFinding
from tieout.ports.folios import FolioHead
from tieout.rate.manual_line import ManualLine, line_digest, line_id_of
from tieout.readiness.documents import ReadinessDocument

Members = dict[str, Any]  # an object of a JSON text that has not been looked at yet
NOTED: Final = re.compile(r"(?P<number>[0-9]{1,15}):(?P<digest>[0-9a-f]{64})")
UNREADABLE: Final = (TieoutError, ValueError, KeyError, TypeError, AssertionError)
"""What a record raises that is made of a row which somebody changed."""


@dataclass(frozen=True, slots=True)
class BooksVerification:
    """How much was checked, the last folio, and everything that is not as it was written."""

    invoices: int
    documents: int
    heads: int
    folio: FolioHead
    findings: tuple[LogFinding, ...]


def verify_books(home: Home) -> BooksVerification:
    """Every finding by name. What the lines of an invoice rest on is for a trace to compute again."""
    head = home.books.folios.head()
    findings = [*home.books.folios.findings()]
    invoices, documents, heads = 0, 0, 0
    try:
        invoices = len(home.books.invoices.sealed())
        documents = len(home.books.documents.all())
        heads = len(home.books.heads.all())
    except UNREADABLE as error:
        findings.append(_unreadable("books", error))
    parts: dict[str, Callable[[Home], Iterable[LogFinding]]] = {
        "document": _of_documents,
        "manual line": _of_manual_lines,
        "invoice": _of_invoices,
        "ledger": ledger_findings,
        "notice": notice_findings,
        "head": head_findings,
        "readiness": _of_papers,
        "replay result": replay_result_findings,
        "dispute": dispute_findings,
        "series": _of_series,
    }
    for what, part in parts.items():
        try:
            findings += part(home)
        except UNREADABLE as error:
            findings.append(_unreadable(what, error))
    return BooksVerification(invoices, documents, heads, head, tuple(findings))


class NotAFolio(Refusal):
    """What was noted is no folio's number and digest."""

    code = "not-a-folio"

    def __init__(self, noted: str) -> None:
        super().__init__(
            f"{noted!r} is no folio: write NUMBER:DIGEST, as `tieout verify` prints the last one."
        )


def noted_folio(home: Home, noted: str) -> list[LogFinding]:
    """What was noted elsewhere, NUMBER:DIGEST, held against the books. Raises `NotAFolio`."""
    found = NOTED.fullmatch(noted.strip())
    if found is None:
        raise NotAFolio(noted)
    there = home.books.folios.digest(int(found["number"]))
    if there == found["digest"]:
        return []
    detail = f"digest {found['digest']} was noted, {there or 'none'} is here: the books were rewritten"
    return [LogFinding("folio", found["number"], detail)]


def _unreadable(what: str, error: Exception) -> LogFinding:
    return LogFinding(what, "", f"what is stored cannot be read: {type(error).__name__}: {error}")


def _of_documents(home: Home) -> list[LogFinding]:
    documents = home.books.documents.all()
    each_alone = [finding for document in documents for finding in _of_document(document)]
    return each_alone or _together(documents)


def _of_manual_lines(home: Home) -> Iterator[LogFinding]:
    for line in home.books.manual_lines.all():
        yield from _of_manual_line(line)


def _of_invoices(home: Home) -> Iterator[LogFinding]:
    """Against what they rest on, and the credits that were used for them."""
    invoices = home.books.invoices.sealed()
    digests = {document.digest for document in home.books.documents.all()}
    digests |= {line_digest(line) for line in home.books.manual_lines.all()}
    used = _used_by_invoice(home, invoices)
    for listed in invoices:
        whole = home.books.invoices.find(listed.id)
        yield from _of_invoice(listed if whole is None else whole, digests)
        yield from _of_credits(listed if whole is None else whole, used.get(listed.id, []))


def _of_papers(home: Home) -> Iterator[LogFinding]:
    for paper in home.books.readiness.documents():
        yield from _of_paper(paper)


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


def _of_series(home: Home) -> Iterator[LogFinding]:
    invoices, taken = home.books.invoices.sealed(), home.books.invoices.last_numbers()
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
