"""What may be disputed, how much of it, and in which words that is told. Amounts are minor units of the
invoice's currency."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tieout.dispute.dispute import Dispute
from tieout.dispute.event import Claim, DisputeEvent, Opened
from tieout.dispute.refused import DisputeRefused
from tieout.dispute.room import check_room, on_invoice, on_line, with_tax
from tieout.dispute.type import RULES, DisputeType
from tieout.kernel.ids import InvoiceId, LineId
from tieout.kernel.money import Currency, Money
from tieout.kernel.person import is_same_person
from tieout.kernel.rational import exact, exact_text


@dataclass(frozen=True, slots=True)
class DisputeOrder:
    """`line`: its id or last digits; None: the invoice as a whole. `amount` None: all that is left."""

    invoice: str
    line: str | None
    type: DisputeType
    amount: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class DisputedInvoice:
    """`left`: its total, less the credit notes for its lines; `disputes` of it, decided ones too."""

    id: InvoiceId
    number: str
    currency: Currency
    left: int
    disputes: tuple[Dispute, ...]


@dataclass(frozen=True, slots=True)
class DisputedLine:
    """`left` of it before taxes that are added, and which of those go with so much more of it."""

    id: LineId
    left: int
    tax_on: Callable[[int], int]


def refuse_what_asks_for_nothing(number: str, total: Money, *, is_void: bool) -> None:
    """Of an invoice. Raises `DisputeRefused`."""
    problems = []
    if is_void:
        problems.append(f"{number} is voided: nothing is asked for")
    if total.minor <= 0:
        problems.append(f"{number} comes to {total}: nothing is asked for")
    if problems:
        raise DisputeRefused(problems)


def same_dispute(
    disputes: Iterable[Dispute], order: DisputeOrder, invoice: InvoiceId, line: LineId | None, *, person: str
) -> Dispute | None:
    """Sent again, as people and programs do who did not see the answer, however late that comes: what was
    rejected or withdrawn is reopened by ops, not by the same words once more. Of several the open one, else
    the last."""
    found = None
    for each in disputes:
        same = (each.invoice, each.claim.line) == (invoice, line)
        said = (each.claim.type, each.reason) == (order.type, order.reason.strip())
        amount = order.amount is None or exact(order.amount) == each.claim.money.as_fraction()
        if same and said and amount and is_same_person(each.opened_by, person):
            found = found if found is not None and found.is_open else each
    return found


def claim_made(order: DisputeOrder, invoice: DisputedInvoice, line: DisputedLine | None) -> Claim:
    """What is disputed, and what is not collected meanwhile. Raises `NoRoom` or `DisputeRefused`."""
    unit, left = invoice.currency, invoice.left
    disputed = on_invoice(invoice.disputes, invoice.id)
    if line is None:
        asked = _asked(order.amount, Money(left - disputed, unit))
        check_room(f"invoice {invoice.number}", asked, left=left, disputed=disputed)
        return Claim(order.type, None, unit, asked.minor, asked.minor)
    before = on_line(invoice.disputes, line.id)
    asked = _asked(order.amount, Money(line.left - before, unit))
    check_room(f"line {line.id}", asked, left=line.left, disputed=before)
    held = sum(each.not_collected for each in invoice.disputes if each.claim.line == line.id)
    waits = with_tax(asked.minor, before, line.tax_on, held)
    check_room(
        f"invoice {invoice.number}, which that comes to with taxes,",
        Money(waits, unit),
        left=left,
        disputed=disputed,
    )
    return Claim(order.type, line.id, unit, asked.minor, waits)


def check_room_again(claim: Claim, invoice: DisputedInvoice, *, left_of_line: int | None) -> None:
    """Of one that is reopened: what was disputed may have been disputed by another, or given back, since.
    `left_of_line`: of a disputed line. Raises `NoRoom`."""
    if left_of_line is not None and claim.line is not None:
        disputed = on_line(invoice.disputes, claim.line)
        check_room(f"line {claim.line}", claim.money, left=left_of_line, disputed=disputed)
    check_room(
        f"invoice {invoice.number}",
        Money(claim.with_tax, invoice.currency),
        left=invoice.left,
        disputed=on_invoice(invoice.disputes, invoice.id),
    )


def opened_words(event: DisputeEvent, said: Opened, number: str) -> tuple[str, str]:
    """Title and text of the notice that tells of it; `number` is the invoice's."""
    claim = said.claim
    routed_to = RULES[claim.type].routed_to.value
    return (
        f"Dispute {event.dispute}: {claim.money} of {claim.line or number}",
        f"{claim.type.value}: {said.reason}\nGoes to {routed_to}; opened by {event.person}.",
    )


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
