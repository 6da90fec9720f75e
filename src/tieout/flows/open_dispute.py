"""Opens a dispute: an invoice or a line of it, a type, an amount. Its evidence pack is built and kept first;
then who owns it, by when, and what is not collected meanwhile go on record in one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tieout.close.period_zone import zone_then
from tieout.contract.notice_target import Severity
from tieout.dispute.deadline import deadlines
from tieout.dispute.dispute import Dispute, fold
from tieout.dispute.event import Claim, DisputeEvent, Opened, PackRef, dispute_id
from tieout.dispute.opening import (
    DisputedInvoice,
    DisputedLine,
    DisputeOrder,
    check_room_again,
    claim_made,
    opened_words,
    refuse_what_asks_for_nothing,
    same_dispute,
)
from tieout.dispute.owners import Owners
from tieout.dispute.type import RULES
from tieout.evidence.stored import StoredInvoice
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.build_pack import build_pack
from tieout.flows.credit_note import CreditedLine, credited_line
from tieout.flows.decision import decision_now
from tieout.flows.disputes import TRIES, Known, dispute_notice, known_disputes, owners_in_force
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.invoice.stored_document import read_document
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.money import Money, currency
from tieout.ports.disputes import DisputesMoved, Step
from tieout.rate.credit import PREFIX

OPENED_KIND: Final = "dispute.opened"


@dataclass(frozen=True, slots=True)
class OpenedDispute:
    """Not `is_new`: the same was disputed before, for the same reason, by the same person, and may be decided
    by now."""

    dispute: Dispute
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What stays the same, however often another dispute comes in between."""

    order: DisputeOrder
    invoice: StoredInvoice
    line: CreditedLine | None
    owners: Owners
    zone_name: str
    pack: PackRef | None
    without_pack: str | None
    api_key: str | None


def open_dispute(
    home: Home, order: DisputeOrder, *, person: str, api_key: str | None = None
) -> OpenedDispute:
    """Raises `DisputeRefused`, `NoRoom`, `OwnersUnnamed`, `NoSuchInvoice`, `NoSuchLineThere`,
    `DecisionIncomplete`, that the installation has no key, and `PapersMoved` or `DisputesMoved` where
    something came in between: then nothing was recorded, but a pack may be kept that nothing names."""
    decision = decision_now(home, person=person, reason=order.reason)
    owners = owners_in_force(home)
    invoice = show_invoice(home, order.invoice)
    _refuse_what_asks_for_nothing(home, invoice)
    line = None if order.line is None else credited_line(home, invoice, order.line)
    known = known_disputes(home, invoice.customer)
    name = None if line is None else line.stored.line.id
    same = same_dispute(known.disputes, order, invoice.id, name, person=decision.person)
    if same is not None:
        return OpenedDispute(same, is_new=False)
    _claim(home, order, invoice, line, known)  # refused before a pack is built
    pack, without = _pack(home, name or invoice.number)
    zone_name = zone_then(load_catalog(home), invoice.customer, home.clock.now())
    wanted = _Wanted(order, invoice, line, owners, zone_name, pack, without, api_key)
    for left in range(TRIES, 0, -1):
        try:
            return _recorded(home, wanted, decision.person, decision.reason)
        except DisputesMoved:
            if left == 1:
                raise
    raise AssertionError("the last try returns or raises")


def _refuse_what_asks_for_nothing(home: Home, invoice: StoredInvoice) -> None:
    is_void = any(each.invoice.id == invoice.id for each in home.books.corrections.voids())
    total = Money(invoice.total_minor, currency(invoice.currency))
    refuse_what_asks_for_nothing(invoice.number, total, is_void=is_void)


def _pack(home: Home, name: str) -> tuple[PackRef | None, str | None]:
    """Kept before it is on record. Where what is stored is not what was sealed there is none, and the dispute
    says why: the records conflict."""
    try:
        return kept_pack(home, name), None
    except IntegrityViolation as error:
        return None, str(error)


