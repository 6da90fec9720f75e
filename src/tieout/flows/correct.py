"""`correction preview` and `approve`: one person has the difference worked out, another lets it be billed.

A report is only what it was worked out from: where the log, the catalog or what was settled has changed
since, it is stale, and a new one is previewed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tieout.close.account import AccountOutcome
from tieout.contract.catalog import Catalog
from tieout.contract.document import Document, DocumentKind
from tieout.evidence.stored_corrections import StoredApproval, StoredReport
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.corrected_catalog import CorrectedCatalog, corrected_catalog, recorrected_catalog
from tieout.flows.delta_report import DeltaPeriod, delta_periods, report_digest, report_text, section_text
from tieout.flows.find_corrections import FoundCorrections, Sought, find_corrections
from tieout.flows.home import Home
from tieout.flows.policy import PERSON_LENGTH_MAX, policies
from tieout.kernel.canonical import JsonNumber, canonical_json
from tieout.kernel.errors import ConflictError, NotFound, Refusal, Unavailable, shown
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.person import is_same_person

LATE, PRICE = "late data", "corrected catalog"
REASON_LENGTH_MAX = 500
NAMED_MAX = 5
"""So many of very many periods are named; the rest are counted."""


class NobodyDecides(Refusal):
    """A correction is a named person's decision, with a reason."""

    code = "nobody-decides"

    def __init__(self, member: str, most: int) -> None:
        super().__init__(f"{member} needs 1 to {most} printable characters: it is kept with the correction.")


class CorrectsEverybody(Refusal):
    """A corrected price holds for everybody who has it; a report of some would leave the others wrong."""

    code = "corrects-everybody"

    def __init__(self, others: Sequence[CustomerId]) -> None:
        named = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        super().__init__(
            f"The catalog also changes sealed periods of {named}, and holds for all once it is approved: "
            "preview it without --customer. Nothing was stored."
        )


class NoSuchReport(NotFound):
    """No delta report has that digest."""

    code = "no-such-report"

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"There is no one delta report {shown(digest)}; `tieout correction list` names those there are."
        )


class SelfApproved(ConflictError):
    """Whoever has a correction worked out does not approve it."""

    code = "self-approved"

    def __init__(self, person: str) -> None:
        super().__init__(f"{person} previewed this correction; another person approves it.")


class StaleReport(ConflictError):
    """The report no longer says what the correction would be."""

    code = "stale-report"

    def __init__(self, digest: str, changed: Sequence[str]) -> None:
        more = f" and {len(changed) - NAMED_MAX} more" if len(changed) > NAMED_MAX else ""
        super().__init__(
            f"Report {digest[:16]} is stale: since it was previewed, it has changed what becomes of "
            f"{'; '.join(changed[:NAMED_MAX])}{more}. Nothing was approved: run `tieout correction preview` "
            "again."
        )


class ReportBilled(ConflictError):
    """The report was approved, and all that it says is billed."""

    code = "report-billed"

    def __init__(self, report: StoredReport) -> None:
        by, at = report.approvals[0].person, format_instant(report.approvals[0].approved_at)
        super().__init__(
            f"Report {report.digest[:16]} was approved by {by} at {at}, and all of it is on papers already: "
            "nothing is left to approve. `tieout correction list` names the papers."
        )


