"""Group commit: whole requests become one batch, and each gets a receipt for its own items.

Receipts of requests with an Idempotency-Key are committed with the batch. Whether one is stored already is
looked up before anything is decoded, and again under the lock: another process may have stored it meanwhile;
then the batch is given up and the group prepared again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, Engine, insert, select, tuple_
from sqlalchemy.exc import DBAPIError

from tieout.contract.event_contract import ContractBook
from tieout.contract.source import SourceFormat
from tieout.ingest.block import decode_lines
from tieout.ingest.decode_json import decode_item
from tieout.ingest.parcel import Gathered, gather
from tieout.ingest.reading import Reading, reading_text
from tieout.kernel.instant import Instant
from tieout.ports import Clock, Entropy
from tieout.ports.receiving import (
    Answer,
    Idempotency,
    IdempotencyClash,
    Receipt,
    ReceivedRequest,
    StoreBroken,
)
from tieout.store.failure import DiskFailed, is_io_failure, storage_failure
from tieout.store.log import schema
from tieout.store.log.append import Appended, Appender, CommitUnknown
from tieout.store.log.batch_rows import Arrival
from tieout.store.log.contracts_text import contracts_of
from tieout.store.log.intake import COMMIT_ID_BYTES
from tieout.store.log.prepare import Prepared, prepare
from tieout.store.log.receipt import receipts_of
from tieout.store.log.scope import foreign_items, with_refusals

ORIGIN_KEYS_MAX = 16
LOOKUP_KEYS_MAX = 500
"""Receipts that one query asks for; a statement has a limited number of parameters."""
STORED_ROUNDS_MAX = 100
"""Each round finds at least one more receipt stored, so a group ends long before."""


class _StoredMeanwhile(Exception):
    """Another process stored a receipt that this group was about to store."""


@dataclass(frozen=True, slots=True)
class SqlPreparedGroup:
    """Requests, the answers that are known already (None: still open), and the open ones' items.

    `leaders`: the place of the first request with the same Idempotency-Key, for those that follow it in the
    group; they get its receipt.
    """

    requests: tuple[ReceivedRequest, ...]
    book: ContractBook
    known: tuple[Answer | None, ...]
    leaders: Mapping[int, int]
    gathered: Gathered | None
    prepared: Prepared | None
    received_at: Instant

    @property
    def items(self) -> int:
        return 0 if self.prepared is None else self.prepared.received

    @property
    def open_places(self) -> list[int]:
        """Where among the requests those are whose items are in this group's batch."""
        return [
            place for place, answer in enumerate(self.known) if answer is None and place not in self.leaders
        ]

    @property
    def open(self) -> list[ReceivedRequest]:
        return [self.requests[place] for place in self.open_places]


