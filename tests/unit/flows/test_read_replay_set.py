"""A set is read from its folder with all problems at once; what was edited since it was frozen is known."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tieout.flows.read_replay_set import BadReplaySet, NoReplaySet, read_set
from tieout.flows.write_replay_set import FolderTaken, expect, freeze, new_set
from tieout.replay.face import Face, Origin, What

LINES = b"customer,period_start,currency,amount\nacme,2026-01-01T00:00:00Z,USD,1.00\n"
CALLS = '{"at": "2026-01-01T00:00:00Z", "call": "ingest", "file": "events/1.ndjson"}\n'


def a_set(folder: Path) -> Path:
    new_set(folder, Face("small", "a test"))
    (folder / "calls.jsonl").write_text(CALLS)
    (folder / "events").mkdir()
    (folder / "events" / "1.ndjson").write_text("{}\n")
    return folder


def test_what_is_frozen_and_stated_is_neither_loose_nor_edited(tmp_path: Path) -> None:
    folder = a_set(tmp_path / "set")
    assert read_set(folder).loose == ("calls.jsonl", "events/1.ndjson")
    freeze(folder)
    expect(folder, LINES, name="lines.csv", what=What.LINES, origin=Origin.SCRIPT, by="Dana")
    found = read_set(folder)
    assert (found.loose, found.edited) == ((), ())
    assert [row.values for _, stated in found.stated for row in stated.rows] == [{"amount": 1}]


def test_an_edited_expectation_and_an_edited_body_are_noticed(tmp_path: Path) -> None:
    folder = a_set(tmp_path / "set")
    freeze(folder)
    expect(folder, LINES, name="lines.csv", what=What.LINES, origin=Origin.SCRIPT, by="Dana")
    before = read_set(folder).digest
    (folder / "expected" / "lines.csv").write_bytes(LINES.replace(b"1.00", b"2.00"))
    (folder / "events" / "1.ndjson").write_text("{ }\n")
    found = read_set(folder)
    assert found.edited == ("events/1.ndjson", "expected/lines.csv")
    assert found.digest != before


def test_what_lies_outside_of_the_set_is_no_part_of_it(tmp_path: Path) -> None:
    folder = a_set(tmp_path / "set")
    (folder / "events").rename(tmp_path / "events")
    (folder / "events").symlink_to(tmp_path / "events")
    (folder / "more.toml").symlink_to(tmp_path / "events" / "1.ndjson")
    (folder / "all").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    freeze(folder)
    with pytest.raises(BadReplaySet, match="link or a device") as refused:
        read_set(folder)
    assert [each.path for each in refused.value.problems] == ["all", "events", "more.toml", "pipe"]


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    folder = a_set(tmp_path / "set")
    freeze(folder)
    expect(folder, LINES, name="lines.csv", what=What.LINES, origin=Origin.SCRIPT, by="Dana")
    (folder / "expected" / "lines.csv").write_bytes(LINES + b"acme,x,USD,1\n")
    (folder / "calls.jsonl").write_text(CALLS + '{"at": "x", "call": "look"}\n')
    (folder / "events" / "1.ndjson").unlink()
    with pytest.raises(BadReplaySet) as refused:
        read_set(folder)
    assert [(each.path, each.line, each.field) for each in refused.value.problems] == [
        ("calls.jsonl", 2, "at"),
        ("calls.jsonl", 1, ""),
        ("expected/lines.csv", 3, "period_start"),
        ("set.toml", None, "events/1.ndjson"),
    ]


def test_what_is_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoReplaySet):
        read_set(tmp_path)
    (tmp_path / "something").touch()
    with pytest.raises(FolderTaken):
        new_set(tmp_path, Face("small", "a test"))
    with pytest.raises(BadReplaySet):
        expect(
            a_set(tmp_path / "set"), b"x\n1\n", name="f.csv", what=What.LINES, origin=Origin.PERSON, by="D"
        )


def test_a_face_in_another_encoding_is_a_problem_wherever_it_is_read(tmp_path: Path) -> None:
    folder = a_set(tmp_path / "set")
    (folder / "set.toml").write_bytes((folder / "set.toml").read_text().encode("utf-16"))
    for reads in (freeze, read_set):
        with pytest.raises(BadReplaySet, match="is not UTF-8 at byte 0"):
            reads(folder)
