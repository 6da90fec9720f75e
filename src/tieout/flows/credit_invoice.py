"""A credit note for a line of a sealed paper: one person decides, another approves; it is capped at what is
left of the line, and given back with the line's own tax.

It pays what is still open of the invoice; the rest is the customer's balance, or is refunded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tieout import __version__
from tieout.close.breaks import Break
from tieout.close.reconcile_amounts import total_breaks
from tieout.close.reconcile_credit import credit_breaks
from tieout.close.reconcile_ledger import ledger_breaks
from tieout.correction.credit import Creditable, tax_given_back
from tieout.evidence.stored import SealedRows, StoredEvidence, StoredInvoice
from tieout.evidence.stored_corrections import SettledRow
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.decision import decision_now
from tieout.flows.draft_accounts import ReadyAccount
from tieout.flows.due_accounts import Carried, DueAccount
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.flows.keep_head import keep_head
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
from tieout.invoice.offset import APPLIED
from tieout.invoice.status import Act
from tieout.kernel.errors import (
    ConflictError,
    IntegrityViolation,
    NotFound,
    Refusal,
    TieoutError,
    Unavailable,
    shown,
)
from tieout.kernel.ids import CustomerId, LineId, PolicyKey
from tieout.kernel.money import Money, currency
from tieout.kernel.person import is_same_person
from tieout.kernel.rational import exact
from tieout.kernel.rounding import Rounding
from tieout.kernel.zone import tzdata_version
from tieout.ledger.balances import Selection
from tieout.ledger.entry import Entry
from tieout.rate.credit import PREFIX, credit_charge

Members = dict[str, Any]  # an object of a JSON text that has not been looked at yet
Rest = Literal["balance", "refund"]
CreditKind = Literal["goodwill", "billing-error"]
"""Goodwill stays, whatever becomes of the usage. A billing error counts against what the line is for: the
next correction of the period takes off what was credited, so that nothing is given back twice."""
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


class CreditOvertaken(ConflictError):
    """Somebody else credited the same paper at this very moment."""

    code = "credit-overtaken"

    def __init__(self, customer: CustomerId) -> None:
        super().__init__(
            f"A note of {customer} was sealed at this very moment; nothing was credited: "
            "look, and run it again."
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
class Credited:
    """The note; `applied` went against what was open of the invoice, `rest` to the balance or a refund."""

    note: StoredInvoice
    line: LineId
    amount: Money
    tax: Money
    applied: Money
    rest: Money
    to: Rest


def credit_invoice(
    home: Home,
    id_or_number: str,
    *,
    line: str,
    amount: str | None,
    kind: CreditKind,
    person: str,
    reason: str,
    approved_by: str,
    to: Rest = "balance",
) -> Credited:
    """Credits `amount` of the line, or all that is left (None), before taxes that are added to prices.
    `kind` says whether it is outside of the billing, or corrects it.

    Raises `CreditRefused`, `CreditTooLarge`, `NoSuchInvoice`, `NoSuchLineThere`; `PapersMoved` or
    `CreditOvertaken` where another paper of the customer came in between: then nothing was credited.
    """
    decision = decision_now(home, person=person, reason=reason)
    decision_now(home, person=approved_by, reason=reason)
    if is_same_person(person, approved_by):
        raise CreditRefused([f"{person} decides it; another person approves it (--approved-by)"])
    invoice = show_invoice(home, id_or_number)
    if any(each.invoice.id == invoice.id for each in home.books.corrections.voids()):
        raise CreditRefused([f"{invoice.number} is voided: there is nothing left of it to credit"])
    seen = home.books.corrections.papers(invoice.customer)
    stored = _evidence(home, invoice, line)
    document: Members = json.loads(invoice.document)
    printed = next(each for each in document["lines"] if each["id"] == stored.line.id)
    rows = home.books.corrections.settled([invoice.customer])[invoice.customer]
    unit = currency(invoice.currency)
    creditable = creditable_of(stored, printed, rows, given_of(home, rows))
    asked = _asked(amount, creditable, stored, unit_code=invoice.currency)
    correction = Correction(
        invoice.period,
        stored.line.id,
        (CAUSES[kind],),
        0,
        0,
        f"{decision.reason} (agreed by {decision.person}, approved by {approved_by.strip()}); "
        f"of this line of {invoice.number} there were {Money(creditable.left, unit)}, "
        f"and {Money(creditable.left - asked, unit)} are left",
    )
    note = _note(home, stored, document, printed, correction, Money(asked, unit), creditable)
    entries = proposed_entries(note)
    breaks = [
        *total_breaks(note),
        *credit_breaks(note, creditable),
        *ledger_breaks(note, (), (), entries),
    ]
    if breaks:
        raise CreditDoesNotTie(breaks)
    sealed = _sealed(home, note, entries, stored, seen=seen, to=to, person=decision.person)
    applied = _applied(home, sealed, note)
    tax = sum((each.amount for each in note.taxes if not each.inclusive), Money(0, unit))
    return Credited(sealed, stored.line.id, Money(asked, unit), -tax, applied, -note.total - applied, to)


def creditable_of(
    stored: StoredEvidence, printed: Members, rows: Sequence[SettledRow], shares: Given
) -> Creditable:
    """From the papers that stand; `printed` is the line as its document has it, `shares` what papers gave of
    coupons: what they took off was not asked for."""
    scope = _scope(stored)
    same = [row for row in rows if _scope(row) == scope]
    given = [row for row in rows if row.charge.price.removeprefix(PREFIX) in {each.line.id for each in same}]
    mine = [row for row in given if row.charge.price == f"{PREFIX}{stored.line.id}"]
    unit = currency(stored.invoice.currency)
    net = int(exact(str(printed.get("amount_after_discounts", printed["amount"]))) * 10**unit.exponent)
    others = sum(row.line.amount_minor for row in same if row.line.id != stored.line.id)
    elsewhere = {row.line.id for row in same} - {stored.line.id}
    others += sum(share.minor for (_, line), share in shares.items() if line in elsewhere)
    back = sum(-row.line.amount_minor for row in given)
    return Creditable(net, sum(-row.line.amount_minor for row in mine), net + others - back)


def _scope(each: StoredEvidence | SettledRow) -> tuple[object, ...]:
    charge = each.charge
    return charge.subscription, charge.price, charge.segment.start, charge.grouped_by


def _evidence(home: Home, invoice: StoredInvoice, line: str) -> StoredEvidence:
    """By the line's id, or the last digits of it."""
    name = line if "-" in line else f"{invoice.id}-{line:0>3}"
    stored = home.books.invoices.evidence(LineId(name))
    if stored is None or stored.invoice.id != invoice.id:
        raise NoSuchLineThere(invoice.number, line)
    return stored