class GroupReceiver:
    """The port `Receiver` over one log."""

    def __init__(
        self,
        engine: Engine,
        appender_of: Callable[[ContractBook], Appender],
        *,
        secret: bytes,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._engine = engine
        self._appender_of = appender_of
        self._secret = secret
        self._clock = clock
        self._entropy = entropy
        self._judged: tuple[ContractBook, str, Appender] | None = None

    def prepare(self, requests: Sequence[ReceivedRequest], book: ContractBook) -> SqlPreparedGroup:
        with _failing_safely():
            known = self._stored_answers(requests)
        received_at = self._clock.now()
        leaders = _leaders(requests)
        group = SqlPreparedGroup(tuple(requests), book, known, leaders, None, None, received_at)
        waiting = group.open
        if not waiting:
            return group
        gathered = gather([request.parcel for request in waiting])
        block = decode_lines(gathered.lines, book, received_at=received_at, default_source=None)
        block = with_refusals(block, gathered.lines, gathered.refused)
        block = with_refusals(
            block, gathered.lines, foreign_items(block, gathered, [request.scope for request in waiting])
        )
        prepared = prepare(block, self._secret, physical_lines=len(gathered.lines))
        return SqlPreparedGroup(group.requests, book, known, leaders, gathered, prepared, received_at)

    def commit(self, group: SqlPreparedGroup) -> list[Answer]:
        for _ in range(STORED_ROUNDS_MAX):
            try:
                with _failing_safely():
                    return self._commit(group)
            except _StoredMeanwhile:
                group = self.prepare(group.requests, group.book)
        raise CommitUnknown("receipts are stored again and again")

    def _commit(self, group: SqlPreparedGroup) -> list[Answer]:
        if group.prepared is None or group.gathered is None:
            return _in_order(group, [])
        contracts, appender = self._judged_by(group.book)
        arrival = self._arrival(group, group.gathered, contracts)
        beside = _Receipts(group.open, group.gathered, group.prepared, group.received_at)
        appended = appender.append(group.prepared, arrival, beside)
        texts = receipts_of(appended, group.gathered, group.prepared)
        return _in_order(group, [Receipt(text, is_replay=False) for text in texts])

    def _judged_by(self, book: ContractBook) -> tuple[str, Appender]:
        """The contracts' canonical text, and an appender that judges by them; made once for each book."""
        if self._judged is None or self._judged[0] is not book:
            contracts = contracts_of(book)
            self._judged = (book, contracts, self._appender_of(book))
        return self._judged[1:]

    def _arrival(self, group: SqlPreparedGroup, gathered: Gathered, contracts: str) -> Arrival:
        waiting = group.open
        keys = sorted({request.key_id for request in waiting})
        more = f" and {len(keys) - ORIGIN_KEYS_MAX} more" if len(keys) > ORIGIN_KEYS_MAX else ""

        def owner(row: int) -> int:
            return int(gathered.owner_of(np.array([row]))[0])

        return Arrival(
            received_at=group.received_at,
            origin=f"http {', '.join(keys[:ORIGIN_KEYS_MAX])}{more}",
            contracts=contracts,
            commit_id=self._entropy.token(COMMIT_ID_BYTES).hex(),
            raw_of=gathered.lines.__getitem__,
            line_of=lambda row: row - int(gathered.firsts[owner(row)]) + 1,
            redecode=lambda row, book: decode_item(
                gathered.lines[row], book, received_at=group.received_at, default_source=None
            ),
            origin_of=lambda row: f"http {waiting[owner(row)].key_id}",
            reading=reading_text(Reading(SourceFormat.NDJSON, None)),
        )

    def _stored_answers(self, requests: Sequence[ReceivedRequest]) -> tuple[Answer | None, ...]:
        if all(request.idempotency is None for request in requests):
            return (None,) * len(requests)
        with self._engine.connect() as connection:
            stored = _stored(connection, requests)
        return tuple(_answer(request, stored) for request in requests)


@dataclass(frozen=True, slots=True)
class _Receipts:
    """Commits the receipts of requests with an Idempotency-Key together with their batch."""

    waiting: Sequence[ReceivedRequest]
    gathered: Gathered
    prepared: Prepared
    stored_at: Instant

    def check(self, connection: Connection) -> None:
        if _stored(connection, self.waiting):
            raise _StoredMeanwhile

    def write(self, connection: Connection, appended: Appended) -> None:
        if all(request.idempotency is None for request in self.waiting):
            return
        texts = receipts_of(appended, self.gathered, self.prepared)
        rows = [
            {
                "key_id": request.key_id,
                "idempotency_key": request.idempotency.key,
                "request_sha256": request.idempotency.request_sha256,
                "receipt": text.decode(),
                "stored_at": self.stored_at,
            }
            for request, text in zip(self.waiting, texts, strict=True)
            if request.idempotency is not None
        ]
        connection.execute(insert(schema.receipts), rows)


Stored = dict[tuple[str, str], tuple[bytes, bytes]]
"""(key id, Idempotency-Key) -> (SHA-256 of the request, its receipt)."""


def _stored(connection: Connection, requests: Sequence[ReceivedRequest]) -> Stored:
    receipts = schema.receipts.c
    wanted = [(one.key_id, one.idempotency.key) for one in requests if one.idempotency is not None]
    found: Stored = {}
    for start in range(0, len(wanted), LOOKUP_KEYS_MAX):
        some = wanted[start : start + LOOKUP_KEYS_MAX]
        query = select(
            receipts.key_id, receipts.idempotency_key, receipts.request_sha256, receipts.receipt
        ).where(tuple_(receipts.key_id, receipts.idempotency_key).in_(some))
        for key_id, key, sha256, receipt in connection.execute(query):
            found[key_id, key] = (bytes(sha256), receipt.encode())
    return found


def _answer(request: ReceivedRequest, stored: Stored) -> Answer | None:
    asked = request.idempotency
    if asked is None or (request.key_id, asked.key) not in stored:
        return None
    return _replayed(asked, *stored[request.key_id, asked.key])


def _replayed(asked: Idempotency, request_sha256: bytes, text: bytes) -> Answer:
    return Receipt(text, is_replay=True) if request_sha256 == asked.request_sha256 else IdempotencyClash()


def _leaders(requests: Sequence[ReceivedRequest]) -> dict[int, int]:
    first: dict[tuple[str, str], int] = {}
    found: dict[int, int] = {}
    for place, request in enumerate(requests):
        if request.idempotency is not None:
            leader = first.setdefault((request.key_id, request.idempotency.key), place)
            if leader != place:
                found[place] = leader
    return found


def _in_order(group: SqlPreparedGroup, fresh: list[Receipt]) -> list[Answer]:
    """The known answers, the fresh ones in the places that were open, and those of who followed them."""
    answers = list(group.known)
    for place, receipt in zip(group.open_places, fresh, strict=True):
        answers[place] = receipt
    for place, leader in group.leaders.items():
        asked, led, answer = group.requests[place].idempotency, group.requests[leader], answers[leader]
        if answers[place] is None and isinstance(answer, Receipt):
            assert asked is not None and led.idempotency is not None, "only keys lead"
            answers[place] = _replayed(asked, led.idempotency.request_sha256, answer.text)
    assert None not in answers, "every request has its answer"
    return [answer for answer in answers if answer is not None]


@contextmanager
def _failing_safely() -> Iterator[None]:
    """A failing disk ends the process (`StoreBroken`); any other failure of the database is `Unavailable`."""
    try:
        yield
    except CommitUnknown as error:
        if is_io_failure(error.__cause__):
            raise StoreBroken(str(error.__cause__)) from error
        raise
    except DiskFailed as error:
        raise StoreBroken(str(error)) from error
    except DBAPIError as error:
        if is_io_failure(error):
            raise StoreBroken(str(error.orig)) from error
        raise storage_failure(error) or CommitUnknown(str(error.orig)) from error
    except OSError as error:
        raise StoreBroken(str(error)) from error
