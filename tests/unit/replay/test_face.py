"""The face of a set: read back as written, and every problem at once."""

from __future__ import annotations

from tieout.kernel.ids import HomeId
from tieout.replay.face import Expected, Face, Origin, Recording, What, face_text, parse_face

FACE = Face(
    name="traffic-2026",
    made_by='a "script"\t\x7f',
    home=HomeId("home_01"),
    recording=Recording("1.0", since="2026-01-01T00:00:00Z", accounts=("acme",), left_out=("2 voids",)),
    expected=(
        Expected("expected/lines.csv", What.LINES, Origin.SCRIPT, "Dana", "a" * 64),
        Expected("expected/totals.csv", What.TOTALS, Origin.PREVIOUS_SYSTEM, "the old system", "b" * 64),
    ),
    files={"calls.jsonl": "c" * 64, "events/é.ndjson": "d" * 64},
)


def test_a_face_is_read_back_as_it_is_written() -> None:
    assert parse_face(face_text(FACE)) == (FACE, [])
    bare = Face("bare", "Dana")
    assert parse_face(face_text(bare)) == (bare, [])


def test_every_problem_of_a_face_is_told_with_its_line() -> None:
    text = """\
format = "tieout/replay-set/2"
name = "No Name"
colour = "blue"

[[expected]]
file = "/etc/lines.csv"
what = "lines"
origin = "hearsay"
by = "Dana"
sha256 = "abc"

[[expected]]
what = "sums"
origin = "script"
by = "Dana"
sha256 = "abc"

[files]
"calls.jsonl" = "abc"
"""
    face, problems = parse_face(text)
    assert face is None
    assert [(each.line, each.key, each.field) for each in problems] == [
        (1, "", "format"),
        (2, "", "name"),
        (None, "", "made_by"),
        (8, "expected 1", "origin"),
        (10, "expected 1", "sha256"),
        (6, "expected 1", "file"),
        (None, "expected 2", "file"),
        (13, "expected 2", "what"),
        (16, "expected 2", "sha256"),
        (19, "", "calls.jsonl"),
        (3, "", "colour"),
    ]


def test_what_is_no_toml_is_one_problem() -> None:
    face, problems = parse_face("name = ")
    assert face is None
    assert len(problems) == 1
