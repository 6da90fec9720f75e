"""On which paper each correction goes: the customer's next invoice, or a note of its own at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tieout.balance.movement import Movement
from tieout.balance.reversal import standing_movements
from tieout.close.account import AccountOutcome
from tieout.close.outcome import Held
from tieout.close.reconcile import reconcile
from tieout.close.reconcile_balances import balance_breaks
from tieout.contract.catalog import Catalog
from tieout.contract.policy import LatePath
from tieout.flows.bill_corrections import CorrectionsDue, Due
from tieout.flows.correction_papers import note_of
from tieout.flows.draft_accounts import ReadyAccount
from tieout.flows.due_accounts import Carried, DueAccount
from tieout.flows.home import Home
from tieout.flows.rerate_periods import NOT_YET
from tieout.invoice.draft import moved as status_moved
from tieout.invoice.invoice import KIND_FINAL, KIND_NOTE
from tieout.invoice.status import Act
from tieout.kernel.ids import CustomerId


@dataclass(frozen=True, slots=True)
class Placed:
    """The accounts with the corrections that they carry, and what goes on notes, by customer. What is in
    neither waits for the customer's next invoice."""

    accounts: tuple[DueAccount, ...]
    notes: Mapping[CustomerId, tuple[Due, ...]]


def place_corrections(
    catalog: Catalog, accounts: Sequence[DueAccount], due: CorrectionsDue, *, ended: frozenset[CustomerId]
) -> Placed:
    """A note is for what the policy of the corrected period wants at once, what is in another currency than
    the invoice, and a customer who has no invoice to come (`ended`); all else goes on the first final invoice
    that is due."""
    firsts: dict[CustomerId, DueAccount] = {}
    for account in sorted(accounts, key=lambda each: (each.period.end, each.period.start)):
        if account.kind == KIND_FINAL:
            firsts.setdefault(account.customer, account)
    carrying: dict[CustomerId, DueAccount] = {}
    notes: dict[CustomerId, tuple[Due, ...]] = {}
    for customer, corrections in due.due.items():
        first = firsts.get(customer)
        says = any(_says_something(each) for each in corrections)
        if says and (any(_at_once(each) for each in corrections) or (first is None and customer in ended)):
            notes[customer] = corrections
        elif first is not None and all(_fits(catalog, first, each) for each in corrections):
            carrying[customer] = _carrying(first, corrections)
        elif first is not None and says:
            notes[customer] = corrections
    placed = (
        carrying.get(each.customer, each) if firsts.get(each.customer) is each else each for each in accounts
    )
    return Placed(tuple(placed), notes)


def notes_ready(
    home: Home,
    notes: Mapping[CustomerId, Sequence[Due]],
    recorded: dict[CustomerId, tuple[Movement, ...]],
) -> tuple[list[ReadyAccount], list[AccountOutcome]]:
    """The notes, reconciled, in each customer's order; `recorded` is given what they move. A correction that
    changes usage and no amount goes with the first note of the customer."""
    ready: list[ReadyAccount] = []
    outcomes: list[AccountOutcome] = []
    for customer, corrections in notes.items():
        silent = [each for each in corrections if not _says_something(each)]
        for due in (each for each in corrections if _says_something(each)):
            together, silent = [due, *silent], []
            found = _note(home, together, recorded.get(customer, ()))
            if isinstance(found, AccountOutcome):
                outcomes.append(found)
                break
            ready.append(found)
            recorded[customer] = (*recorded.get(customer, ()), *found.movements)
    return ready, outcomes


def with_papers_seen(due: CorrectionsDue, ready: Sequence[ReadyAccount]) -> list[ReadyAccount]:
    """Each draft that corrects, with the papers that the customer will have by its turn: those that were
    seen, and those of this close before it."""
    placed: list[ReadyAccount] = []
    before: Counter[CustomerId] = Counter()
    for each in ready:
        customer = each.account.customer
        if each.account.carried.corrects:
            seen = due.due[customer][0].correction.sealed.papers_seen
            each = replace(each, papers_seen=seen + before[customer])  # noqa: PLW2901
        before[customer] += 1
        placed.append(each)
    return placed


def _note(
    home: Home, together: Sequence[Due], opening: tuple[Movement, ...]
) -> ReadyAccount | AccountOutcome:
    """`together`: the correction that is billed, and those that only bring usage along."""
    due = together[0]
    correction = due.correction
    customer, period = correction.sealed.customer, correction.sealed.period
    taken = [
        paper.sequence
        for paper in home.books.invoices.sealed(customer)
        if paper.kind == KIND_NOTE and paper.period == period
    ]
    sequence = max(taken, default=0) + 1
    invoice = note_of(correction, watermark=due.watermark, sequence=sequence)
    moved = correction.movements(invoice.id)
    charges = [each.charge for each in correction.billables]
    breaks = reconcile(invoice, (), (), (), (), additions=charges)
    breaks += balance_breaks(invoice, standing_movements(opening), moved)
    if breaks:
        return AccountOutcome(customer, period, Held(invoice.id, tuple(breaks)))
    carried = _carried(together)
    account = replace(correction.sealed.account, kind=KIND_NOTE, sequence=sequence, carried=carried)
    return ReadyAccount(
        account,
        status_moved(invoice, Act.RECONCILED),
        carried.requests,
        carried.snapshots,
        tuple(moved),
        movements_seen=len(opening),
    )


def _carrying(account: DueAccount, corrections: Sequence[Due]) -> DueAccount:
    billables = (billable for each in corrections for billable in each.correction.billables)
    return replace(account, additions=(*billables, *account.additions), carried=_carried(corrections))


def _carried(corrections: Iterable[Due]) -> Carried:
    found = list(corrections)
    return Carried(
        corrects=tuple((each.approval, each.correction.sealed.period) for each in found),
        requests=tuple(request for each in found for request in each.correction.requests),
        snapshots=tuple(snapshot for each in found for snapshot in each.correction.snapshots),
        movements=tuple(movement for each in found for movement in each.correction.movements(NOT_YET)),
    )


def _says_something(due: Due) -> bool:
    return bool(due.correction.billables or due.correction.movements(NOT_YET))


def _at_once(due: Due) -> bool:
    return due.correction.sealed.account.policy.policy.late_path is LatePath.NOTE


def _fits(catalog: Catalog, account: DueAccount, due: Due) -> bool:
    customer = catalog.customers.at(account.customer, account.period.last_instant)
    return customer is not None and customer.currency == due.correction.customer.currency
