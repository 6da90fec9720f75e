"""Opens a dispute: an invoice or a line of it, a type, an amount. Its evidence pack is built and kept first;
then who owns it, by when, and what is not collected meanwhile go on record in one step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tieout.close.period_zone import zone_then
from tieout.contract.notice_target import Severity
from tieout.dispute.deadline import deadlines
from tieout.dispute.dispute import Dispute, fold
from tieout.dispute.event import Claim, DisputeEvent, Opened, PackRef, dispute_id
from tieout.dispute.owners import Owners
from tieout.dispute.role import Role
from tieout.dispute.room import check_room, on_invoice, on_line, with_tax
from tieout.dispute.type import RULES, DisputeType
from tieout.evidence.stored import StoredInvoice
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.build_pack import build_pack
from tieout.flows.credit_note import CreditedLine, credited_line
from tieout.flows.decision import decision_now
from tieout.flows.disputes import TRIES, Known, dispute_notice, known_disputes, owners_in_force
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.kernel.errors import IntegrityViolation, Refusal
from tieout.kernel.money import Money, currency
from tieout.kernel.person import is_same_person
from tieout.kernel.rational import exact, exact_text
from tieout.ports.disputes import DisputesMoved, Step
from tieout.rate.credit import PREFIX

OPENED_KIND: Final = "dispute.opened"


class DisputeRefused(Refusal):
    """It cannot be disputed so."""

    code = "dispute-refused"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"Nothing was recorded: {'; '.join(problems)}.")


@dataclass(frozen=True, slots=True)
class DisputeOrder:
    """`line`: its id or last digits; None: the invoice as a whole. `amount` None: all that is left."""

    invoice: str
    line: str | None
    type: DisputeType
    amount: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class OpenedDispute:
    """Not `is_new`: the same is disputed already, for the same reason, by the same person."""

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
    same = _same(known, order, invoice, line, person=decision.person)
    if same is not None:
        return OpenedDispute(same, is_new=False)
    _claim(home, order, invoice, line, known)  # refused before a pack is built
    pack, without = _pack(home, invoice.number if line is None else line.stored.line.id)
    zone_name = zone_then(load_catalog(home), invoice.customer, home.clock.now())
    wanted = _Wanted(order, invoice, line, owners, zone_name, pack, without, api_key)
    for left in range(TRIES, 0, -1):
        try:
            return OpenedDispute(_recorded(home, wanted, decision.person, decision.reason), is_new=True)
        except DisputesMoved:
            if left == 1:
                raise
    raise AssertionError("the last try returns or raises")


def _refuse_what_asks_for_nothing(home: Home, invoice: StoredInvoice) -> None:
    problems = []
    if any(each.invoice.id == invoice.id for each in home.books.corrections.voids()):
        problems.append(f"{invoice.number} is voided: nothing is asked for")
    if invoice.total_minor <= 0:
        total = Money(invoice.total_minor, currency(invoice.currency))
        problems.append(f"{invoice.number} comes to {total}: nothing is asked for")
    if problems:
        raise DisputeRefused(problems)


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


def _recorded(home: Home, wanted: _Wanted, person: str, reason: str) -> Dispute:
    papers_seen = home.books.corrections.papers(wanted.invoice.customer)
    known = known_disputes(home, wanted.invoice.customer)
    order, invoice = wanted.order, wanted.invoice
    line = None if wanted.line is None else credited_line(home, invoice, wanted.line.stored.line.id)
    claim = _claim(home, order, invoice, line, known)
    at = home.clock.now()
    rule = RULES[order.type]
    said = Opened(
        claim=claim,
        reason=reason,
        zone_name=wanted.zone_name,
        owners=_first_named(wanted.owners, rule.routed_to),
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
    return fold([event])


def opened_words(event: DisputeEvent, said: Opened, number: str) -> tuple[str, str]:
    """Title and text of the notice that tells of it; `number` is the invoice's."""
    claim = said.claim
    routed_to = RULES[claim.type].routed_to.value
    return (
        f"Dispute {event.dispute}: {claim.money} of {claim.line or number}",
        f"{claim.type.value}: {said.reason}\nGoes to {routed_to}; opened by {event.person}.",
    )


