"""Public usage data reads whole and exact; a checkout without the data skips these tests and says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.ingest.sample import CSV, NOW
from tieout.contract.event_contract import ContractBook, EventContract, Field, FieldType, Use
from tieout.contract.source import FieldSource, SourceFormat, TimeSource
from tieout.ingest.access_log import decode_line
from tieout.ingest.csv_framing import csv_records
from tieout.ingest.csv_rows import decode_row
from tieout.ingest.event import Event
from tieout.ingest.framing import lines, unpacked
from tieout.ingest.reason import Reason
from tieout.kernel.ids import EventType
from tieout.kernel.instant import INSTANT_MIN, parse_instant

ROOT = Path(__file__).parents[3]


@pytest.fixture
def data() -> Path:
    folder = Path(os.environ.get("TIEOUT_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real usage data is not at {folder}; set TIEOUT_DATA to its folder")
    return folder


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(65_536):
            yield piece


def contract(event_type: str, **fields: FieldType) -> EventContract:
    declared = tuple(Field(name, kind, Use.BILLING) for name, kind in sorted(fields.items()))
    return EventContract(EventType(event_type), 1, INSTANT_MIN, "", None, declared, (), "")


def test_the_azure_trace_has_its_exact_totals(data: Path) -> None:
    book = ContractBook([contract("llm", context=FieldType.INTEGER, generated=FieldType.INTEGER)])
    mapping = replace(
        CSV,
        event_type="llm",
        id=None,
        subject=FieldSource(constant="everybody"),
        time=TimeSource(column="TIMESTAMP", layout="%Y-%m-%d %H:%M:%S.%f", zone="UTC"),
        fields=(("context", FieldSource("ContextTokens")), ("generated", FieldSource("GeneratedTokens"))),
    )
    file = data / "azure_llm_code_2023.csv.gz"
    records = csv_records(unpacked(pieces(file), file=file.name), mapping, file=file.name)
    events = [decode_row(record.columns, mapping, book, received_at=NOW) for record in records]
    good = [event for event in events if isinstance(event, Event)]
    assert (len(events), len(good)) == (8_819, 8_819)
    assert good[0].time == parse_instant("2023-11-16T18:17:03.979960Z")
    assert sum(int(str(event.fields["context"])) for event in good) == 18_059_974
    assert sum(int(str(event.fields["generated"])) for event in good) == 245_896


def test_every_line_of_the_apache_log_is_an_event(data: Path) -> None:
    book = ContractBook([contract("request", sent=FieldType.INTEGER)])
    mapping = replace(
        CSV,
        format=SourceFormat.ACCESS_LOG,
        event_type="request",
        id=None,
        subject=FieldSource("client"),
        time=TimeSource("time"),
        fields=(("sent", FieldSource("bytes")),),
    )
    file = data / "apache_access_2015-05.log.gz"
    found = list(lines(unpacked(pieces(file), file=file.name)))
    events = [decode_line(line.raw, mapping, book, received_at=NOW) for line in found]
    good = [event for event in events if isinstance(event, Event)]
    assert (len(events), len(good)) == (10_000, 10_000)
    assert len({event.subject for event in good}) == 1_753
    assert sum(event.fields["sent"] == 0 for event in good) == 669
    assert sum(line.raw.split(b'"')[2].split()[1] == b"-" for line in found) == 669


def test_the_taxi_trips_read_with_local_times_and_negative_fares(data: Path) -> None:
    book = ContractBook([contract("trip", fare=FieldType.DECIMAL)])
    mapping = replace(
        CSV,
        event_type="trip",
        id=None,
        subject=FieldSource("vendor_id", prefix="vendor-"),
        time=TimeSource("pickup_datetime", layout="%Y-%m-%d %H:%M:%S", zone="America/New_York"),
        fields=(("fare", FieldSource("fare_amount")),),
    )
    file = data / "nyc_taxi_2019-03.csv.gz"
    records = csv_records(unpacked(pieces(file), file=file.name), mapping, file=file.name)
    events = [decode_row(record.columns, mapping, book, received_at=NOW) for record in records]
    good = [event for event in events if isinstance(event, Event)]
    refused = [event for event in events if not isinstance(event, Event)]
    assert len(events) == 10_000
    assert sum(str(event.fields["fare"]).startswith("-") for event in good) == 13
    assert {event.reason for event in refused} <= {Reason.TIME_IMPOSSIBLE}
