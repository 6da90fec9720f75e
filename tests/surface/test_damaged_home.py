"""What is damaged is named in one line, with exit code 6; never a stack trace, never advice that does harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_home import ingest, january, make_home
from tests.surface.conftest import in_process

READING_SEGMENTS = (
    ("usage", "acme", "--at", "2026-01-20T00:00:00Z"),
    ("close", "--as-of", "2026-03-03T00:00:00Z"),
    ("close", "--as-of", "2026-03-03T00:00:00Z", "--dry-run"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home whose events are all in segments."""
    place = tmp_path / "home"
    home, _ = make_home(place)
    with home:
        ingest(home, january())
        assert home.log.compact(rows_min=1) == 1
    return place


def is_one_line_and_6(folder: Path, *verb: str) -> str:
    ran = in_process(*verb, "--home", str(folder))
    assert ran.code == 6, (ran.out, ran.err)
    assert ran.err.startswith("tieout: ")
    assert len(ran.err.strip().splitlines()) == 1
    return ran.err


@pytest.mark.parametrize("verb", READING_SEGMENTS, ids=" ".join)
@pytest.mark.parametrize("damage", ["gone", "cut short", "flipped in the middle"])
def test_a_segment_that_cannot_be_read_is_6_and_named(
    folder: Path, verb: tuple[str, ...], damage: str
) -> None:
    (segment,) = folder.glob("segments/**/*.parquet")
    content = segment.read_bytes()
    if damage == "gone":
        segment.unlink()
    elif damage == "cut short":
        segment.write_bytes(content[:100])
    else:
        footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        segment.write_bytes(content[:footer] + bytes(64) + content[footer + 64 :])
    assert segment.name in is_one_line_and_6(folder, *verb)
