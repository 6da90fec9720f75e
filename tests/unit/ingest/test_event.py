"""One fact, one content: however it is written, its canonical bytes are the same; another fact has others."""

from __future__ import annotations

import pytest

from tests.unit.ingest.sample import BOOK, CALL, CSV, NOW, ROW, accepted, item, with_data
from tieout.ingest.csv_rows import decode_row
from tieout.ingest.event import Event, canonical_of, tagged

FULL = """{"tokens": 12, "cost": 1.50, "cached": true, "model": "small", "note": "n",
 "started": "2026-01-15T12:30:00+01:00", "text": "t", "more": {"b": 1.0, "a": [1e5]}}"""


def test_tags_carry_the_declared_type() -> None:
    assert tagged(accepted(with_data(FULL)), CALL) == {
        "cached": "btrue",
        "cost": "n1.5",
        "model": "ssmall",
        "note": "sn",
        "started": "t1768476600000000",
        "text": "st",
        "tokens": "n12",
    }


def test_undeclared_members_are_kept_in_canonical_json() -> None:
    assert accepted(with_data(FULL)).extras == '{"more":{"a":[1e5],"b":1}}'


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"tokens": 12}', '{"tokens": "12"}'),
        ('{"tokens": 12}', '{"tokens": 12.0}'),
        ('{"tokens": 12, "cost": 1.50}', '{"cost": "1.5", "tokens": "0012"}'),
        ('{"tokens": 0}', '{"tokens": -0}'),
        ('{"tokens": 1, "cached": true}', '{"tokens": 1, "cached": "true"}'),
        ('{"tokens": 1, "note": null}', '{"tokens": 1}'),
        ('{"tokens": 1, "other": null}', '{"tokens": 1}'),
        ('{"tokens": 1, "x": {"a": 1.0, "b": 2}}', '{"x": {"b": 2, "a": 1}, "tokens": 1}'),
        ('{"tokens": 1, "note": "\\u0061"}', '{"tokens": 1, "note": "a"}'),
        (
            '{"tokens": 1, "started": "2026-01-15T12:30:00+01:00"}',
            '{"tokens": 1, "started": "2026-01-15T11:30:00.0000009Z"}',
        ),
    ],
)
def test_one_fact_in_two_writings_has_the_same_content(one: str, other: str) -> None:
    first, second = accepted(with_data(one)), accepted(with_data(other))
    assert canonical_of(first, CALL) == canonical_of(second, CALL)


@pytest.mark.parametrize(
    "other",
    [
        '{"tokens": 13}',
        '{"tokens": 12, "x": 1}',
        '{"tokens": 12, "note": ""}',
        '{"tokens": 12, "cached": false}',
    ],
)
def test_another_fact_has_another_content(other: str) -> None:
    assert canonical_of(accepted(with_data(other)), CALL) != canonical_of(accepted(item()), CALL)


def test_a_csv_row_has_the_content_of_the_same_fact_in_json() -> None:
    row = decode_row(ROW, CSV, BOOK, received_at=NOW)
    assert isinstance(row, Event)
    same = accepted(item(data={"model": "small", "note": "from csv", "tokens": 12}))
    assert canonical_of(row, CALL) == canonical_of(same, CALL)


def test_attributes_are_kept_but_are_not_content() -> None:
    first, second = accepted(item(traceparent="00-1")), accepted(item(traceparent="00-2", dataschema=None))
    assert (first.attributes, second.attributes) == ('{"traceparent":"00-1"}', '{"traceparent":"00-2"}')
    assert canonical_of(first, CALL) == canonical_of(second, CALL)
