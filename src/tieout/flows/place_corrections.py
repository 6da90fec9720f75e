"""On which paper each correction goes: the customer's next invoice, or a note of its own at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tieout.balance.movement import Movement
from tieout.balance.reversal import standing_movements
from tieout.close.account import AccountOutcome
from tieout.close.outcome import Held
from tieout.close.period_zone import profile_of
from tieout.close.reconcile import reconcile
from tieout.close.reconcile_balances import balance_breaks
from tieout.close.reconcile_cycle import CycleTies
from tieout.close.reconcile_ledger import ledger_breaks
from tieout.contract.catalog import Catalog
from tieout.contract.policy import LatePath
from tieout.flows.bill_corrections import CorrectionsDue, Due, corrections_due
from tieout.flows.correction_papers import note_of
from tieout.flows.cycle_ties import cycle_ties
from tieout.flows.draft_accounts import ReadyAccount
from tieout.flows.due_accounts import Carried, DueAccount
from tieout.flows.home import Home
from tieout.flows.policy import policies
from tieout.flows.rerate_periods import NOT_YET
from tieout.invoice.contained import contained_taxes
from tieout.invoice.deferred import with_contained
from tieout.invoice.draft import moved as status_moved
from tieout.invoice.entries import proposed_entries
from tieout.invoice.invoice import KIND_FINAL, KIND_NOTE
from tieout.invoice.status import Act
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.period import Period


@dataclass(frozen=True, slots=True)
class Placed:
    """The accounts with the corrections that they carry, and what goes on notes, by customer. What is in
    neither waits for the customer's next invoice."""

    accounts: tuple[DueAccount, ...]
    notes: Mapping[CustomerId, tuple[Due, ...]]


class Corrections:
    """The corrections of one close: notes go first, the rest on the accounts as they are drafted."""

    def __init__(self, home: Home, catalog: Catalog, firsts: Mapping[CustomerId, Period]) -> None:
        self._home, self._catalog, self._firsts = home, catalog, firsts
        self._policies = policies(home)

    def notes(
        self, customers: Sequence[CustomerId], cutoff: Watermark, *, ended: frozenset[CustomerId]
    ) -> tuple[list[ReadyAccount], list[AccountOutcome]]:
        """What is billed at once, of these customers; and what could not be worked out."""
        due = corrections_due(self._home, self._catalog, self._policies, customers=customers, cutoff=cutoff)
        placed = place_corrections(self._catalog, (), due, self._firsts, ended=ended)
        recorded = dict(self._home.books.movements.of(sorted(placed.notes))) if placed.notes else {}
        ready, held = notes_ready(self._home, placed.notes, due.due, recorded, self._ties(placed.notes))
        return ready, [*due.outcomes, *held]

    def _ties(self, notes: Mapping[CustomerId, Sequence[Due]]) -> Mapping[Watermark, CycleTies]:
        """What holds notes as it holds invoices: of the periods that they correct, by their cutoff."""
        periods: dict[Watermark, set[Period]] = {}
        for due in (each for corrections in notes.values() for each in corrections):
            periods.setdefault(due.watermark, set()).add(due.correction.sealed.period)
        now = self._home.clock.now()
        return {
            cutoff: cycle_ties(self._home, sorted(corrected), cutoff=cutoff, now=now)
            for cutoff, corrected in periods.items()
        }

    def on(self, accounts: Sequence[DueAccount], cutoff: Watermark) -> tuple[DueAccount, ...]:
        """The accounts, with the corrections that go on them, worked out as of that cutoff at the latest."""
        customers = sorted(
            {each.customer for each in accounts if self._firsts.get(each.customer) == each.period}
        )
        if not customers:
            return tuple(accounts)
        due = corrections_due(self._home, self._catalog, self._policies, customers=customers, cutoff=cutoff)
        return place_corrections(self._catalog, accounts, due, self._firsts, ended=frozenset()).accounts


def first_finals(accounts: Iterable[DueAccount]) -> dict[CustomerId, Period]:
    """The period of each customer's first final invoice that is due."""
    firsts: dict[CustomerId, Period] = {}
    for account in sorted(accounts, key=lambda each: (each.period.end, each.period.start)):
        if account.kind == KIND_FINAL:
            firsts.setdefault(account.customer, account.period)
    return firsts


def place_corrections(
    catalog: Catalog,
    accounts: Sequence[DueAccount],
    due: CorrectionsDue,
    firsts: Mapping[CustomerId, Period],
    *,
    ended: frozenset[CustomerId],
) -> Placed:
    """A note is for each period whose own policy wants it at once, that is in another currency than the
    invoice, or whose customer has no invoice to come (`ended`); all else goes on the first final invoice that
    is due."""
    carrying: dict[CustomerId, DueAccount] = {}
    notes: dict[CustomerId, tuple[Due, ...]] = {}
    by_period = {(each.customer, each.period): each for each in accounts if each.kind == KIND_FINAL}
    for customer, corrections in due.due.items():
        period = firsts.get(customer)
        at_once, rest = _split(catalog, corrections, period, ended=customer in ended)
        if at_once:
            notes[customer] = at_once
        if rest and period is not None and (customer, period) in by_period:
            carrying[customer] = _carrying(by_period[customer, period], rest)
    placed = (
        carrying[each.customer]
        if each.customer in carrying and each.kind == KIND_FINAL and each.period == firsts[each.customer]
        else each
        for each in accounts
    )
    return Placed(tuple(placed), notes)


