"""Seals drafts a few at a time, in one transaction; what goes wrong on one of them stops that account only.

A batch is written whole or not at all, so after any failure each of its accounts is tried alone (L15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tieout.close.account import AccountOutcome
from tieout.close.outcome import Sealed
from tieout.evidence.stored import StoredInvoice
from tieout.flows.draft_accounts import ReadyAccount, parked_by
from tieout.flows.due_accounts import sealed_without
from tieout.flows.home import Home
from tieout.flows.invoices import InvoiceRow, row_of
from tieout.flows.keep_head import keep_head
from tieout.flows.prepared_account import PreparedAccount
from tieout.flows.readiness_level import kept_back
from tieout.flows.recorded_order import overtaken
from tieout.flows.seal_account import sealing_of
from tieout.kernel.errors import Unavailable
from tieout.kernel.instant import Instant
from tieout.ports import Sealing

Progress = Callable[[int, int], None]
Sealable = ReadyAccount | PreparedAccount

ROWS_PER_TRANSACTION = 3_000
"""Others wait for a transaction to end, so it is kept short (a tenth of a second); one invoice with more rows
goes alone."""


def seal_accounts(
    home: Home, ready: Sequence[Sealable], run: int, progress: Progress
) -> tuple[list[AccountOutcome], list[InvoiceRow]]:
    """The outcome of each, and the invoices that this run sealed. Where readiness was narrowed meanwhile, who
    is not on its list any more is not due. Raises `Unavailable` where the books cannot be written; what was
    sealed until then stays sealed."""
    outcomes: list[AccountOutcome] = []
    invoices: list[InvoiceRow] = []
    if ready:
        keep_head(home, run)
    for together in _batches(ready):
        level = home.books.readiness.level()
        batch = []
        for draft in together:
            why = kept_back(level, draft.account)
            if why is None:
                batch.append(draft)
            else:
                outcomes.append(AccountOutcome(draft.account.customer, draft.account.period, why))
        for draft, stored in zip(batch, _sealed_together(home, batch, run) if batch else (), strict=True):
            account = draft.account
            if isinstance(stored, Exception):
                outcomes.append(AccountOutcome(account.customer, account.period, parked_by(stored)))
            elif stored is None:
                outcomes.append(_sealed_by_another(home, draft))
            else:
                sealed = Sealed(stored.id, stored.number)
                outcomes.append(AccountOutcome(account.customer, account.period, sealed))
                invoices.append(row_of(stored))
        progress(len(outcomes), len(ready))
    return outcomes, invoices


def _batches(ready: Sequence[Sealable]) -> Iterator[list[Sealable]]:
    """In order, each with as many as write `ROWS_PER_TRANSACTION` rows together."""
    batch: list[Sealable] = []
    rows = 0
    for draft in ready:
        if batch and rows + draft.rows > ROWS_PER_TRANSACTION:
            yield batch
            batch, rows = [], 0
        batch.append(draft)
        rows += draft.rows
    if batch:
        yield batch


def _sealed_together(
    home: Home, batch: Sequence[Sealable], run: int
) -> list[StoredInvoice | Exception | None]:
    now = home.clock.now()
    after = overtaken(home, batch, now)
    sealings = [_sealing(draft, after.get(draft.account.customer, now)) for draft in batch]
    try:
        return [*home.books.invoices.seal(sealings, run=run)]
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one account's failure may not stop the others (L15)
        if len(batch) == 1:
            return [error]
    return [alone for draft in batch for alone in _sealed_together(home, [draft], run)]


def _sealing(draft: Sealable, issued_at: Instant) -> Sealing:
    if isinstance(draft, PreparedAccount):
        return draft.sealing(issued_at=issued_at)
    return sealing_of(draft, issued_at=issued_at)


def _sealed_by_another(home: Home, draft: Sealable) -> AccountOutcome:
    """Another close was faster; or the period was sealed before these subscriptions were known."""
    account = draft.account
    if account.running is not None:
        stored = home.books.invoices.find(draft.id)
        assert stored is not None, "its key is sealed, and the id is made of the key"
        return AccountOutcome(account.customer, account.period, Sealed(stored.id, stored.number))
    billed = home.books.invoices.billed([account.customer])
    missing = [
        subscription
        for subscription in account.subscriptions
        if subscription.key in draft.billed and account.period not in billed.get(subscription.key, ())
    ]
    if missing:
        return AccountOutcome(account.customer, account.period, sealed_without(account))
    stored = home.books.invoices.find(draft.id)
    assert stored is not None, "its key is sealed, and the id is made of the key"
    return AccountOutcome(account.customer, account.period, Sealed(stored.id, stored.number))
