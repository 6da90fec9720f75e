"""Many accounts drafted in several processes at once, while this one seals those that are ready.

The log has been read and what holds a whole cycle is known before, so each account's draft follows from what
every worker has; accounts of one customer stay together, since balances go on from one to the next. Parts are
taken in their order: the same outcomes and the same numbers for any number of workers (L20). What a worker
that is killed leaves undone is drafted here (L15).
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final

from tieout.close.account import AccountOutcome
from tieout.evidence.stored import LaidOut, SealedRows
from tieout.flows.draft_accounts import MeasuredAccounts, ReadyAccount
from tieout.flows.due_accounts import DueAccount
from tieout.flows.forked import answers_in_order
from tieout.flows.home import Home
from tieout.flows.prepared_account import PreparedAccount, packed, unnumbered
from tieout.flows.required_evidence import EvidenceOnRecord, asks_for_evidence, with_evidence
from tieout.flows.seal_accounts import Sealable
from tieout.kernel.errors import Unavailable
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period

SHARED_MIN: Final = 500
"""Fewer accounts are drafted here sooner than a worker starts."""
ACCOUNTS_PER_PART: Final = 150

Part = tuple[list[Sealable], list[AccountOutcome]]


def may_be_shared(accounts: Sequence[DueAccount], *, workers: int) -> bool:
    """Whether the accounts are many, and sealed as they are drafted. Drafts that wait for people are kept one
    by one, each in a transaction of its own with what it changes of the one before: that is most of the work,
    and is done here."""
    if workers < 2 or len(accounts) < SHARED_MIN:
        return False
    policies = {id(each.policy): each.policy.policy for each in accounts}.values()
    return not any(policy.review_hours for policy in policies)


def prepared_parts(
    measured: MeasuredAccounts, lay_out: Callable[[SealedRows], LaidOut], *, at: Instant, workers: int
) -> Generator[Part, None, None]:
    """What is ready to be sealed and what is not, a part of the accounts at a time, in their order.
    `lay_out` is that of the books. Where a policy asks for evidence, which this process looks up, drafts are
    handed over whole: what is on record is judged by what they hold."""
    bounds = _bounds(measured)
    is_whole = asks_for_evidence(each.account for each in measured.planned)

    def compute(part: int) -> bytes:
        drafted = measured.drafts(bounds[part], bounds[part + 1])
        return packed([*drafted] if is_whole else [_handed(each, at, lay_out) for each in drafted])

    accounts = {(each.account.customer, each.account.period): each.account for each in measured.planned}
    with closing(answers_in_order(len(bounds) - 1, compute, workers=workers)) as answers:
        yield from _read_ahead(answers, lambda answer: _taken(answer, accounts))


def sealable(
    home: Home, part: Sequence[Sealable], known: EvidenceOnRecord
) -> tuple[Sequence[Sealable], list[AccountOutcome]]:
    """Of what was drafted, that which has the evidence that its policy asks for."""
    whole = [each for each in part if isinstance(each, ReadyAccount)]
    if not asks_for_evidence(each.account for each in whole):
        return part, []
    assert len(whole) == len(part), "where evidence is asked for, all are handed over whole"
    return with_evidence(home, whole, known)


def _read_ahead(answers: Iterator[bytes], read: Callable[[bytes], Part]) -> Iterator[Part]:
    """Each part is read while the one before it is sealed, so that workers do not wait for a commit. The
    first is taken here: nothing may be forked beside a thread."""

    def following() -> Part | None:
        answer = next(answers, None)
        return None if answer is None else read(answer)

    part = following()
    with ThreadPoolExecutor(1) as pool:
        while part is not None:
            coming = pool.submit(following)
            yield part
            part = coming.result()


def _taken(answer: bytes, accounts: Mapping[tuple[CustomerId, Period], DueAccount]) -> Part:
    ready: list[Sealable] = []
    stopped: list[AccountOutcome] = []
    for each in pickle.loads(answer):  # noqa: S301 - of this program's own worker
        if isinstance(each, AccountOutcome):
            stopped.append(each)
        elif isinstance(each, ReadyAccount):
            ready.append(each)
        else:
            customer, period, *prepared = each
            ready.append(PreparedAccount(accounts[customer, period], *prepared))
    return ready, stopped


def _bounds(measured: MeasuredAccounts) -> list[int]:
    """Where parts begin, and the end: only between two customers."""
    planned = measured.planned
    bounds = [0]
    for place in range(1, len(planned)):
        is_another = planned[place].account.customer != planned[place - 1].account.customer
        if is_another and place - bounds[-1] >= ACCOUNTS_PER_PART:
            bounds.append(place)
    return [*bounds, len(planned)]


def _handed(
    drafted: ReadyAccount | AccountOutcome, at: Instant, lay_out: Callable[[SealedRows], LaidOut]
) -> object:
    """As it is handed over. A draft whose rows cannot be made is handed over whole: the seal says why."""
    if isinstance(drafted, AccountOutcome):
        return drafted
    try:
        rows = unnumbered(drafted, at, lay_out)
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001 - the same is raised again where its account is sealed, and parks it (L15)
        return drafted
    account = drafted.account
    series = drafted.invoice.number_series
    return account.customer, account.period, drafted.id, series, drafted.rows, drafted.billed, rows
