"""Ingest one file: read it, decode what it holds, and append everything that was received, whatever its
verdict.

NDJSON goes to the log's intake as whole lines, which decode in parallel; the other formats are read item by
item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from tieout.contract.catalog import Catalog
from tieout.contract.event_contract import ContractBook
from tieout.contract.source import SourceFormat, SourceMapping
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.file_pieces import EmptyFile, FileReading, ReadProgress, file_bytes
from tieout.flows.file_stretches import blocks_of_lines
from tieout.flows.home import Home
from tieout.ingest.access_log import decode_line
from tieout.ingest.block import block_of
from tieout.ingest.csv_framing import csv_records
from tieout.ingest.csv_rows import decode_row
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event
from tieout.ingest.framing import Item, array_items, ended_lines
from tieout.ingest.identity import Occurrences
from tieout.ingest.reading import Reading, reading_text
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import UNKNOWN_SOURCE, Rejected
from tieout.ingest.verdict import Verdict
from tieout.kernel.errors import NotFound, Refusal
from tieout.kernel.instant import Instant
from tieout.kernel.limits import ITEM_BYTES_MAX
from tieout.ports import Intake, IntakeTotals

ITEMS_PER_BATCH = 16_384
PARALLEL_BYTES_MIN = 24 * 1_048_576
"""Below this, starting other processes takes longer than they save."""
SUFFIXES = {
    ".ndjson": SourceFormat.NDJSON,
    ".jsonl": SourceFormat.NDJSON,
    ".json": SourceFormat.JSON,
    ".csv": SourceFormat.CSV,
    ".log": SourceFormat.ACCESS_LOG,
}

Redecode = Callable[[ContractBook], Event | Rejected]


class UnknownFormat(Refusal):
    """Neither the name of the file nor the caller says what it holds."""

    code = "unknown-format"

    def __init__(self, path: Path, given: str | None) -> None:
        known = ", ".join(SourceFormat)
        said = f"{given} is not a format" if given else "its name does not say what it holds"
        super().__init__(f"{path}: {said}; formats are {known}.")


class SourceNotDeclared(NotFound):
    """The catalog has no such source."""

    code = "source-not-declared"

    def __init__(self, key: str, path: Path) -> None:
        super().__init__(
            f"{path}: the catalog declares no source {key}; a CSV file or an access log needs one."
        )


class SourceNeeded(Refusal):
    """Rows of this format have no CloudEvents attributes; only a source mapping says what they mean."""

    code = "source-needed"

    def __init__(self, path: Path, format: SourceFormat) -> None:
        super().__init__(f"{path}: name the source whose mapping reads this {format} file (--source KEY).")


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of every item of a file; received is the sum of the four verdicts."""

    file: str
    received: int
    accepted: int
    duplicate: int
    conflict: int
    quarantined: int
    first_batch: int | None
    last_batch: int | None
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Decoded:
    """One item on its way to the log: where it stood, its bytes, what it is, how to type it again, and how to
    read it again.
    """

    line: int
    raw: bytes
    outcome: Event | Rejected
    redecode: Redecode
    reading: Reading


def ingest_file(
    home: Home,
    path: Path,
    *,
    format: str | None = None,
    source: str | None = None,
    progress: ReadProgress | None = None,
    workers: int = 1,
) -> IngestReport:
    """Everything in the file that can be told apart is received and durable when this returns.

    `source`: key of a declared source (CSV, access log), or the CloudEvents source of items that name none.
    `workers`: processes that decode NDJSON beside this one; small files are decoded here.
    Raises refusals that name the file: `UnknownFormat`, `SourceNotDeclared`, `SourceNeeded`, `FileMissing`,
    `EmptyFile`, `FileChanged`, `CsvHeaderRefused`, `NotAnArray`, `MalformedGzip`.
    """
    size = file_bytes(path)  # first: a file that is not there is not to be blamed for its name
    catalog = load_catalog(home)
    mapping = _mapping(catalog, source, home.clock.now())
    wanted = _format(path, format, mapping)
    default_source = _default_source(path, wanted, source, mapping)
    parallel = wanted is SourceFormat.NDJSON and size >= PARALLEL_BYTES_MIN
    opened = home.log.intake(
        catalog.contracts, origin=str(path), default_source=default_source, workers=workers if parallel else 1
    )
    with FileReading(path, progress) as reading, opened as intake:
        if wanted is SourceFormat.NDJSON:
            for block in blocks_of_lines(reading, item_bytes_max=ITEM_BYTES_MAX):
                intake.lines(block)
        else:
            read = partial(_items, reading.pieces(), wanted, mapping, str(path), default_source)
            _take_items(intake, read, catalog.contracts, home)
        totals = intake.finish()
    reading.check_unchanged()
    if not totals.received:
        raise EmptyFile(path)
    return _report(path, totals)


