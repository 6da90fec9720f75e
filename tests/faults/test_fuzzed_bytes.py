"""Mutated bytes at every decoder: an event, a named reason, or a named refusal, and never anything else; the
same whatever pieces they arrive in; and column by column as by the definition.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.agreement.test_columns_equal_definition import compare
from tests.faults.harness.effort import times
from tests.faults.harness.mutation import mutated
from tests.logs import BOOK as LOG_BOOK
from tests.logs import event
from tests.unit.ingest.sample import BOOK, CSV, NOW
from tieout.contract.source import FieldSource, SourceFormat, TimeSource
from tieout.ingest.access_log import decode_line
from tieout.ingest.csv_framing import csv_records
from tieout.ingest.csv_rows import decode_row
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event
from tieout.ingest.framing import array_items, ended_lines, lines, unpacked, without_mark
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Rejected
from tieout.kernel.errors import Refusal

EVENTS = [
    json.dumps(item, separators=separators).encode()
    for separators in ((",", ":"), (", ", ": "))
    for item in (
        event("e-1"),
        event("e-2", 12, data={"tokens": 3, "model": "large", "cost": "1.50", "class": "é"}),
        event("e-3", data={"tokens": 1, "model": "small", "started": "2026-02-14T12:00:00.123456+05:30"}),
        event("e-4", data={"tokens": 7, "model": "small", "cached": True, "more": {"deep": [1, "x", None]}}),
    )
]
LINES = [b"\n".join(EVENTS), b"\r\n".join(EVENTS[:3]) + b"\r\n\r\n", b"\xef\xbb\xbf" + EVENTS[0]]
ARRAYS = [b"[" + b",".join(EVENTS[:count]) + b"]" for count in (0, 1, 4)]
ROWS = [
    b"Request,Client,Time,Model,Tokens\r\nr1,7,2026-01-14 12:00:00,gpt-small-v1,5\r\n",
    b'Request,Client,Time,Model,Tokens\n"r2",8,2026-01-14 02:30:00,"small",1\nr3,"a""b",x,"a\nb",2\n',
]
ACCESS = [
    b'1.2.3.4 - frank [15/Jan/2026:11:30:00 +0000] "GET /a HTTP/1.1" 200 512',
    b'::1 - - [15/Jan/2026:11:30:00 -0500] "GET /\\x22 HTTP/2.0" 404 - "http://a/" "Mozilla/5.0 \\"x\\""',
]
LOG = replace(
    CSV,
    key="web",
    format=SourceFormat.ACCESS_LOG,
    id=None,
    subject=FieldSource(column="client"),
    time=TimeSource(column="time"),
    fields=(("text", FieldSource(column="path")), ("tokens", FieldSource(column="bytes"))),
)
ROUNDS, ROUNDS_LONG = 400, 40_000
COLUMNS_LONG = 8_000


def inputs(
    seeds: list[bytes], seed: int, *, long: int = ROUNDS_LONG
) -> Iterator[tuple[random.Random, bytes]]:
    """Mutated seeds, and a generator for what else a round needs."""
    for number in range(times(quick=ROUNDS, long=long)):
        generator = random.Random(seed * 1_000_003 + number)
        yield generator, mutated(generator, seeds)


def assert_named(outcome: object) -> None:
    assert isinstance(outcome, Event | Rejected)
    if isinstance(outcome, Rejected):
        assert outcome.reason is not Reason.NONE


def test_an_event_of_any_bytes_is_an_event_or_has_a_reason() -> None:
    for _, raw in inputs(EVENTS, 1):
        assert_named(decode_item(raw, LOG_BOOK, received_at=NOW, default_source=None))


def test_columns_decide_mutated_lines_as_the_definition_does() -> None:
    for generator, raw in inputs(EVENTS, 2, long=COLUMNS_LONG):
        around = [generator.choice(EVENTS) for _ in range(generator.randint(0, 3))]
        compare([raw.replace(b"\n", b" "), *around])


@pytest.mark.parametrize(
    ("read", "seeds"),
    [
        (lambda pieces: list(lines(pieces)), LINES),
        (lambda pieces: list(ended_lines(pieces)), LINES),
        (lambda pieces: b"".join(without_mark(pieces)), LINES),
        (lambda pieces: list(array_items(pieces, file="f")), ARRAYS),
        (lambda pieces: list(csv_records(pieces, CSV, file="f")), ROWS),
        (lambda pieces: b"".join(unpacked(pieces, file="f")), [gzip.compress(b"\n".join(EVENTS), mtime=0)]),
    ],
    ids=["lines", "ended_lines", "without_mark", "array_items", "csv_records", "unpacked"],
)
def test_framing_is_the_same_in_any_pieces_and_refuses_by_name(
    read: Callable[[Iterable[bytes]], Any], seeds: list[bytes]
) -> None:
    for generator, raw in inputs(seeds, 3):
        sizes = [generator.choice([1, 2, 7, 64, 4_096, 70_000]) for _ in range(2)]
        if len(raw) > 20_000:
            sizes = [max(size, 4_096) for size in sizes]
        assert outcome(read, [raw]) == outcome(read, cut(raw, sizes[0])) == outcome(read, cut(raw, sizes[1]))


def outcome(read: Callable[[Iterable[bytes]], Any], pieces: list[bytes]) -> Any:
    """What was read, or the name of the refusal and what it says."""
    try:
        return read(iter(pieces))
    except Refusal as refusal:
        return type(refusal).__name__, str(refusal)


def cut(raw: bytes, size: int) -> list[bytes]:
    return [raw[at : at + size] for at in range(0, len(raw), size)] or [b""]


def test_rows_of_any_bytes_are_events_or_have_reasons() -> None:
    for _, raw in inputs(ROWS, 4):
        try:
            for record in csv_records(iter([raw]), CSV, file="f"):
                if record.item.reason is Reason.NONE:
                    assert_named(decode_row(record.columns, CSV, BOOK, received_at=NOW))
        except Refusal:
            continue


def test_access_log_lines_of_any_bytes_are_events_or_have_reasons() -> None:
    for _, raw in inputs(ACCESS, 5):
        assert_named(decode_line(raw, LOG, BOOK, received_at=NOW))


def test_an_unexpected_exception_would_be_seen() -> None:
    def broken(pieces: Iterable[bytes]) -> int:
        return b"".join(pieces).index(b"{")

    with pytest.raises(ValueError, match="subsection not found"):
        for _, raw in inputs(EVENTS, 6):
            outcome(broken, [raw])
