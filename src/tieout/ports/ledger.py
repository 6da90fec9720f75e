"""The ledger as flows see it: entries are only added, months are only locked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from tieout.kernel.ids import CustomerId, InvoiceId, LineId
from tieout.kernel.instant import Instant
from tieout.ledger.balances import EVERYTHING, Balance, Selection
from tieout.ledger.entry import Entry
from tieout.ledger.lock import Lock
from tieout.ledger.manual import ManualEntry
from tieout.ledger.standing import Standing


class LedgerStore(Protocol):
    """Posted entries. Those of an invoice are posted by `InvoiceStore.seal`, those of a grant by
    `MovementStore.record`, each in its own transaction."""

    def entries(self, selection: Selection = EVERYTHING) -> Iterator[Entry]:
        """By effective instant and id, read as they are asked for."""
        ...

    def find(self, entry_id: str) -> Entry | None: ...

    def balances(self, selection: Selection = EVERYTHING) -> tuple[Balance, ...]:
        """By account in the order of the chart, customer and currency. With an account, of it alone."""
        ...

    def standing(self, lines: Mapping[CustomerId, Sequence[LineId]]) -> tuple[Standing, ...]:
        """What stands for these lines, by line, entry and account; few queries, however many customers."""
        ...

    def of_lines(self, customer: CustomerId, lines: Sequence[LineId]) -> tuple[Entry, ...]:
        """The customer's entries with a posting for one of the lines, by effective instant and id."""
        ...

    def post(
        self,
        decide: Callable[[Sequence[Entry]], Sequence[Entry]],
        *,
        seen: Selection,
        booked_at: Instant,
    ) -> tuple[Entry, ...]:
        """In one transaction: reads the entries of `seen`, posts what `decide` makes of them, and gives them
        back as they were booked. No other `post` for the same customer comes in between. Refuses an id that
        is posted already."""
        ...

    def locks(self) -> tuple[Lock, ...]:
        """In the order of their months."""
        ...

    def lock(self, decide: Callable[[Sequence[Lock]], Lock]) -> Lock:
        """In one transaction: shows the locks there are, and adds the one that is decided."""
        ...

    def manual_entries(self) -> tuple[ManualEntry, ...]:
        """Proposed, approved and rejected ones, in the order in which they were proposed."""
        ...

    def propose(self, proposed: ManualEntry) -> None:
        """Refuses an id that is taken."""
        ...

    def decide(self, manual_id: str, judge: Callable[[ManualEntry], ManualEntry]) -> ManualEntry:
        """In one transaction: shows the entry, records the decision, and posts it where it is approved."""
        ...

    def open_receivables(self, customer: CustomerId | None = None) -> Mapping[InvoiceId, int]:
        """What is still owed on each invoice, in minor units, where any receivable was posted for it:
        payments, credit notes and voids are entries of the invoice that they settle."""
        ...

    def before_ledger(self) -> frozenset[InvoiceId]:
        """Invoices that were sealed before there was a ledger: they have no entries."""
        ...
