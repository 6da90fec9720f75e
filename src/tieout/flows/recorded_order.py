"""When a paper is issued that stands on others: after them, also where the clock has stepped back since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieout.flows.draft_accounts import ReadyAccount
from tieout.flows.home import Home
from tieout.flows.prepared_account import PreparedAccount
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant


def overtaken(
    home: Home, ready: Sequence[ReadyAccount | PreparedAccount], now: Instant
) -> Mapping[CustomerId, Instant]:
    """Customers with balances or corrections of whom something is recorded later than `now`, with the first
    instant after that."""
    correcting = {each.account.customer for each in ready if each.account.carried.papers_seen is not None}
    moving = {each.account.customer for each in ready if _moves(each)} - correcting
    found: dict[CustomerId, Instant] = {}
    for customers, papers_too in ((correcting, True), (moving, False)):
        if customers:
            recorded = home.books.invoices.recorded_since
            found.update(recorded(sorted(customers), now, papers_too=papers_too))
    return found


def _moves(each: ReadyAccount | PreparedAccount) -> bool:
    """Whoever stands on balances moves them, so that movements alone say when its papers were recorded."""
    rows = each.unnumbered.rows if isinstance(each, PreparedAccount) else each
    return bool(rows.movements)
