"""A credit note for one line of a sealed paper, worked out: how much is left of the line, the note with the
line's own tax, whether its layers tie, and what sealing it writes. Whoever decides it is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tieout import __version__
from tieout.close.breaks import Break
from tieout.close.reconcile_amounts import total_breaks
from tieout.close.reconcile_credit import credit_breaks
from tieout.close.reconcile_ledger import ledger_breaks
from tieout.correction.credit import Creditable, CreditKind, Rest, tax_given_back
from tieout.evidence.stored import SealedRows, StoredEvidence, StoredInvoice
from tieout.evidence.stored_corrections import SettledRow
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.draft_accounts import ReadyAccount
from tieout.flows.due_accounts import Carried, DueAccount
from tieout.flows.home import Home
from tieout.flows.policy import policies
from tieout.flows.recorded_order import overtaken
from tieout.flows.seal_account import sealing_of
from tieout.flows.sealed_periods import given_of
from tieout.invoice import totals
from tieout.invoice.amounts import TaxAmount
from tieout.invoice.billable import Billable
from tieout.invoice.contained import shared
from tieout.invoice.discounts import Given
from tieout.invoice.draft import draft
from tieout.invoice.draft import moved as status_moved
from tieout.invoice.earlier import Cause, Correction
from tieout.invoice.entries import proposed_entries
from tieout.invoice.invoice import KIND_NOTE, Invoice, PolicyReference
from tieout.invoice.status import Act
from tieout.invoice.stored_document import (
    LineOfDocument,
    PolicyOfDocument,
    StoredDocument,
    TaxOfDocument,
    read_document,
)
from tieout.kernel.errors import ConflictError, IntegrityViolation, NotFound, Refusal, shown
from tieout.kernel.ids import LineId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Currency, Money, currency
from tieout.kernel.rational import exact
from tieout.kernel.rounding import Rounding
from tieout.kernel.zone import tzdata_version
from tieout.ledger.entry import Entry
from tieout.ports import Sealing
from tieout.rate.credit import PREFIX, credit_charge

CAUSES: Mapping[CreditKind, Cause] = {"goodwill": Cause.CREDITED, "billing-error": Cause.MISBILLED}


class CreditRefused(Refusal):
    """A credit that cannot be given as it was asked for."""

    code = "credit-refused"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"Nothing was credited: {'; '.join(problems)}.")


class CreditTooLarge(ConflictError):
    """More than is left of the line."""

    code = "credit-too-large"

    def __init__(self, line: str, asked: Money, left: Money) -> None:
        super().__init__(
            f"{asked} cannot be credited of line {line}: {left} of it is left. Nothing was credited."
        )


class CreditDoesNotTie(IntegrityViolation):
    """The note's layers do not tie: it is not sealed."""

    code = "credit-does-not-tie"

    def __init__(self, breaks: Sequence[Break]) -> None:
        said = "; ".join(f"{each.tie}: expected {each.expected}, found {each.found}" for each in breaks)
        super().__init__(f"The credit note does not tie, and was not sealed: {said}.")


class NoSuchLineThere(NotFound):
    """The paper has no line of that id or place."""

    code = "no-such-line-there"

    def __init__(self, invoice: str, line: str) -> None:
        super().__init__(f"{invoice} has no line {shown(line)}; `tieout invoice show` names its lines.")


@dataclass(frozen=True, slots=True)
class CreditedLine:
    """A line, its paper's document, the line as printed there, and what of it can still be given back."""

    stored: StoredEvidence
    document: StoredDocument
    printed: LineOfDocument
    creditable: Creditable

    @property
    def currency(self) -> Currency:
        return currency(self.stored.invoice.currency)

    @property
    def left(self) -> Money:
        return Money(self.creditable.left, self.currency)

    def tax_on(self, minor: int, *, besides: int = 0) -> int:
        """Minor units of the taxes added to prices that go with so many more of the line, after `besides`."""
        if not minor:
            return 0
        credited = self.creditable.credited + besides
        after = replace(self.creditable, credited=credited)
        return sum(
            tax_given_back(share, after, minor).minor
            for tax, share in _shares(self.stored, self.document)
            if not tax.inclusive
        )


@dataclass(frozen=True, slots=True)
class PlannedNote:
    """The note, reconciled, and its entries; `amount` of the line before `tax` that is added."""

    note: Invoice
    entries: tuple[Entry, ...]
    line: CreditedLine
    amount: Money

    @property
    def tax(self) -> Money:
        added = (each.amount for each in self.note.taxes if not each.inclusive)
        return -sum(added, Money(0, self.amount.currency))


