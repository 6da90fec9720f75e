"""A row becomes an event through its mapping, and a bad cell is refused by the name of what it was to be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.ingest.sample import BOOK, CSV, NOW, ROW
from tieout.contract.source import FieldSource, TimeSource
from tieout.ingest.csv_rows import decode_row
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Rejected
from tieout.kernel.instant import parse_instant


def test_columns_constants_prefixes_and_replacements() -> None:
    assert decode_row(ROW, CSV, BOOK, received_at=NOW) == Event(
        source="gateway-csv",
        id="r1",
        type="api.call",  # type: ignore[arg-type]
        subject="client-7",  # type: ignore[arg-type]
        time=parse_instant("2026-01-15T11:30:00Z"),
        contract_version=1,
        fields={"model": "small", "note": "from csv", "tokens": 12},
        extras="",
        attributes="",
    )


def test_an_empty_cell_is_an_absent_value() -> None:
    event = decode_row({**ROW, "Model": ""}, CSV, BOOK, received_at=NOW)
    assert isinstance(event, Event) and "model" not in event.fields
    event = decode_row({**ROW, "Model": "gpt-"}, CSV, BOOK, received_at=NOW)
    assert isinstance(event, Event) and "model" not in event.fields, "what a replacement empties is absent"


def test_a_mapping_without_id_leaves_the_id_open() -> None:
    event = decode_row(ROW, replace(CSV, id=None), BOOK, received_at=NOW)
    assert isinstance(event, Event) and event.id == ""


def test_a_field_that_is_not_declared_is_kept_as_extra() -> None:
    mapping = replace(CSV, fields=(*CSV.fields, ("region", FieldSource(column="Region"))))
    event = decode_row({**ROW, "Region": "eu"}, mapping, BOOK, received_at=NOW)
    assert isinstance(event, Event) and event.extras == '{"region":"eu"}'


@pytest.mark.parametrize(
    ("cells", "reason", "field"),
    [
        ({"Request": ""}, Reason.ID_MALFORMED, "id"),
        ({"Request": "a b"}, Reason.ID_MALFORMED, "id"),
        ({"Client": ""}, Reason.SUBJECT_MALFORMED, "subject"),
        ({"Client": "ö"}, Reason.SUBJECT_MALFORMED, "subject"),
        ({"Time": ""}, Reason.TIME_MISSING, "time"),
        ({"Time": "15.01.2026"}, Reason.TIME_MALFORMED, "time"),
        ({"Time": "2025-03-09 02:30:00"}, Reason.TIME_IMPOSSIBLE, "time"),
        ({"Time": "2026-01-15 07:05:01"}, Reason.TIME_FUTURE, "time"),
        ({"Time": "2025-10-16 06:30:00"}, Reason.TIME_TOO_OLD, "time"),
        ({"Tokens": ""}, Reason.FIELD_MISSING, "data.tokens"),
        ({"Tokens": "1,000"}, Reason.NUMBER_MALFORMED, "data.tokens"),
        ({"Tokens": " 12"}, Reason.NUMBER_MALFORMED, "data.tokens"),
        ({"Model": "a\u202eb"}, Reason.TEXT_FORBIDDEN_CHARACTER, "data.model"),
        ({"Model": "huge"}, Reason.NOT_IN_ENUM, "data.model"),
    ],
)
def test_a_bad_cell_is_refused_by_name(cells: dict[str, str], reason: Reason, field: str) -> None:
    outcome = decode_row({**ROW, **cells}, CSV, BOOK, received_at=NOW)
    assert isinstance(outcome, Rejected)
    known_id = None if field == "id" else "r1"
    assert (outcome.reason, outcome.field, outcome.source, outcome.id) == (
        reason,
        field,
        "gateway-csv",
        known_id,
    )


def test_a_local_time_without_a_zone_is_naive() -> None:
    mapping = replace(CSV, time=TimeSource(column="Time", layout="%Y-%m-%d %H:%M:%S"))
    outcome = decode_row(ROW, mapping, BOOK, received_at=NOW)
    assert isinstance(outcome, Rejected) and outcome.reason is Reason.TIME_NAIVE
