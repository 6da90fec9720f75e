"""What a home has sealed, as replay compares it: lines and totals of all papers that stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tieout.contract.document import Document, DocumentKind
from tieout.evidence.stored import StoredInvoice
from tieout.flows.home import Home
from tieout.invoice.stored_document import LineOfDocument, StoredDocument, read_document
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.rational import Exact, exact
from tieout.replay.found import FoundLine, FoundTotal

DIGEST_SHOWN = 12
Digests = Mapping[tuple[str, str, int], str]


@dataclass(frozen=True, slots=True)
class Papers:
    """Of all papers that stand, by customer, period and number. `digests`: SHA-256 of each document by
    number. `waivers`: how many are written on them."""

    lines: tuple[FoundLine, ...]
    totals: tuple[FoundTotal, ...]
    digests: Mapping[str, str]
    waivers: int
    ids: frozenset[InvoiceId]


def sealed_papers(home: Home) -> list[StoredInvoice]:
    """Those that stand, with their documents."""
    void = {each.invoice.id for each in home.books.corrections.voids()}
    found = (
        home.books.invoices.find(each.id) for each in home.books.invoices.sealed() if each.id not in void
    )
    return [each for each in found if each is not None]


def papers(home: Home, *, only: Collection[CustomerId] | None = None, until: Instant | None = None) -> Papers:
    """Of all customers, or of some; sealed before `until`."""
    digests = document_digests(home.books.documents.all())
    lines: list[FoundLine] = []
    totals: list[FoundTotal] = []
    shas: dict[str, str] = {}
    waivers = 0
    ids: list[InvoiceId] = []
    for stored in sealed_papers(home):
        if only is not None and stored.customer not in only:
            continue
        if until is not None and stored.sealed_at >= until:
            continue
        paper = read_document(stored.number, stored.document)
        shas[stored.number] = stored.sha256
        ids.append(stored.id)
        waivers += len(paper.waivers)
        totals.append(_total(paper))
        lines += [_line(paper, line, digests) for line in paper.lines]
    return Papers(tuple(lines), tuple(totals), shas, waivers, frozenset(ids))


def starting_from(found: Papers, since: Instant | None) -> Papers:
    """Of periods that start then or later."""

    def is_in(keys: Mapping[str, str]) -> bool:
        return since is None or parse_instant(keys["period_start"]) >= since

    lines = tuple(each for each in found.lines if is_in(each.keys))
    totals = tuple(each for each in found.totals if is_in(each.keys))
    return Papers(lines, totals, found.digests, found.waivers, found.ids)


def document_digests(documents: Collection[Document]) -> Digests:
    """By kind, key and version; under version 0 that of the latest version."""
    found: dict[tuple[str, str, int], str] = {}
    for each in sorted(documents, key=lambda each: each.version):
        found[each.kind.value, each.key, each.version] = each.digest
        found[each.kind.value, each.key, 0] = each.digest
    return found


def _paper_keys(paper: StoredDocument) -> dict[str, str]:
    return {
        "customer": paper.customer.id,
        "period_start": paper.period.start,
        "period_end": paper.period.end,
        "currency": paper.currency,
        "kind": paper.kind,
        "sequence": str(paper.sequence),
    }


def _line(paper: StoredDocument, line: LineOfDocument, digests: Digests) -> FoundLine:
    snapshot, program, corrected = line.snapshot, line.program, line.correction
    keys = {
        **_paper_keys(paper),
        "subscription": line.subscription,
        "price": line.price,
        "program": "" if program is None else program.key,
        "meter": line.meter or "",
        "group": ";".join(sorted(f"{name}={value}" for name, value in line.group)),
        "segment_start": line.segment.start,
        "segment_end": line.segment.end,
        "unit": line.unit,
        "description": line.description,
        "corrects": "" if corrected is None else corrected.period.start,
    }
    counts = None
    if snapshot is not None:
        counts = (
            f"{paper.number} {line.subscription} {snapshot.meter} {snapshot.meter_version} "
            f"{snapshot.period.start} {snapshot.period.end}"
        )
    return FoundLine(
        keys=keys,
        quantity=exact(line.quantity),
        amount=exact(line.amount),
        snapshot=counts,
        events=0 if snapshot is None else snapshot.event_count,
        rests_on=_rests_on(line, digests),
    )


def _rests_on(line: LineOfDocument, digests: Digests) -> dict[str, str]:
    """`price calls v1 0123456789ab`, and so on."""
    snapshot, program = line.snapshot, line.program
    price = f"price {line.price} v{line.price_version} {line.price_digest[:DIGEST_SHOWN]}"
    found = {"price": price}
    for kind, key, version in (
        (DocumentKind.PLAN.value, line.plan, line.plan_version),
        (DocumentKind.SUBSCRIPTION.value, line.subscription, 0),
    ):
        digest = digests.get((kind, key, version), "")
        found[kind] = f"{kind} {key}{f' v{version}' if version else ''} {digest[:DIGEST_SHOWN]}"
    if program is not None:
        found["program"] = f"program {program.key} v{program.version} {program.digest[:DIGEST_SHOWN]}"
    if snapshot is not None:
        digest = snapshot.meter_digest[:DIGEST_SHOWN]
        found["meter"] = f"meter {snapshot.meter} v{snapshot.meter_version} {digest}"
    return found


def _total(paper: StoredDocument) -> FoundTotal:
    discounts = (exact(each.amount) for each in paper.discounts)
    taxes = (exact(each.amount) for each in paper.taxes if not each.inclusive)
    values: dict[str, Exact] = {
        "subtotal": exact(paper.subtotal),
        "discounts": sum(discounts, start=Exact(0)),
        "taxes": sum(taxes, start=Exact(0)),
        "total": exact(paper.total),
        "due": exact(paper.total if paper.due is None else paper.due),
    }
    return FoundTotal(_paper_keys(paper), values)