def _asked(amount: str | None, creditable: Creditable, stored: StoredEvidence, *, unit_code: str) -> int:
    unit = currency(unit_code)
    left = creditable.left
    if left == 0:
        raise CreditRefused([f"nothing is left of line {stored.line.id} to credit"])
    if amount is None:
        return left
    asked = exact(amount)
    minor = asked * 10**unit.exponent
    if minor.denominator != 1 or minor <= 0:
        raise CreditRefused([f"--amount must be above zero, in whole minor units of {unit}"])
    if minor > left:
        raise CreditTooLarge(stored.line.id, Money(int(minor), unit), Money(left, unit))
    return int(minor)


def _note(
    home: Home,
    stored: StoredEvidence,
    document: Members,
    printed: Members,
    correction: Correction,
    amount: Money,
    creditable: Creditable,
) -> Invoice:
    catalog, invoice, row = load_catalog(home), stored.invoice, stored.charge
    customer = catalog.customers.version(document["customer"]["id"], document["customer"]["version"])
    seller = catalog.sellers.version(document["seller"]["key"], document["seller"]["version"])
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
        tax_category=printed["tax_category"],
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
        policy=_policy(document["policy"]),
        tzdata_version=tzdata_version(),
        software_version=__version__,
        kind=KIND_NOTE,
        sequence=max(notes, default=0) + 1,
        additions=[Billable(charge, correction=correction)],
    )
    taxes = tuple(_taxes(note, stored, document, amount, creditable))
    taxed = replace(note, taxes=taxes, total=totals.total(note.subtotal, (), taxes))
    return status_moved(taxed, Act.RECONCILED)