def credited_line(home: Home, invoice: StoredInvoice, line: str) -> CreditedLine:
    """`line`: its id, or the last digits of it. Raises `NoSuchLineThere`."""
    return credited_lines(home, invoice, [line])[0]


def credited_lines(home: Home, invoice: StoredInvoice, lines: Sequence[str]) -> tuple[CreditedLine, ...]:
    """The same of several, read once."""
    document = read_document(invoice.number, invoice.document)
    rows = home.books.corrections.settled([invoice.customer]).get(invoice.customer, ())
    given = given_of(home, rows)
    found = []
    for line in lines:
        stored = _evidence(home, invoice, line)
        printed = next(each for each in document.lines if each.id == stored.line.id)
        found.append(CreditedLine(stored, document, printed, creditable_of(stored, printed, rows, given)))
    return tuple(found)


def asked_minor(amount: str | None, line: CreditedLine) -> int:
    """All that is left where `amount` is None. Raises `CreditRefused` or `CreditTooLarge`."""
    unit, left, name = line.currency, line.creditable.left, line.stored.line.id
    if left == 0:
        raise CreditRefused([f"nothing is left of line {name} to credit"])
    if amount is None:
        return left
    asked = exact(amount)
    if asked <= 0 or not unit.has(asked):
        raise CreditRefused([f"--amount must be above zero, in whole minor units of {unit}"])
    minor = Money.exactly(asked, unit).minor
    if minor > left:
        raise CreditTooLarge(name, Money(minor, unit), line.left)
    return minor


def planned_note(
    home: Home, line: CreditedLine, minor: int, *, kind: CreditKind, why: str, place: int = 0
) -> PlannedNote:
    """`place`: how many other notes of the period are sealed before it in the same transaction. Raises
    `CreditDoesNotTie`, and `CreditRefused` where profiles are gone."""
    stored, invoice, unit = line.stored, line.stored.invoice, line.currency
    left = line.creditable.left
    correction = Correction(
        invoice.period,
        stored.line.id,
        (CAUSES[kind],),
        0,
        0,
        f"{why}; of this line of {invoice.number} there were {Money(left, unit)}, "
        f"and {Money(left - minor, unit)} are left",
    )
    amount = Money(minor, unit)
    note = _note(home, line, correction, amount, place)
    entries = proposed_entries(note)
    breaks = [
        *total_breaks(note),
        *credit_breaks(note, line.creditable),
        *ledger_breaks(note, (), (), entries),
    ]
    if breaks:
        raise CreditDoesNotTie(breaks)
    return PlannedNote(note, entries, line, amount)


def note_sealing(
    home: Home,
    planned: PlannedNote,
    *,
    papers_seen: int,
    disputes_seen: int,
    to: Rest,
    person: str,
    now: Instant,
) -> Sealing:
    """What the books are asked to seal, in a run that began at `now`."""
    note, stored = planned.note, planned.line.stored
    state = next(each for each in policies(home) if each.policy.digest == note.policy.digest)
    subscription = load_catalog(home).subscriptions.latest(stored.charge.subscription)
    account = DueAccount(
        note.key.customer,
        note.period,
        () if subscription is None else (subscription,),
        () if subscription is None else (stored.charge.period,),
        state,
        kind=KIND_NOTE,
        sequence=note.key.sequence,
        carried=Carried(papers_seen=papers_seen),
    )
    ready = ReadyAccount(account, note, (), (), entries=planned.entries)
    issued_at = overtaken(home, [ready], now).get(note.key.customer, now)
    sealing = sealing_of(ready, issued_at=issued_at)

    def issue(ordinal: int) -> SealedRows:
        rows = sealing.issue(ordinal)
        assert rows.offset is not None, "a credit is below zero"
        offset = replace(rows.offset, person=person, is_refunded=to == "refund")
        return replace(rows, offset=offset, disputes_seen=disputes_seen)

    return replace(sealing, issue=issue)


def creditable_of(
    stored: StoredEvidence, printed: LineOfDocument, rows: Sequence[SettledRow], shares: Given
) -> Creditable:
    """From the papers that stand; `printed` is the line as its document has it, `shares` what papers gave of
    coupons: what they took off was not asked for."""
    scope = scope_of(stored)
    same = [row for row in rows if scope_of(row) == scope]
    given = [row for row in rows if row.charge.price.removeprefix(PREFIX) in {each.line.id for each in same}]
    mine = [row for row in given if row.charge.price == f"{PREFIX}{stored.line.id}"]
    unit = currency(stored.invoice.currency)
    net = _net(printed, unit)
    others = sum(row.line.amount_minor for row in same if row.line.id != stored.line.id)
    elsewhere = {row.line.id for row in same} - {stored.line.id}
    others += sum(share.minor for (_, line), share in shares.items() if line in elsewhere)
    back = sum(-row.line.amount_minor for row in given)
    return Creditable(net, sum(-row.line.amount_minor for row in mine), net + others - back)


