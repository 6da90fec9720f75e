"""Why a received item was not accepted: a stable number for the log, a stable text for people and programs.

Numbers are stored in dispositions and enter batch digests, so a number never changes its meaning and is never
used again. New reasons get new numbers.
"""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """One reason per item: the first that was found, in the order of the checks of `decode_json`."""

    NONE = 0

    NOT_JSON = 1
    TRUNCATED = 2
    NOT_UTF8 = 3
    NESTING_TOO_DEEP = 4
    DUPLICATE_KEY = 5
    TOO_LARGE = 6
    NOT_AN_OBJECT = 7

    FIELD_MISSING = 10
    FIELD_TYPE = 11
    NUMBER_MALFORMED = 12
    NUMBER_DIGITS = 13
    NOT_AN_INTEGER = 14
    OUT_OF_RANGE = 15
    NOT_IN_ENUM = 16
    TEXT_TOO_LONG = 17
    TEXT_FORBIDDEN_CHARACTER = 18

    ID_MALFORMED = 20
    SOURCE_MALFORMED = 21
    SUBJECT_MALFORMED = 22
    UNKNOWN_TYPE = 23
    SPECVERSION = 24
    CONTENT_TYPE = 25

    TIME_MISSING = 30
    TIME_NAIVE = 31
    TIME_IMPOSSIBLE = 32
    TIME_MALFORMED = 33
    TIME_FUTURE = 34
    TIME_TOO_OLD = 35

    ROW_MALFORMED = 40

    IDENTITY_CONFLICT = 50

    SOURCE_FORBIDDEN = 60
    RETRACTION_FINAL = 61

    @property
    def code(self) -> str:
        """The stable text, such as `time-future`."""
        return self.name.lower().replace("_", "-")

    @property
    def sentence(self) -> str:
        """What a person reads."""
        return SENTENCES[self]


SENTENCES: dict[Reason, str] = {
    Reason.NONE: "Nothing is wrong.",
    Reason.NOT_JSON: "The item is not JSON.",
    Reason.TRUNCATED: "The item ends before it is complete.",
    Reason.NOT_UTF8: "The item is not UTF-8.",
    Reason.NESTING_TOO_DEEP: "The item is nested more deeply than the limit allows.",
    Reason.DUPLICATE_KEY: "A JSON object names the same key twice, so its meaning is open.",
    Reason.TOO_LARGE: "The item is larger than the limit allows.",
    Reason.NOT_AN_OBJECT: "The item is JSON, but not an object.",
    Reason.FIELD_MISSING: "A field that the contract requires is missing.",
    Reason.FIELD_TYPE: "A field has another type than the contract says.",
    Reason.NUMBER_MALFORMED: "A number is not written in plain decimal digits.",
    Reason.NUMBER_DIGITS: "A number has more digits than can be kept exactly.",
    Reason.NOT_AN_INTEGER: "The contract asks for an integer, and the number has a fraction.",
    Reason.OUT_OF_RANGE: "A number lies outside the bounds of the contract.",
    Reason.NOT_IN_ENUM: "A value is not among those the contract lists.",
    Reason.TEXT_TOO_LONG: "A text is longer than allowed.",
    Reason.TEXT_FORBIDDEN_CHARACTER: (
        "A text holds a control character, a bidirectional control or a lone surrogate, or is not NFC."
    ),
    Reason.ID_MALFORMED: "The id is missing, too long or not visible ASCII.",
    Reason.SOURCE_MALFORMED: "The source is missing, too long or not visible ASCII.",
    Reason.SUBJECT_MALFORMED: "The subject is missing, too long or not visible ASCII.",
    Reason.UNKNOWN_TYPE: "No contract for this event type was in force at the event's time.",
    Reason.SPECVERSION: "The CloudEvents version is not 1.0.",
    Reason.CONTENT_TYPE: "The event's data is not JSON.",
    Reason.TIME_MISSING: "The time is missing.",
    Reason.TIME_NAIVE: "The time names no zone, so it is not one instant.",
    Reason.TIME_IMPOSSIBLE: "The time does not exist in the calendar, on the clock or in its zone.",
    Reason.TIME_MALFORMED: "The time is not written as expected.",
    Reason.TIME_FUTURE: "The time lies in the future by more than clocks may differ.",
    Reason.TIME_TOO_OLD: "The time lies further back than the contract lets an event reach.",
    Reason.ROW_MALFORMED: "The row cannot be taken apart.",
    Reason.IDENTITY_CONFLICT: "The same source and id arrived before with other content.",
    Reason.SOURCE_FORBIDDEN: "The sender's key may not send events of this source.",
    Reason.RETRACTION_FINAL: "A retraction is final: it can be neither retracted nor named as a replacement.",
}

assert len(SENTENCES) == len(Reason), "each reason has its sentence"
