"""Calls of a set: read back as written, and every problem at once with its line and member."""

from __future__ import annotations

from tieout.replay.call import call_text, parse_calls

GOOD = """\
{"at": "2026-01-01T00:00:00Z", "call": "catalog", "documents": "catalog"}
{"at": "2026-01-02T00:00:00Z", "call": "ingest", "file": "events/1.ndjson", "recorded": \
{"accepted": 1, "duplicate": 0, "conflict": 0, "quarantined": 2}}

{"at": "2026-02-02T00:00:00+01:00", "call": "close", "as_of": "2026-02-01T00:00:00Z", "accounts": ["acme"]}
"""


def test_calls_are_read_back_as_they_are_written() -> None:
    calls, problems = parse_calls(GOOD)
    assert problems == []
    assert [call.line for call in calls] == [1, 2, 4]
    again, problems = parse_calls("".join(call_text(call) + "\n" for call in calls))
    assert problems == []
    assert [call_text(call) for call in again] == [call_text(call) for call in calls]
    assert again[1].recorded == {"accepted": 1, "duplicate": 0, "conflict": 0, "quarantined": 2}


def test_every_problem_is_told_at_once() -> None:
    text = """\
{"at": "2026-01-02T00:00:00Z", "call": "ingest", "file": "../events.ndjson", "bodies": "x"}
{"at": "2026-01-02", "call": "close"}
{"at": "2026-01-02T00:00:00Z", "call": "clse"}
[1]
nothing
{"at": "2026-01-03T00:00:00Z", "call": "look"}
{"at": "2026-01-02T00:00:00Z", "call": "look"}
{"at": "2026-01-04T00:00:00Z", "call": "close", "as_of": 5, "accounts": "acme"}
{"at": "2026-01-04T00:00:00Z", "call": "ingest", "file": "a", "recorded": {"accepted": "1"}}
"""
    _, problems = parse_calls(text)
    assert [(each.line, each.field) for each in problems] == [
        (1, "file"),
        (1, "bodies"),
        (2, "at"),
        (2, "as_of"),
        (3, "call"),
        (4, ""),
        (5, ""),
        (7, "at"),
        (8, "as_of"),
        (8, "accounts"),
        (9, "recorded"),
    ]
    assert str(problems[0]).startswith(
        "calls.jsonl:1: file: '../events.ndjson' is not the name of a file inside"
    )


def test_no_call_is_a_problem() -> None:
    assert [str(each) for each in parse_calls("\n")[1]] == ["calls.jsonl: holds no call"]