def scope_of(each: StoredEvidence | SettledRow) -> tuple[object, ...]:
    """What a line is for: those of one scope are settled together."""
    charge = each.charge
    return charge.subscription, charge.price, charge.segment.start, charge.grouped_by


def _evidence(home: Home, invoice: StoredInvoice, line: str) -> StoredEvidence:
    """By the line's id, or the last digits of it."""
    name = line if "-" in line else f"{invoice.id}-{line:0>3}"
    stored = home.books.invoices.evidence(LineId(name))
    if stored is None or stored.invoice.id != invoice.id:
        raise NoSuchLineThere(invoice.number, line)
    return stored


def _note(home: Home, line: CreditedLine, correction: Correction, amount: Money, place: int) -> Invoice:
    stored, document, printed = line.stored, line.document, line.printed
    catalog, invoice, row = load_catalog(home), stored.invoice, stored.charge
    customer = catalog.customers.version(document.customer.id, document.customer.version)
    seller = catalog.sellers.version(document.seller.key, document.seller.version)
    if customer is None or seller is None:
        raise CreditRefused([f"the profiles behind {invoice.number} are not in the catalog"])
    notes = [
        each.sequence
        for each in home.books.invoices.sealed(invoice.customer)
        if each.kind == KIND_NOTE and each.period == invoice.period
    ]
    charge = credit_charge(
        stored.line.id,
        amount,
        description=stored.line.description,
        subscription=row.subscription,
        plan=row.plan,
        plan_version=row.plan_version,
        price_version=row.price_version,
        price_digest=row.price_digest,
        tax_category=printed.tax_category,
        effective_from=row.segment.start,
        period=row.period,
        segment=row.segment,
    )
    note = draft(
        customer=customer,
        seller=seller,
        period=invoice.period,
        charges=(),
        cutoff=home.log.head(),
        policy=_policy(document.policy),
        tzdata_version=tzdata_version(),
        software_version=__version__,
        kind=KIND_NOTE,
        sequence=max(notes, default=0) + 1 + place,
        additions=[Billable(charge, correction=correction)],
    )
    taxes = tuple(_taxes(note, line, amount))
    taxed = replace(note, taxes=taxes, total=totals.total(note.subtotal, (), taxes))
    return status_moved(taxed, Act.RECONCILED)


def _taxes(note: Invoice, line: CreditedLine, amount: Money) -> list[TaxAmount]:
    found: list[TaxAmount] = []
    for tax, share in _shares(line.stored, line.document):
        given = tax_given_back(share, line.creditable, amount.minor)
        base = -(amount - given) if tax.inclusive else -amount
        found.append(
            TaxAmount(
                name=tax.name,
                reference=tax.reference,
                version=tax.version,
                digest=tax.digest,
                jurisdiction=tax.jurisdiction,
                percent=exact(tax.percent),
                base=base,
                amount=-given,
                inclusive=tax.inclusive,
                compound=tax.compound,
                rounding=Rounding(tax.rounding),
                lines=(note.lines[0].id,),
                text=f"of the {share} of this tax that line {line.stored.line.id} bore",
                note=tax.note,
            )
        )
    return found


def _shares(stored: StoredEvidence, document: StoredDocument) -> list[tuple[TaxOfDocument, Money]]:
    """The taxes that the line bore, and how much of each."""
    unit = currency(stored.invoice.currency)
    nets = {each.id: _net(each, unit) for each in document.lines}
    found: list[tuple[TaxOfDocument, Money]] = []
    for tax in document.taxes:
        if stored.line.id not in tax.lines:
            continue
        whole = Money.read(tax.amount, unit).minor
        weights = [nets[line] for line in tax.lines]
        shares = shared(whole, weights) if whole else [0 for _ in weights]
        found.append((tax, Money(dict(zip(tax.lines, shares, strict=True))[stored.line.id], unit)))
    return found


def _net(printed: LineOfDocument, unit: Currency) -> int:
    """Minor units of a line as its document has it, less what coupons took off."""
    return Money.read(printed.net, unit).minor


def _policy(printed: PolicyOfDocument) -> PolicyReference:
    return PolicyReference(
        printed.key,
        printed.version,
        printed.digest,
        tuple((each.role, each.key_id) for each in printed.signatures),
        printed.small_team_exception,
    )