def kept_pack(home: Home, name: str) -> PackRef:
    """Built and kept. Raises `IntegrityViolation`, or that there is no key."""
    built = build_pack(home, name)
    digest = home.kept_packs.keep(built.content)
    return PackRef(digest, built.manifest_sha256, len(built.content), built.events)


def _recorded(home: Home, wanted: _Wanted, person: str, reason: str) -> OpenedDispute:
    """Or what the same words opened meanwhile: a pack takes its time."""
    papers_seen = home.books.corrections.papers(wanted.invoice.customer)
    known = known_disputes(home, wanted.invoice.customer)
    order, invoice = wanted.order, wanted.invoice
    name = None if wanted.line is None else wanted.line.stored.line.id
    same = same_dispute(known.disputes, order, invoice.id, name, person=person)
    if same is not None:
        return OpenedDispute(same, is_new=False)
    line = None if wanted.line is None else credited_line(home, invoice, wanted.line.stored.line.id)
    claim = _claim(home, order, invoice, line, known)
    at = home.clock.now()
    rule = RULES[order.type]
    said = Opened(
        claim=claim,
        reason=reason,
        zone_name=wanted.zone_name,
        owners=wanted.owners.first_named(rule.routed_to),
        deadlines=deadlines(order.type, at, wanted.zone_name),
        pack=wanted.pack,
        without_pack=wanted.without_pack,
        api_key=wanted.api_key,
    )
    ordinal = 1 + sum(each.invoice == invoice.id for each in known.disputes)
    id = dispute_id(invoice.id, ordinal)
    event = DisputeEvent(id, 1, invoice.customer, invoice.id, at, person, said)
    title, text = opened_words(event, said, invoice.number)
    notice = dispute_notice(
        home,
        event,
        OPENED_KIND,
        severity=Severity.WARNING,
        title=title,
        text=text,
        to=[rule.routed_to],
    )
    home.books.disputes.record(Step((event,), known.seen, papers_seen, (notice,)))
    return OpenedDispute(fold([event]), is_new=True)


def _claim(
    home: Home, order: DisputeOrder, invoice: StoredInvoice, line: CreditedLine | None, known: Known
) -> Claim:
    """Raises `NoRoom` or `DisputeRefused`."""
    disputed = None
    if line is not None:
        disputed = DisputedLine(line.stored.line.id, line.creditable.left, line.tax_on)
    return claim_made(order, _disputed(home, invoice, known), disputed)


def _disputed(home: Home, invoice: StoredInvoice, known: Known) -> DisputedInvoice:
    mine = tuple(each for each in known.disputes if each.invoice == invoice.id)
    unit = currency(invoice.currency)
    return DisputedInvoice(invoice.id, invoice.number, unit, left_of_invoice(home, invoice), mine)


def left_of_invoice(home: Home, invoice: StoredInvoice) -> int:
    """Minor units: its total, less the credit notes for its lines."""
    rows = home.books.corrections.settled([invoice.customer]).get(invoice.customer, ())
    own = {each.id for each in read_document(invoice.number, invoice.document).lines}
    notes = {
        row.invoice.id: row.invoice.total_minor
        for row in rows
        if row.charge.price.startswith(PREFIX) and row.charge.price.removeprefix(PREFIX) in own
    }
    return max(invoice.total_minor + sum(notes.values()), 0)


def check_reopened_room(home: Home, dispute: Dispute, known: Known) -> None:
    """What was disputed may have been disputed by another, or given back, since. Raises `NoRoom`."""
    invoice = show_invoice(home, dispute.invoice)
    _refuse_what_asks_for_nothing(home, invoice)
    line = dispute.claim.line
    left = None if line is None else credited_line(home, invoice, line).creditable.left
    check_room_again(dispute.claim, _disputed(home, invoice, known), left_of_line=left)
