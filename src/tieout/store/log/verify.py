"""Checks everything the log stores against what was chained: one streaming pass, every finding named.

Range by range: the rows of its segments, or of bodies that no segment holds, are digested again; batch
digests follow from them and the dispositions; the chain from the batch digests. Nothing derived is trusted.
Memory holds one range (60 bytes a row, 4 million rows at most), and read transactions are short, so that
writers and compaction go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DatabaseError

from tieout.kernel.batch_digest import GENESIS_DIGEST
from tieout.kernel.instant import Instant, format_instant
from tieout.ports import LogVerification, SegmentFiles
from tieout.store.log import schema
from tieout.store.log.named_segments import NamedSegment, live_segments, retired_segments
from tieout.store.log.rates import differing_rates
from tieout.store.log.verify_batch import verify_batch
from tieout.store.log.verify_decisions import verify_decisions
from tieout.store.log.verify_identities import IdentityCensus, verify_index
from tieout.store.log.verify_rows import (
    BATCHES_AT_ONCE,
    Digesting,
    check_retired_bodies,
    check_retired_segments,
    rows_of_bodies,
    rows_of_segments,
)
from tieout.store.log.verifying import Rows, Verifying

BATCHES_PER_TRANSACTION: Final = 32
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Span:
    """Batches that are verified together: those of one range of segments, or a few that none holds yet."""

    first: int
    last: int
    segments: tuple[NamedSegment, ...]


def verify_log(
    engine: Engine,
    folder: Path,
    files: SegmentFiles,
    secret: bytes,
    progress: Progress | None,
    *,
    processes: int | None = None,
) -> LogVerification:
    """Findings are collected, never raised: one damaged place must not hide another. Only a storage of
    segments that does not answer is raised, as `SegmentsUnavailable`: it says nothing about what is stored.
    """
    head_digest = GENESIS_DIGEST
    with IdentityCensus(folder) as census, Digesting(secret, processes=processes) as digesting:
        state = Verifying(census)
        try:
            with engine.connect() as connection:
                head = connection.execute(select(schema.head.c.batch, schema.head.c.digest)).one()
            head_digest = head.digest
            _verify_ranges(engine, state)
            for span in _spans(engine, head.batch):
                _verify_span(engine, files, span, digesting, secret, state, progress, head.batch)
            _verify_head(engine, head.batch, head_digest, state)
            with engine.connect() as connection:
                retired = retired_segments(connection)
                verify_decisions(connection, state.report)
            check_retired_segments(engine, files, retired, state)
            _verify_rates(engine, state)
            _verify_identities(state)
            _verify_index(engine, folder / "index", head.batch, state)
        except DatabaseError as error:
            state.report("database", str(engine.url.database), str(error.orig))
    return LogVerification(
        state.batches, state.received, state.accepted, state.segments, head_digest, tuple(state.findings)
    )


def _spans(engine: Engine, head: int) -> Iterator[Span]:
    """All batches up to the head, asked for anew before each span: ranges are merged meanwhile."""
    following = 1
    while following <= head:
        with engine.connect() as connection:
            live = live_segments(connection)
        here = [segment for segment in live if segment.first_batch <= following <= segment.last_batch]
        if here:
            last = min(max(segment.last_batch for segment in here), head)
        else:
            beyond = [segment.first_batch for segment in live if segment.first_batch > following]
            last = min([following + BATCHES_AT_ONCE - 1, head, *(first - 1 for first in beyond)])
        yield Span(following, last, tuple(here))
        following = last + 1


def _verify_span(
    engine: Engine,
    files: SegmentFiles,
    span: Span,
    digesting: Digesting,
    secret: bytes,
    state: Verifying,
    progress: Progress | None,
    head: int,
) -> None:
    if span.segments:
        check_retired_bodies(engine, span.first, span.last, state)
        accepted = rows_of_segments(
            engine, files, span.segments, digesting, state, first=span.first, last=span.last
        )
    else:
        accepted = rows_of_bodies(engine, span.first, span.last, secret, state)
    for first in range(span.first, span.last + 1, BATCHES_PER_TRANSACTION):
        last = min(first + BATCHES_PER_TRANSACTION - 1, span.last)
        with engine.connect() as connection:
            for number in range(first, last + 1):
                rows: Rows | None = accepted.pop(number, None)
                verify_batch(connection, number, rows, state)
        if progress is not None:
            progress(last, head)


def _verify_ranges(engine: Engine, state: Verifying) -> None:
    """Compacted ranges follow each other without a gap, and live segments are of whole ranges of them."""
    done = schema.compactions
    with engine.connect() as connection:
        live = live_segments(connection)
        query = select(done.c.first_batch, done.c.last_batch).where(done.c.done_at.is_not(None))
        compacted = connection.execute(query.order_by(done.c.first_batch)).all()
    following = 1
    for first, last in compacted:
        if first != following:
            place = f"batches {first} to {last}"
            state.report("compaction", place, f"batch {following} was expected to follow")
        following = last + 1
    firsts, lasts = {first for first, _ in compacted}, {last for _, last in compacted}
    spans = sorted({(segment.first_batch, segment.last_batch) for segment in live})
    before = 0
    for first, last in spans:
        names = [s.name for s in live if (s.first_batch, s.last_batch) == (first, last)]
        if first not in firsts or last not in lasts:
            state.report("segment", names[0], "it is listed for other batches than were compacted")
        elif first != before + 1:
            state.report("segment", names[0], f"it does not follow the segments up to batch {before}")
        before = last


def _verify_head(engine: Engine, number: int, digest: bytes, state: Verifying) -> None:
    """The head that the pass began with was that of the last batch, and none lies beyond the one of now."""
    with engine.connect() as connection:
        batches, head = schema.batches, schema.head
        now = select(head.c.batch).scalar_subquery()
        beyond = connection.execute(
            select(func.count()).select_from(batches).where(batches.c.number > now)
        ).scalar_one()
    if beyond:
        state.report("head", f"batch {number}", f"{beyond} batches lie beyond it")
    if digest != state.previous:
        state.report("head", f"batch {number}", "its digest is not that of the last batch")


def _verify_rates(engine: Engine, state: Verifying) -> None:
    """The rates that are kept are the tallies of all batches, added up."""
    with engine.connect() as connection:
        differing = list(differing_rates(connection))
    for row in differing:
        state.report(
            "rates",
            f"source {row.source}, hour {format_instant(Instant(row.hour))}",
            f"{row.kept} items are kept for verdict {row.verdict} and reason {row.reason}, "
            f"the batches hold {row.told}",
        )


def _verify_index(engine: Engine, folder: Path, head: int, state: Verifying) -> None:
    """The identity index is derived, but a damaged one would let an identity in twice."""
    with engine.connect() as connection:
        keys_from = connection.execute(select(func.min(schema.keys.c.batch))).scalar() or head + 1
    whole = not state.findings
    state.findings += verify_index(folder, state.census, keys_from=keys_from, head=head, is_whole=whole)


def _verify_identities(state: Verifying) -> None:
    """Law L3: no identity was accepted twice."""
    twice = state.census.repeated()
    if twice:
        state.report("identities", "the whole log", f"{twice} identities were accepted more than once")
