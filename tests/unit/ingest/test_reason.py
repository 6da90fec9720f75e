"""Reasons are stored as numbers; a number that changes its meaning would rewrite history."""

from __future__ import annotations

from tieout.ingest.reason import SENTENCES, Reason

STORED = {
    0: "none",
    1: "not-json",
    2: "truncated",
    3: "not-utf8",
    4: "nesting-too-deep",
    5: "duplicate-key",
    6: "too-large",
    7: "not-an-object",
    10: "field-missing",
    11: "field-type",
    12: "number-malformed",
    13: "number-digits",
    14: "not-an-integer",
    15: "out-of-range",
    16: "not-in-enum",
    17: "text-too-long",
    18: "text-forbidden-character",
    20: "id-malformed",
    21: "source-malformed",
    22: "subject-malformed",
    23: "unknown-type",
    24: "specversion",
    25: "content-type",
    30: "time-missing",
    31: "time-naive",
    32: "time-impossible",
    33: "time-malformed",
    34: "time-future",
    35: "time-too-old",
    40: "row-malformed",
    50: "identity-conflict",
}


def test_numbers_and_codes_are_the_stored_ones() -> None:
    known = {reason.value: reason.code for reason in Reason}
    assert {number: known.get(number) for number in STORED} == STORED


def test_every_reason_has_a_sentence() -> None:
    assert all(SENTENCES[reason].endswith(".") and reason.sentence == SENTENCES[reason] for reason in Reason)
