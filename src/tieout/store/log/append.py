"""The commit protocol: under the write lock, learn what others committed, judge, append one batch, commit.

What may take long is done before (`prepare`) or after (run files, compaction). There is no leader: any number
of processes append to one log, on SQLite behind a fair file lock, on PostgreSQL behind the locked head row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import DBAPIError

from tieout.ingest.reason import Reason
from tieout.ingest.verdict import Verdict, Verdicts, judge
from tieout.kernel.batch_digest import batch_digest
from tieout.kernel.errors import Unavailable
from tieout.kernel.ids import Position
from tieout.ports import NotAllAccepted
from tieout.store.crash import crash_point
from tieout.store.failure import DiskFailed, is_io_failure
from tieout.store.log import schema
from tieout.store.log.batch_rows import (
    Arrival,
    Redecode,
    conflicts_of,
    insert_batch,
    insert_quarantine,
    insert_tallies,
)
from tieout.store.log.chain import dispositions_of, fates, with_raw_digest
from tieout.store.log.encoding import decode_dispositions
from tieout.store.log.index.committed import stored_entries
from tieout.store.log.index.index import IdentityIndex
from tieout.store.log.pipeline.arrivals import record_arrivals
from tieout.store.log.pipeline.lags import LagKeeper
from tieout.store.log.pipeline.rates import keep_rates
from tieout.store.log.prepare import Prepared
from tieout.store.log.turn import turn
from tieout.store.log.wal import checkpoint_when_long
from tieout.store.sqlite import is_sqlite
from tieout.table.position_words import position_of

EqualsOriginal = Callable[[Connection, int, Redecode, Position], bool]
"""(connection, received row, redecode, original's position) -> whether the newcomer equals the original once
typed by the original's contract version.
"""


class CommitUnknown(Unavailable):
    """The database broke, and holds no batch with the commit's id, or cannot be asked for it; nothing was
    acknowledged.
    """

    code = "commit-unknown"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the log could not be written ({why}); send the same items again, nothing will double"
        )


@dataclass(frozen=True, slots=True)
class Appended:
    """One committed batch: its number, counts by (verdict, reason), and each row that was not accepted."""

    batch: int
    received: int
    counts: dict[tuple[Verdict, Reason], int]
    dispositions: npt.NDArray[np.void]


class Beside(Protocol):
    """What is to be committed together with a batch, or not at all."""

    def check(self, connection: Connection) -> None:
        """Under the lock, before anything is decided. Raising gives the batch up; nothing is written."""
        ...

    def write(self, connection: Connection, appended: Appended) -> None: ...


class Appender:
    """Appends to one home's log. Not for use by two threads at once."""

    def __init__(
        self,
        engine: Engine,
        index: IdentityIndex,
        folder: Path,
        *,
        equals_original: EqualsOriginal,
        lags: LagKeeper,
    ) -> None:
        self._engine = engine
        self._index = index
        self._folder = folder
        self._equals_original = equals_original
        self._failure: DiskFailed | None = None
        self._lags = lags

    def append(self, prepared: Prepared, arrival: Arrival, beside: Beside | None = None) -> Appended:
        """One batch of everything received, accepted or not. Durable when it returns. Raises
        `CommitUnknown`, and `DiskFailed` from the first I/O error on: the process has to stop.
        """
        if self._failure is not None:
            raise self._failure
        self._lags.look_at(prepared, arrival.received_at)
        try:
            with turn(self._engine, self._folder) as connection:
                appended = self._append(connection, prepared, arrival, beside)
                crash_point("ingest-before-commit")
        except DBAPIError as error:
            self._index.forget_tail()
            if is_sqlite(self._engine) and is_io_failure(error):
                self._failure = DiskFailed(str(error.orig))
                raise self._failure from error
            self._engine.dispose()
            appended = self._outcome(arrival.commit_id, error)
        self._lags.committed(appended.batch)
        crash_point("ingest-after-commit")
        self._index.file_runs()
        checkpoint_when_long(self._engine)
        return appended

    def _outcome(self, commit_id: str, error: DBAPIError) -> Appended:
        """What became of a commit whose end was not seen: asked by its id, on a new connection."""
        batches, tallies = schema.batches.c, schema.tallies.c
        try:
            with self._engine.connect() as connection:
                found = connection.execute(
                    select(batches.number, batches.received, batches.dispositions).where(
                        batches.commit_id == commit_id
                    )
                ).one_or_none()
                if found is None:
                    raise CommitUnknown(str(error.orig)) from error
                items = tallies["items"]
                rows = connection.execute(
                    select(tallies.verdict, tallies.reason, items).where(tallies.batch == found.number)
                ).all()
        except DBAPIError:
            raise CommitUnknown(str(error.orig)) from error
        counts: dict[tuple[Verdict, Reason], int] = {}
        for verdict, reason, count in rows:
            key = (Verdict(verdict), Reason(reason))
            counts[key] = counts.get(key, 0) + count
        kept = decode_dispositions(found.dispositions, f"the dispositions of batch {found.number}")
        return Appended(found.number, found.received, counts, kept)

    def _append(
        self, connection: Connection, prepared: Prepared, arrival: Arrival, beside: Beside | None
    ) -> Appended:
        head = connection.execute(select(schema.head.c.batch, schema.head.c.digest).with_for_update()).one()
        if beside is not None:
            beside.check(connection)
        number = head.batch + 1
        self._index.catch_up(head.batch, lambda first, last: stored_entries(connection, first, last))
        verdicts = judge(
            keys=prepared.keys,
            content=prepared.lanes,
            rows=prepared.rows,
            batch=number,
            known=self._index.find(prepared.keys),
        )
        self._settle_conflicts(connection, prepared, arrival, verdicts, number)
        if arrival.together:
            _refuse_in_part(prepared, verdicts)
        dispositions = dispositions_of(prepared, verdicts)
        conflicts = conflicts_of(prepared, verdicts, arrival)
        for row, raw, _ in conflicts:
            with_raw_digest(dispositions, row, raw)
        accepted = verdicts.verdict == Verdict.ACCEPTED
        digest = batch_digest(
            number=number,
            previous=head.digest,
            received_at=arrival.received_at,
            contracts=arrival.contracts,
            received=prepared.received,
            fates=fates(
                prepared.received, (prepared.rows[accepted], prepared.digests[accepted]), dispositions
            ),
        )
        insert_batch(connection, number, prepared, arrival, head.digest, digest, accepted, dispositions)
        insert_quarantine(connection, number, prepared, arrival, conflicts)
        counts = insert_tallies(connection, number, prepared, arrival, verdicts)
        keep_rates(connection, number)
        self._lags.keep(connection, accepted)
        record_arrivals(connection, prepared, accepted, received_at=arrival.received_at)
        connection.execute(update(schema.head).values(batch=number, digest=digest))
        appended = Appended(number, prepared.received, counts, dispositions)
        if beside is not None:
            beside.write(connection, appended)
        return appended

    def _settle_conflicts(
        self, connection: Connection, prepared: Prepared, arrival: Arrival, verdicts: Verdicts, number: int
    ) -> None:
        """A newcomer that equals the original once typed by the original's contract version is a
        duplicate.
        """
        for index in np.flatnonzero(verdicts.verdict == Verdict.CONFLICT):
            original = position_of(int(verdicts.original[index]))
            if original.batch == number:
                continue  # both were typed by the contracts of this batch
            row = int(prepared.rows[index])
            if self._equals_original(connection, row, arrival.redecode, original):
                verdicts.verdict[index] = Verdict.DUPLICATE


def _refuse_in_part(prepared: Prepared, verdicts: Verdicts) -> None:
    """Raises `NotAllAccepted`; what was written so far is rolled back with the transaction."""
    for refused in prepared.refused:
        raise NotAllAccepted(refused.row, Verdict.QUARANTINED, None)
    for index in np.flatnonzero(verdicts.verdict != Verdict.ACCEPTED):
        original = position_of(int(verdicts.original[index]))
        raise NotAllAccepted(int(prepared.rows[index]), Verdict(verdicts.verdict[index]), original)