def _taxes(
    note: Invoice, stored: StoredEvidence, document: Members, amount: Money, creditable: Creditable
) -> list[TaxAmount]:
    unit = amount.currency
    nets = {
        each["id"]: int(exact(each.get("amount_after_discounts", each["amount"])) * 10**unit.exponent)
        for each in document["lines"]
    }
    found: list[TaxAmount] = []
    for tax in document.get("taxes", ()):
        if stored.line.id not in tax["lines"]:
            continue
        whole = int(exact(tax["amount"]) * 10**unit.exponent)
        weights = [nets[line] for line in tax["lines"]]
        shares = shared(whole, weights) if whole else [0 for _ in weights]
        share = Money(dict(zip(tax["lines"], shares, strict=True))[stored.line.id], unit)
        given = tax_given_back(share, creditable, amount.minor)
        base = -(amount - given) if tax["inclusive"] else -amount
        found.append(
            TaxAmount(
                name=tax["name"],
                reference=tax["reference"],
                version=tax["version"],
                digest=tax["digest"],
                jurisdiction=tax["jurisdiction"],
                percent=exact(tax["percent"]),
                base=base,
                amount=-given,
                inclusive=tax["inclusive"],
                compound=tax["compound"],
                rounding=Rounding(tax["rounding"]),
                lines=(note.lines[0].id,),
                text=f"of the {share} of this tax that line {stored.line.id} bore",
                note=tax["note"],
            )
        )
    return found


def _policy(printed: Mapping[str, Any]) -> PolicyReference:
    return PolicyReference(
        PolicyKey(printed["key"]),
        printed["version"],
        printed["digest"],
        tuple((each["role"], each["key_id"]) for each in printed["signatures"]),
        printed["small_team_exception"],
    )


def _sealed(
    home: Home,
    note: Invoice,
    entries: tuple[Entry, ...],
    stored: StoredEvidence,
    *,
    seen: int,
    to: Rest,
    person: str,
) -> StoredInvoice:
    now = home.clock.now()
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
        carried=Carried(papers_seen=seen),
    )
    ready = ReadyAccount(account, note, (), (), entries=entries)
    run = home.books.closes.start(as_of=now, cutoff=note.cutoff, cutoff_at=now)
    issued_at = overtaken(home, [ready], now).get(note.key.customer, now)
    keep_head(home, run)
    sealing = sealing_of(ready, issued_at=issued_at)

    def issue(ordinal: int) -> SealedRows:
        rows = sealing.issue(ordinal)
        assert rows.offset is not None, "a credit is below zero"
        return replace(rows, offset=replace(rows.offset, person=person, is_refunded=to == "refund"))

    try:
        (sealed,) = home.books.invoices.seal([replace(sealing, issue=issue)], run=run)
    except Unavailable:
        raise  # nobody knows what became of it: the next run looks, and tells
    except TieoutError:
        home.books.closes.end(run, at=home.clock.now())  # refused: nothing of it was written
        raise
    home.books.closes.end(run, at=home.clock.now())
    if sealed is None:  # its sequence was taken
        raise CreditOvertaken(note.key.customer)
    return sealed


def _applied(home: Home, sealed: StoredInvoice, note: Invoice) -> Money:
    """What of the note the sealing put against the open receivable."""
    return sum(
        (
            entry.postings[0].amount
            for entry in home.books.ledger.entries(Selection(customer=sealed.customer))
            if entry.id.startswith(f"{APPLIED}{sealed.id}/")
        ),
        Money(0, note.currency),
    )
