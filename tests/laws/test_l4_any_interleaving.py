"""Law L4: however ingestion, compaction, merging, crashes and collection follow each other, the log says the
same as of every watermark, and each event is in exactly one part of the manifest.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import select

from tests.logs import NOW, contract, event, ndjson, open_log, send
from tieout.kernel.ids import EventType, Subject, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.store.log import schema
from tieout.store.log.log import SqlEventLog
from tieout.store.log.reader import read_segment
from tieout.store.log.segments import compact, merge, tiers

TYPES = frozenset({EventType("llm.request")})
SPANS = {Subject(f"team-{n}"): [Period(contract().effective_from, NOW)] for n in range(4)}
STEPS = 40
POINTS = (
    *("compact-after-intent", "compact-after-files", "compact-before-commit", "compact-after-commit"),
    *("merge-after-intent", "merge-after-files", "merge-before-commit", "merge-after-commit"),
)
MINUTE = 60_000_000


class Killed(Exception):
    """Stands for the end of the process at a named point."""


class Story:
    """A log, the model it is held to, and the steps that a seed chooses."""

    def __init__(self, folder: Path, url: str | None, seed: int, patch: pytest.MonkeyPatch) -> None:
        self.chance = random.Random(seed)
        self.folder, self.url, self.patch = folder, url, patch
        self.now = NOW
        self.batches: list[list[str]] = []
        self.merged = self.kills = 0
        self.log, self.engine = open_log(folder, url=url)

    def step(self) -> None:
        kind = self.chance.choices(("ingest", "compact", "killed", "later"), weights=(6, 5, 3, 1))[0]
        getattr(self, kind)()

    def ingest(self) -> None:
        number = len(self.batches)
        told = [f"e{number}-{place}" for place in range(self.chance.randint(0, 9))]
        repeats = self.chance.sample(self.batches[-1], min(2, len(self.batches[-1]))) if self.batches else []
        items = [event(name, subject=f"team-{self.chance.randrange(4)}") for name in told]
        send(self.log, ndjson([*items, *(event(name, 77) for name in repeats)]) or b"broken\n")
        self.batches.append(told)

    def compact(self) -> None:
        self.merged += self.log.maintain(rows_min=self.chance.choice((1, 1, 5))).merged

    def killed(self) -> None:
        """The process ends at a point of compaction or merging, if it comes to it; another one goes on."""
        wanted = self.chance.choice(POINTS)

        def dies(point: str) -> None:
            if point == wanted:
                raise Killed

        with self.patch.context() as patched:
            patched.setattr(compact, "crash_point", dies)
            patched.setattr(merge, "crash_point", dies)
            try:
                self.log.maintain(rows_min=1)
            except Killed:
                self.kills += 1
        self.reopen()

    def later(self) -> None:
        self.now = Instant(self.now + self.chance.choice((1, 16, 61)) * MINUTE)
        self.reopen()

    def reopen(self) -> None:
        self.engine.dispose()
        self.log, self.engine = open_log(self.folder, now=self.now, url=self.url)

    def holds(self) -> None:
        head = len(self.batches)
        assert self.log.head() == head
        for watermark in {head, self.chance.randint(0, head), self.chance.randint(0, head)}:
            expected = {name for told in self.batches[:watermark] for name in told}
            stored = self.log.events(SPANS, TYPES, watermark=Watermark(watermark))
            assert {item.event.id for item in stored} == expected
            assert sorted(in_manifest(self.log, watermark)) == sorted(expected), "each in exactly one part"


def in_manifest(log: SqlEventLog, watermark: int) -> Iterator[str]:
    manifest = log.manifest(Watermark(watermark))
    tables: list[pa.Table] = [part.table for part in manifest.tail]
    spans = sorted({(segment.first_batch, segment.last_batch) for segment in manifest.segments})
    for (_, last), (first, _) in pairwise(spans):
        assert first == last + 1, "gapless and disjoint"
    for table in [*tables, *(read_segment(segment) for segment in manifest.segments)]:
        for batch, name in zip(
            table.column("batch").to_pylist(), table.column("id").to_pylist(), strict=True
        ):
            if batch <= watermark:
                yield name


def told(folder: Path, url: str | None, seed: int, patch: pytest.MonkeyPatch) -> Story:
    patch.setattr(tiers, "FAN_OUT", 3)  # so that a short story merges often
    story = Story(folder, url, seed, patch)
    for _ in range(STEPS):
        story.step()
        story.holds()
    story.now = Instant(story.now + 120 * MINUTE)
    story.reopen()
    story.merged += story.log.maintain(rows_min=1).merged
    story.holds()
    assert story.log.verify().findings == ()
    with story.engine.connect() as connection:
        named = set(connection.execute(select(schema.segments.c.path)).scalars())
    segments = folder / "segments"
    present = {str(path.relative_to(segments)) for path in segments.rglob("*.parquet")}
    assert present == named, "no orphan is left, and none is missing"
    story.engine.dispose()
    return story


@pytest.mark.parametrize("seed", range(4))
def test_any_interleaving_gives_the_same_answers(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = told(tmp_path, None, seed, monkeypatch)
    assert story.kills, "no kill came to pass"
    assert story.merged, "nothing was merged"


def test_on_postgres_too(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told(tmp_path, postgres_url, 11, monkeypatch)
