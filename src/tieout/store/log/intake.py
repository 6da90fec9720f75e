"""Takes in one file: blocks go out to be prepared, come back in order, and are appended one batch each."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tieout.contract.event_contract import ContractBook
from tieout.contract.source import SourceFormat
from tieout.ingest.block import Block, Lines, lines_of
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event
from tieout.ingest.reading import Reading, reading_text
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Rejected
from tieout.ingest.verdict import Verdict
from tieout.kernel.instant import Instant
from tieout.ports import Clock, Entropy, IntakeTotals, Stretch
from tieout.store.log.append import Appended, Appender
from tieout.store.log.batch_rows import Arrival
from tieout.store.log.prepare import Prepared, prepare
from tieout.store.log.workers import Judgement, Preparing

COMMIT_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A block of lines that is being prepared."""

    content: bytes | Stretch
    received_at: Instant


class FileIntake:
    """The intake of one file. `contracts` is the canonical text of the contract versions that judge it."""

    def __init__(
        self,
        appender: Appender,
        preparing: Preparing,
        *,
        clock: Clock,
        entropy: Entropy,
        judgement: Judgement,
        origin: str,
        contracts: str,
    ) -> None:
        self._appender = appender
        self._preparing = preparing
        self._clock = clock
        self._entropy = entropy
        self._judgement = judgement
        self._origin = origin
        self._contracts = contracts
        self._waiting: deque[_Waiting] = deque()
        self._counts: Counter[tuple[Verdict, Reason]] = Counter()
        self._received = 0
        self._batches: list[int] = []
        self._lines_done = 0

    def lines(self, content: bytes | Stretch) -> None:
        received_at = self._clock.now()
        self._waiting.append(_Waiting(content, received_at))
        self._preparing.submit(content, received_at)
        self._append_ready(wait_for_all=False)

    def decoded(
        self,
        block: Block,
        *,
        received_at: Instant,
        raw_items: Sequence[bytes],
        line_numbers: Sequence[int],
        redecode: Callable[[int, ContractBook], Event | Rejected],
        reading: str | None = None,
        together: bool = False,
    ) -> None:
        self._append_ready(wait_for_all=True)
        arrival = Arrival(
            received_at=received_at,
            origin=self._origin,
            contracts=self._contracts,
            commit_id=self._entropy.token(COMMIT_ID_BYTES).hex(),
            raw_of=raw_items.__getitem__,
            line_of=line_numbers.__getitem__,
            redecode=redecode,
            reading=reading,
            together=together,
        )
        self._append(prepare(block, self._judgement.secret, physical_lines=0), arrival)

    def finish(self) -> IntakeTotals:
        self._append_ready(wait_for_all=True)
        ends = (self._batches[0], self._batches[-1]) if self._batches else (None, None)
        return IntakeTotals(self._received, dict(self._counts), *ends)

    def _append_ready(self, *, wait_for_all: bool) -> None:
        while (prepared := self._preparing.take(wait_for_all=wait_for_all)) is not None:
            self._append(prepared, self._arrival_of(self._waiting.popleft()))
            self._lines_done += prepared.physical_lines

    def _arrival_of(self, waiting: _Waiting) -> Arrival:
        lines = LazyLines(waiting.content, self._lines_done + 1)
        return Arrival(
            received_at=waiting.received_at,
            origin=self._origin,
            contracts=self._contracts,
            commit_id=self._entropy.token(COMMIT_ID_BYTES).hex(),
            raw_of=lines.raw,
            line_of=lines.number,
            redecode=lambda row, book: decode_item(
                lines.raw(row),
                book,
                received_at=waiting.received_at,
                default_source=self._judgement.default_source,
            ),
            reading=reading_text(Reading(SourceFormat.NDJSON, self._judgement.default_source)),
        )

    def _append(self, prepared: Prepared, arrival: Arrival) -> None:
        if not prepared.received:
            return
        appended: Appended = self._appender.append(prepared, arrival)
        self._batches.append(appended.batch)
        self._received += appended.received
        self._counts.update(appended.counts)


class LazyLines:
    """A block's lines, found again only where a row has to be kept as it came."""

    def __init__(self, content: bytes | Stretch, first_line: int) -> None:
        self._content = content
        self._first_line = first_line

    @cached_property
    def _lines(self) -> Lines:
        content = self._content
        return lines_of(content if isinstance(content, bytes) else content.read_again())

    def raw(self, row: int) -> bytes:
        return self._lines[row]

    def number(self, row: int) -> int:
        return self._first_line + int(self._lines.numbers[row])