class ApprovedLater(Unavailable):
    """The last report that was approved is the one that is billed, so none is approved before another."""

    code = "approved-later"

    def __init__(self, last: Instant, now: Instant) -> None:
        at, here = format_instant(last), format_instant(now)
        super().__init__(
            f"A report was approved at {at}, and it is {here} here: the clock went back. Nothing was "
            "approved: set the clock, or approve it again after that."
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """A delta report: stored under its digest where there is something to correct (None: there is not)."""

    digest: str | None
    kind: str
    watermark: int
    person: str
    reason: str
    periods: tuple[DeltaPeriod, ...]
    stopped: tuple[AccountOutcome, ...]
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approved:
    """`applied` are the documents that were applied with the approval. `before`: when the same person had
    approved the same report already; then nothing was recorded again."""

    digest: str
    person: str
    periods: int
    applied: tuple[str, ...]
    before: Instant | None = None


def preview(
    home: Home,
    *,
    person: str,
    reason: str,
    customers: tuple[CustomerId, ...] | None = None,
    catalog_folder: Path | None = None,
) -> Preview:
    """Works out what has become of sealed periods, and stores it as a report to approve. With a catalog, as
    if its documents were applied: each must be a price version that supersedes another. Raises
    `NoSuchCustomer`: of a misspelt one there would be nothing to correct; `CorrectsEverybody`.
    """
    _check("--by", person, PERSON_LENGTH_MAX)
    _check("--reason", reason, REASON_LENGTH_MAX)
    corrected = None if catalog_folder is None else corrected_catalog(home, catalog_folder)
    catalog = load_catalog(home) if corrected is None else corrected.catalog
    for customer in customers or ():
        if customer not in catalog.customers:
            raise NoSuchCustomer(customer)
    if corrected is not None and customers is not None:
        others = sorted(corrected.repriced.keys() - set(customers))
        if others:
            raise CorrectsEverybody(others)
    found, deltas = _worked_out(home, catalog, corrected, customers, reason)
    documents = () if corrected is None else corrected.fresh
    text = report_text(
        deltas,
        kind=LATE if corrected is None else PRICE,
        watermark=found.watermark,
        person=person,
        reason=reason,
        documents=[document.digest for document in documents],
    )
    digest = report_digest(text) if deltas or documents else None
    whole = corrected is None or not found.stopped  # documents are applied for all or not at all
    if digest is not None and whole:
        home.books.corrections.add(
            StoredReport(
                digest,
                LATE if corrected is None else PRICE,
                text,
                _documents_text(documents),
                person,
                reason,
                home.clock.now(),
            )
        )
    return Preview(
        digest if whole else None,
        LATE if corrected is None else PRICE,
        found.watermark,
        person,
        reason,
        deltas,
        found.stopped,
        tuple(document.name for document in documents),
    )


def approve(home: Home, digest: str, *, person: str, reason: str) -> Approved:
    """Lets the report be billed, and applies its documents, all or none. Raises `NoSuchReport`,
    `SelfApproved`, `ReportBilled`, `StaleReport`, `ApprovedLater`, and `ReadinessOpen` where an open item
    refuses its documents."""
    _check("--by", person, PERSON_LENGTH_MAX)
    _check("--reason", reason, REASON_LENGTH_MAX)
    report = report_named(home, digest)
    if is_same_person(person, report.person):
        raise SelfApproved(person)
    mine = next((each for each in report.approvals if is_same_person(each.person, person)), None)
    if mine is not None:
        return Approved(report.digest, mine.person, len(sections_of(report)), (), before=mine.approved_at)
    if report.approvals and not _open_sections(home, report):
        raise ReportBilled(report)
    documents = documents_of(report)
    corrected = recorrected_catalog(home, documents) if documents else None
    catalog = load_catalog(home) if corrected is None else corrected.catalog
    stated = sections_of(report)
    repriced = () if corrected is None else corrected.repriced  # of some nothing may have been sealed then
    customers = tuple(sorted({customer for customer, _ in stated}.union(repriced)))
    found, deltas = _worked_out(home, catalog, corrected, customers, report.reason)
    now = {section_key(each): section_text(each) for each in deltas}
    changed = [
        f"{customer}, period {period}"
        for customer, period in sorted(stated.keys() | now.keys())
        if stated.get((customer, period)) != now.get((customer, period))
    ]
    if changed or found.stopped:
        raise StaleReport(report.digest, changed or sorted({outcome.customer for outcome in found.stopped}))
    approval = StoredApproval(person, reason, _not_before_others(home))
    fresh = () if corrected is None else corrected.fresh
    kinds = frozenset(document.kind for document in fresh)
    home.refuse_change(home, kinds, by_correction=True, fresh=fresh)
    home.books.corrections.approve(report.digest, approval, fresh)
    return Approved(report.digest, person, len(stated), tuple(document.name for document in fresh))


def _open_sections(home: Home, report: StoredReport) -> set[tuple[CustomerId, str]]:
    """What of it no paper carries yet."""
    billed = {
        (each.customer, stretch(each.period))
        for each in home.books.corrections.billed()
        if each.digest == report.digest
    }
    return set(sections_of(report)) - billed


def _not_before_others(home: Home) -> Instant:
    at = home.clock.now()
    others = (said.approved_at for each in home.books.corrections.reports() for said in each.approvals)
    last = max(others, default=at)
    if at < last:
        raise ApprovedLater(last, at)
    return at


def reports(home: Home) -> tuple[StoredReport, ...]:
    """All of them, by instant of preview."""
    return home.books.corrections.reports()


def report_named(home: Home, digest: str) -> StoredReport:
    """By its digest or the beginning of one. Raises `NoSuchReport`."""
    found = [each for each in home.books.corrections.reports() if each.digest.startswith(digest)]
    if len(found) != 1 or len(digest) < 8:
        raise NoSuchReport(digest)
    return found[0]


def sections_of(report: StoredReport) -> Mapping[tuple[CustomerId, str], str]:
    """The report's periods as canonical texts, by customer and period."""
    members = json.loads(report.report, parse_int=JsonNumber, parse_float=JsonNumber)
    return {
        (CustomerId(each["customer"]), _stretch(each["period"])): canonical_json(each)
        for each in members["periods"]
    }


def section_key(delta: DeltaPeriod) -> tuple[CustomerId, str]:
    """As `sections_of` keys it."""
    return delta.customer, stretch(delta.period)


def stretch(period: Period) -> str:
    """A period as reports name it."""
    return f"{format_instant(period.start)} until {format_instant(period.end)}"


def period_of(stretch: str) -> Period:
    """The period that a report names so."""
    start, end = stretch.split(" until ")
    return Period(parse_instant(start), parse_instant(end))


def _stretch(period: Mapping[str, str]) -> str:
    return f"{period['start']} until {period['end']}"


def documents_of(report: StoredReport) -> list[Document]:
    """The documents that approval applies."""
    return [
        Document(
            kind=DocumentKind(each["kind"]),
            key=each["key"],
            version=each["version"],
            effective_from=parse_instant(each["effective_from"]),
            path=each["path"],
            line=each["line"],
            table=each["table"],
            digest=each["digest"],
        )
        for each in json.loads(report.documents)
    ]


def _worked_out(
    home: Home,
    catalog: Catalog,
    corrected: CorrectedCatalog | None,
    customers: tuple[CustomerId, ...] | None,
    reason: str,
) -> tuple[FoundCorrections, tuple[DeltaPeriod, ...]]:
    repriced = _unbilled_prices(home)
    for customer, periods in ({} if corrected is None else corrected.repriced).items():
        repriced[customer] = repriced.get(customer, frozenset()) | periods
    sought = Sought(customers, reason, repriced=repriced)
    found = find_corrections(home, catalog, policies(home), sought)
    return found, tuple(delta for _, delta in delta_periods(home, catalog, found))


def _unbilled_prices(home: Home) -> dict[CustomerId, frozenset[Period]]:
    """The periods that approved price corrections name and no paper carries. Their price versions are applied
    already, so only these reports still say that something is to be billed there: whatever makes one stale,
    or is approved after it, must take it up."""
    prices = [each for each in home.books.corrections.reports() if each.kind == PRICE and each.approvals]
    billed = {(each.digest, each.customer, each.period) for each in home.books.corrections.billed()}
    found: dict[CustomerId, set[Period]] = {}
    for report in prices:
        for customer, named in sections_of(report):
            period = period_of(named)
            if (report.digest, customer, period) not in billed:
                found.setdefault(customer, set()).add(period)
    return {customer: frozenset(periods) for customer, periods in found.items()}


def _documents_text(documents: Sequence[Document]) -> str:
    return canonical_json(
        [
            {
                "kind": each.kind.value,
                "key": each.key,
                "version": JsonNumber(str(each.version)),
                "effective_from": format_instant(each.effective_from),
                "path": each.path,
                "line": None if each.line is None else JsonNumber(str(each.line)),
                "table": each.table,
                "digest": each.digest,
            }
            for each in documents
        ]
    )


def _check(member: str, text: str, most: int) -> None:
    if not (1 <= len(text) <= most and text.isprintable() and text.strip()):
        raise NobodyDecides(member, most)