def _take_items(
    intake: Intake,
    read: Callable[[ContractBook, Callable[[], Instant]], Iterator[Decoded]],
    book: ContractBook,
    home: Home,
) -> None:
    received_at = home.clock.now()
    decoded = read(book, lambda: received_at)
    while batch := list(islice(decoded, ITEMS_PER_BATCH)):
        outcomes = [(row, item.raw, item.outcome) for row, item in enumerate(batch)]
        intake.decoded(
            block_of(outcomes, book),
            received_at=received_at,
            raw_items=[item.raw for item in batch],
            line_numbers=[item.line for item in batch],
            redecode=_redecode_of(batch),
            reading=reading_text(batch[0].reading),
        )
        received_at = home.clock.now()


def _redecode_of(batch: list[Decoded]) -> Callable[[int, ContractBook], Event | Rejected]:
    return lambda row, book: batch[row].redecode(book)


def _items(
    pieces: Iterator[bytes],
    wanted: SourceFormat,
    mapping: SourceMapping | None,
    file: str,
    default_source: str | None,
    book: ContractBook,
    received_at: Callable[[], Instant],
) -> Iterator[Decoded]:
    """The items of a JSON array, a CSV file or an access log."""
    occurrences = Occurrences()
    for item, decode, reading in _readings(pieces, wanted, mapping, file, default_source):
        at = received_at()

        def typed(
            contracts: ContractBook, item: Item = item, decode: Decode = decode, at: Instant = at
        ) -> Event | Rejected:
            if item.reason is not Reason.NONE:
                return item.rejected(default_source or UNKNOWN_SOURCE)
            return decode(contracts, at)

        outcome = typed(book)
        if isinstance(outcome, Event) and not outcome.id:
            contract = book.get(outcome.type, outcome.contract_version)
            assert contract is not None, "an event keeps a contract of this book"
            outcome = occurrences.identified(outcome, contract)
        yield Decoded(item.number, item.raw, outcome, typed, reading)


Decode = Callable[[ContractBook, Instant], Event | Rejected]


def _readings(
    pieces: Iterator[bytes],
    wanted: SourceFormat,
    mapping: SourceMapping | None,
    file: str,
    default_source: str | None,
) -> Iterator[tuple[Item, Decode, Reading]]:
    """Each item with the way to decode it, now and from its stored bytes."""
    reading = Reading(wanted, default_source)
    if wanted is SourceFormat.JSON:
        for item in array_items(pieces, file=file):
            yield item, partial(_decode_json, item.raw, default_source), reading
        return
    assert mapping is not None, "rows have a mapping"
    if wanted is SourceFormat.CSV:
        for record in csv_records(pieces, mapping, file=file):
            reading = Reading(wanted, default_source, record.names)
            yield record.item, partial(_decode_row, record.columns, mapping), reading
    else:
        for item in ended_lines(pieces):
            yield item, partial(_decode_line, item.raw, mapping), reading


def _decode_json(raw: bytes, default_source: str | None, book: ContractBook, at: Instant) -> Event | Rejected:
    return decode_item(raw, book, received_at=at, default_source=default_source)


def _decode_row(
    columns: Mapping[str, str], mapping: SourceMapping, book: ContractBook, at: Instant
) -> Event | Rejected:
    return decode_row(columns, mapping, book, received_at=at)


def _decode_line(raw: bytes, mapping: SourceMapping, book: ContractBook, at: Instant) -> Event | Rejected:
    return decode_line(raw, mapping, book, received_at=at)


def _mapping(catalog: Catalog, source: str | None, now: Instant) -> SourceMapping | None:
    """The source's mapping in force, if `source` is a declared one."""
    return catalog.sources.at(source, now) if source else None


def _format(path: Path, given: str | None, mapping: SourceMapping | None) -> SourceFormat:
    if given is not None:
        if given not in set(SourceFormat):
            raise UnknownFormat(path, given)
        return SourceFormat(given)
    if mapping is not None:
        return mapping.format
    suffixes = [suffix for suffix in path.suffixes if suffix in SUFFIXES]
    if not suffixes:
        raise UnknownFormat(path, None)
    return SUFFIXES[suffixes[-1]]


def _default_source(
    path: Path, wanted: SourceFormat, source: str | None, mapping: SourceMapping | None
) -> str | None:
    if mapping is not None:
        return mapping.key
    if wanted in (SourceFormat.CSV, SourceFormat.ACCESS_LOG):
        raise SourceNeeded(path, wanted) if source is None else SourceNotDeclared(source, path)
    return source


def _report(path: Path, totals: IntakeTotals) -> IngestReport:
    by_verdict = dict.fromkeys(Verdict, 0)
    reasons: dict[str, int] = {}
    for (verdict, reason), items in totals.counts.items():
        by_verdict[verdict] += items
        if reason is not Reason.NONE:
            reasons[reason.code] = reasons.get(reason.code, 0) + items
    assert sum(by_verdict.values()) == totals.received, "law L1"
    return IngestReport(
        file=str(path),
        received=totals.received,
        accepted=by_verdict[Verdict.ACCEPTED],
        duplicate=by_verdict[Verdict.DUPLICATE],
        conflict=by_verdict[Verdict.CONFLICT],
        quarantined=by_verdict[Verdict.QUARANTINED],
        first_batch=totals.first_batch,
        last_batch=totals.last_batch,
        reasons=tuple(sorted(reasons.items())),
    )
