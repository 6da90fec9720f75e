"""Lines of a plain file as stretches that others read: the same lines, of the same file, or a refusal."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import pytest

from tieout.flows import file_pieces, file_stretches
from tieout.flows.file_pieces import FileChanged, FileReading
from tieout.flows.file_stretches import FileStretch, blocks_of_lines

ITEM_BYTES_MAX = 50


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (file_pieces, file_stretches):
        monkeypatch.setattr(module, "BLOCK_BYTES", 100)
    monkeypatch.setattr(file_pieces, "PIECE_BYTES", 100)
    monkeypatch.setattr(file_stretches, "WINDOW_BYTES", 8)


def told(path: Path) -> tuple[list[bytes], int]:
    """All lines that were read, and how many blocks were stretches; those are read as a worker would."""
    lines: list[bytes] = []
    stretches = 0
    with FileReading(path, None) as reading:
        for block in list(blocks_of_lines(reading, item_bytes_max=ITEM_BYTES_MAX)):
            if isinstance(block, FileStretch):
                stretches += 1
                assert block.read_again() == pickle.loads(pickle.dumps(block)).read()
                block = block.read()  # noqa: PLW2901
            lines += block.splitlines()
        reading.check_unchanged()
    return lines, stretches


@pytest.mark.parametrize("last", [b"", b"\n", b"\n\n"])
def test_all_lines_of_a_plain_file_come_in_order(tmp_path: Path, last: bytes) -> None:
    lines = [b"line %d " % number + b"x" * (number % 30) for number in range(100)]
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines) + last)
    found, stretches = told(tmp_path / "f")
    assert found == lines + [b""] * (len(last) - 1)
    assert stretches > 20


def test_lines_too_long_are_cut_and_the_rest_is_read_piece_by_piece(tmp_path: Path) -> None:
    long = [b"y" * 60, b"z" * 700, b"w" * 51]
    lines = [*[b"a" * 40] * 6, long[0], b"b" * 40, b"c" * 40, long[1], b"d" * 40, long[2], *[b"e" * 40] * 9]
    (tmp_path / "f").write_bytes(b"\n".join(lines) + b"\n")
    found, stretches = told(tmp_path / "f")
    assert found == [line[: ITEM_BYTES_MAX + 1] for line in lines]
    assert stretches == 5, "up to the line that leaves a block without an end"


def test_gzip_is_read_piece_by_piece(tmp_path: Path) -> None:
    lines = [b"line %d" % number for number in range(100)]
    (tmp_path / "f").write_bytes(gzip.compress(b"\n".join(lines)))
    assert told(tmp_path / "f") == (lines, 0)


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    assert told(tmp_path / "f") == ([], 0)


def test_a_stretch_leads_to_the_file_that_was_opened_and_to_no_later_one(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old\n")
    with FileReading(path, None) as reading:
        (stretch,) = blocks_of_lines(reading, item_bytes_max=ITEM_BYTES_MAX)
        assert isinstance(stretch, FileStretch)
        (tmp_path / "g").write_bytes(b"new\n")
        (tmp_path / "g").replace(path)
        assert stretch.read() == b"old\n"
        with pytest.raises(FileChanged):
            reading.check_unchanged()
    with (tmp_path / "h").open("wb"), pytest.raises((FileChanged, OSError)):
        stretch.read()


@pytest.mark.parametrize("written", [b"other\n", b"old\nand more\n"])
def test_what_may_have_changed_is_not_read_again(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old\n")
    with FileReading(path, None) as reading:
        (stretch,) = blocks_of_lines(reading, item_bytes_max=ITEM_BYTES_MAX)
        assert isinstance(stretch, FileStretch)
        path.write_bytes(written)
        with pytest.raises(FileChanged) as refusal:
            stretch.read_again()
        assert str(pickle.loads(pickle.dumps(refusal.value))) == str(refusal.value)


def test_a_file_that_became_shorter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old\n")
    with FileReading(path, None) as reading:
        (stretch,) = blocks_of_lines(reading, item_bytes_max=ITEM_BYTES_MAX)
        assert isinstance(stretch, FileStretch)
        path.write_bytes(b"")
        with pytest.raises(FileChanged):
            stretch.read()