def _split(
    catalog: Catalog, corrections: Sequence[Due], period: Period | None, *, ended: bool
) -> tuple[tuple[Due, ...], tuple[Due, ...]]:
    """What goes on notes, and what on the invoice. A correction that changes usage and no amount has no paper
    of its own: it goes along with a note where only notes are made, else with the invoice."""
    notes: list[Due] = []
    rest: list[Due] = []
    for each in corrections:
        alone = _says_something(each) and _is_note(catalog, each, period, ended=ended)
        (notes if alone else rest).append(each)
    if notes and not any(_says_something(each) for each in rest):
        return tuple(corrections), ()
    return tuple(notes), tuple(rest)


def _is_note(catalog: Catalog, due: Due, period: Period | None, *, ended: bool) -> bool:
    if _at_once(due):
        return True
    return ended if period is None else not _fits(catalog, period, due)


def notes_ready(
    home: Home,
    notes: Mapping[CustomerId, Sequence[Due]],
    due: Mapping[CustomerId, Sequence[Due]],
    recorded: dict[CustomerId, tuple[Movement, ...]],
    ties: Mapping[Watermark, CycleTies],
) -> tuple[list[ReadyAccount], list[AccountOutcome]]:
    """The notes, reconciled, in each customer's order; `recorded` is given what they move. A correction that
    has no line to show goes with the first note of the customer, balances that it moves too. Balances tie
    with what all that is `due` moves: what waits for the invoice is part of what a note was worked out
    from."""
    ready: list[ReadyAccount] = []
    outcomes: list[AccountOutcome] = []
    for customer, corrections in notes.items():
        silent = [each for each in corrections if not _says_something(each)]
        coming = list(due[customer])
        for place, noted in enumerate(each for each in corrections if _says_something(each)):
            together, silent = [noted, *silent], []
            coming = [each for each in coming if each not in together]
            found = _note(
                home, together, recorded.get(customer, ()), coming, ties[noted.watermark], before=place
            )
            if isinstance(found, AccountOutcome):
                outcomes.append(found)
                break
            ready.append(found)
            recorded[customer] = (*recorded.get(customer, ()), *found.movements)
    return ready, outcomes


def _note(
    home: Home,
    together: Sequence[Due],
    opening: tuple[Movement, ...],
    others: Sequence[Due],
    cycle: CycleTies,
    *,
    before: int,
) -> ReadyAccount | AccountOutcome:
    """`together`: the correction that is billed, and those that have no line; `before`: how many notes of the
    customer come before it. Balances tie with what the `others` that are not billed yet move."""
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
    invoice = replace(invoice, waived=cycle.waived(period))
    known = standing_movements(opening)
    moves = [movement for each in together for movement in each.correction.movements(invoice.id)]
    moved = with_contained(invoice, contained_taxes(invoice), moves, known)
    charges = [each.charge for each in correction.billables]
    breaks = reconcile(invoice, (), (), (), (), additions=charges)
    coming = [movement for each in others for movement in each.correction.movements(NOT_YET)]
    breaks += balance_breaks(invoice, (*known, *coming), moved)
    carried = _carried(together, before=before)
    entries = proposed_entries(invoice, moved, known, carried.standing)
    breaks += ledger_breaks(invoice, moved, known, entries, carried.standing)
    breaks += cycle.of(period)
    if breaks:
        return AccountOutcome(customer, period, Held(invoice.id, tuple(breaks)))
    account = replace(correction.sealed.account, kind=KIND_NOTE, sequence=sequence, carried=carried)
    return ReadyAccount(
        account,
        status_moved(invoice, Act.RECONCILED),
        carried.requests,
        carried.snapshots,
        moved,
        movements_seen=len(opening),
        entries=entries,
    )


def _carrying(account: DueAccount, corrections: Sequence[Due]) -> DueAccount:
    billables = (billable for each in corrections for billable in each.correction.billables)
    return replace(account, additions=(*billables, *account.additions), carried=_carried(corrections))


def _carried(corrections: Iterable[Due], *, before: int = 0) -> Carried:
    found = list(corrections)
    return Carried(
        corrects=tuple((each.approval, each.correction.sealed.period) for each in found),
        requests=tuple(request for each in found for request in each.correction.requests),
        snapshots=tuple(snapshot for each in found for snapshot in each.correction.snapshots),
        movements=tuple(movement for each in found for movement in each.correction.movements(NOT_YET)),
        papers_seen=found[0].correction.sealed.papers_seen + before,
        standing=tuple(stands for each in found for stands in each.standing),
    )


def _says_something(due: Due) -> bool:
    """Whether it has a line: a paper without one says nothing to the customer."""
    return bool(due.correction.billables)


def _at_once(due: Due) -> bool:
    return due.correction.sealed.account.policy.policy.late_path is LatePath.NOTE


def _fits(catalog: Catalog, period: Period, due: Due) -> bool:
    customer = profile_of(catalog, due.correction.sealed.customer, period)
    return customer is not None and customer.currency == due.correction.customer.currency
