"""What is stated or proven of a range of batches reads that range: no segment of before, which may lie in a
bucket, and no loose batch of another piece."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evidence_packs import INVOICE
from tests.small_home import FEBRUARY_3, call, ingest, make_home
from tieout.flows.build_pack import build_pack
from tieout.flows.close_periods import close
from tieout.flows.keep_head import make_key
from tieout.flows.keep_roots import keep_roots
from tieout.flows.verify_books import verify_books
from tieout.ports import SegmentFile, SegmentFiles
from tieout.store.log import reader
from tieout.store.log.segments.named_segments import NamedSegment
from tieout.wiring import Home

BATCHES = 24
SNAPSHOTS = 3


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with made:
        make_key(made)
        yield made


def add(home: Home, number: int) -> None:
    ingest(home, [call(number, "cedar", f"2026-01-{number + 1:02}T00:00:00Z")], f"{number}.ndjson")


def test_roots_of_what_came_since_open_no_segment_of_before(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[int, int]] = []
    real = reader.segment_file

    def recorded(files: SegmentFiles, segment: NamedSegment, *, distrust: bool = False) -> SegmentFile:
        opened.append((segment.first_batch, segment.last_batch))
        return real(files, segment, distrust=distrust)

    for module in ("reader", "pieces"):
        monkeypatch.setattr(f"tieout.store.log.{module}.segment_file", recorded)
    for number in range(3):
        add(home, number)
        home.log.compact(rows_min=1)
        opened.clear()
        keep_roots(home)
        assert set(opened) == {(number + 1, number + 1)}


def test_loose_batches_are_read_for_their_own_piece_only(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head after each batch: what is read grows with their number, not with its square."""
    for number in range(BATCHES):
        add(home, number)
        keep_roots(home)
    close(home, as_of=FEBRUARY_3)
    decoded: list[str] = []
    real = reader.decode_body

    def counted(body: bytes, what: str) -> object:
        decoded.append(what)
        return real(body, what)

    monkeypatch.setattr(reader, "decode_body", counted)
    build_pack(home, INVOICE)
    assert len(decoded) <= SNAPSHOTS * 2 * BATCHES
    decoded.clear()
    assert verify_books(home).findings == ()
    assert len(decoded) <= 6 * BATCHES