def _first_named(owners: Owners, routed_to: Role) -> tuple[tuple[Role, str], ...]:
    """Of the role that it goes to, and of ops, who write to the customer."""
    return tuple((role, owners.persons[role][0]) for role in Role if role in (routed_to, Role.OPS))


def _same(
    known: Known, order: DisputeOrder, invoice: StoredInvoice, line: CreditedLine | None, *, person: str
) -> Dispute | None:
    """Sent again, as people and programs do who did not see the answer."""
    name = None if line is None else line.stored.line.id
    for each in known.disputes:
        same = each.is_open and (each.invoice, each.claim.line) == (invoice.id, name)
        said = (each.claim.type, each.reason) == (order.type, order.reason.strip())
        amount = order.amount is None or exact(order.amount) == each.claim.money.as_fraction()
        if same and said and amount and is_same_person(each.opened_by, person):
            return each
    return None


def _claim(
    home: Home, order: DisputeOrder, invoice: StoredInvoice, line: CreditedLine | None, known: Known
) -> Claim:
    """Raises `NoRoom` or `DisputeRefused`."""
    unit = currency(invoice.currency)
    mine = [each for each in known.disputes if each.invoice == invoice.id]
    left, disputed = left_of_invoice(home, invoice), on_invoice(mine, invoice.id)
    if line is None:
        asked = _asked(order.amount, Money(left - disputed, unit))
        check_room(f"invoice {invoice.number}", asked, left=left, disputed=disputed)
        return Claim(order.type, None, unit, asked.minor, asked.minor)
    name = line.stored.line.id
    before = on_line(mine, name)
    asked = _asked(order.amount, Money(line.creditable.left - before, unit))
    check_room(f"line {name}", asked, left=line.creditable.left, disputed=before)
    held = sum(each.not_collected for each in mine if each.claim.line == name)
    waits = with_tax(asked.minor, before, line.tax_on, held)
    check_room(
        f"invoice {invoice.number}, which that comes to with taxes,",
        Money(waits, unit),
        left=left,
        disputed=disputed,
    )
    return Claim(order.type, name, unit, asked.minor, waits)


def _asked(amount: str | None, left: Money) -> Money:
    unit = left.currency
    if amount is None:
        if left.minor <= 0:
            raise DisputeRefused(["nothing is left to dispute"])
        return left
    asked = exact(amount)
    if asked <= 0 or not unit.has(asked):
        raise DisputeRefused(
            [f"--amount {exact_text(asked)}: must be above zero, in whole minor units of {unit}"]
        )
    return Money.exactly(asked, unit)


def left_of_invoice(home: Home, invoice: StoredInvoice) -> int:
    """Minor units: its total, less the credit notes for its lines."""
    rows = home.books.corrections.settled([invoice.customer]).get(invoice.customer, ())
    own = {each["id"] for each in json.loads(invoice.document)["lines"]}
    notes = {
        row.invoice.id: row.invoice.total_minor
        for row in rows
        if row.charge.price.startswith(PREFIX) and row.charge.price.removeprefix(PREFIX) in own
    }
    return max(invoice.total_minor + sum(notes.values()), 0)


def check_reopened_room(home: Home, dispute: Dispute, known: Known) -> None:
    """What was disputed may have been disputed by another, or given back, since. Raises `NoRoom`."""
    invoice = show_invoice(home, dispute.invoice)
    unit, claim = currency(invoice.currency), dispute.claim
    mine = [each for each in known.disputes if each.invoice == invoice.id]
    _refuse_what_asks_for_nothing(home, invoice)
    if claim.line is not None:
        left = credited_line(home, invoice, claim.line).creditable.left
        check_room(f"line {claim.line}", claim.money, left=left, disputed=on_line(mine, claim.line))
    check_room(
        f"invoice {invoice.number}",
        Money(claim.with_tax, unit),
        left=left_of_invoice(home, invoice),
        disputed=on_invoice(mine, invoice.id),
    )
