"""A release: the item arrives again, in a batch of its own, and the decision commits with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from tieout.contract.event_contract import ContractBook
from tieout.ingest.block import block_of
from tieout.ingest.event import Event
from tieout.ingest.rejection import Rejected
from tieout.kernel.ids import Position
from tieout.ports import Entropy
from tieout.ports.review import Decision, Readmission, Readmitted
from tieout.store.crash import crash_point
from tieout.store.log.append import Appended, Appender
from tieout.store.log.batch_rows import Arrival
from tieout.store.log.contracts_text import contracts_of
from tieout.store.log.decisions import record_releases, refuse_decided
from tieout.store.log.fates import fates_of
from tieout.store.log.intake import COMMIT_ID_BYTES
from tieout.store.log.prepare import prepare


@dataclass(frozen=True, slots=True)
class _Releases:
    """Commits the decision about each item together with the batch in which it arrives again."""

    items: Sequence[Readmission]
    decision: Decision

    def check(self, connection: Connection) -> None:
        refuse_decided(connection, [each.item for each in self.items])

    def write(self, connection: Connection, appended: Appended) -> None:
        pairs = [(each.item, Position(appended.batch, row)) for row, each in enumerate(self.items)]
        record_releases(connection, pairs, self.decision)
        crash_point("release-before-commit")


def readmit(
    engine: Engine,
    appender: Appender,
    book: ContractBook,
    secret: bytes,
    entropy: Entropy,
    items: Sequence[Readmission],
    decision: Decision,
) -> tuple[Readmitted, ...]:
    """One batch of new arrivals; row n is item n. Raises `AlreadyDecided` with nothing stored."""
    first = items[0]
    assert all((each.origin, each.reading) == (first.origin, first.reading) for each in items), "one origin"
    block = block_of([(row, each.raw, each.decoded) for row, each in enumerate(items)], book)

    def redecode(row: int, contracts: ContractBook) -> Event | Rejected:
        return items[row].redecode(contracts)

    arrival = Arrival(
        received_at=decision.decided_at,
        origin=first.origin,
        contracts=contracts_of(book),
        commit_id=entropy.token(COMMIT_ID_BYTES).hex(),
        raw_of=lambda row: items[row].raw,
        line_of=lambda row: items[row].line,
        redecode=redecode,
        reading=first.reading,
    )
    appended = appender.append(prepare(block, secret, physical_lines=0), arrival, _Releases(items, decision))
    crash_point("release-after-commit")
    with engine.connect() as connection:
        fates = fates_of(connection, appended.batch, list(range(len(items))))
    told = [fate for fate in fates if fate is not None]
    return tuple(Readmitted(each.item, fate) for each, fate in zip(items, told, strict=True))
