"""What is written back reads as the same event, and as the same document."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.unit.ingest.sample import BOOK, CALL, NOW
from tieout.contract.document import parse_documents
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event, canonical_of
from tieout.replay.face import What
from tieout.replay.found import FoundTotal
from tieout.replay.stated import KEYS, parse_stated
from tieout.replay.written import documents_toml, event_line, totals_csv

SCENARIOS = Path(__file__).parents[2] / "scenarios"
texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
quantities = st.builds(
    lambda whole, places: str(whole) if not places else f"{whole}.{places}",
    st.integers(0, 10**12),
    st.text("0123456789", max_size=12),
)


@given(st.data())
def test_an_event_written_as_a_line_is_the_same_event(data: st.DataObject) -> None:
    contract = CALL
    members = {
        "source": "gateway",
        "id": "e1",
        "type": contract.type,
        "subject": data.draw(st.sampled_from(["key-1", "k/2"])),
        "time": data.draw(st.sampled_from(["2026-01-05T00:00:00Z", "2026-01-05T00:00:00.123456789+05:30"])),
        "data": {
            **data.draw(st.dictionaries(texts, json_values, max_size=3)),
            **{field.name: data.draw(_value(field.type.value, field.values)) for field in contract.fields},
        },
        **data.draw(st.dictionaries(st.text("abcdefghij", min_size=1, max_size=5), texts, max_size=2)),
    }
    first = decode_item(json.dumps(members).encode(), BOOK, received_at=NOW, default_source=None)
    assume(isinstance(first, Event))
    assert isinstance(first, Event)
    kept = BOOK.get(first.type, first.contract_version)
    assert kept is not None
    again = decode_item(event_line(first, kept), BOOK, received_at=NOW, default_source=None)
    assert again == first
    assert isinstance(again, Event)
    assert canonical_of(again, kept) == canonical_of(first, kept)
    assert b"\n" not in event_line(first, kept)


def _value(type: str, values: tuple[str, ...]) -> st.SearchStrategy[object]:
    match type:
        case "integer":
            return st.integers(0, 10**6)
        case "decimal":
            return quantities
        case "boolean":
            return st.booleans()
        case "timestamp":
            return st.sampled_from(["2026-01-05T00:00:00Z", "2026-01-05T00:00:00.5+02:00"])
        case "enum":
            return st.sampled_from(values)
        case _:
            return st.text("abcäöü \u2028", min_size=1, max_size=6)


@pytest.mark.parametrize("name", ["connect_program_over_a_month", "tax_compound", "commitment_rollover"])
def test_documents_written_as_toml_are_the_same_documents(name: str) -> None:
    for file in sorted((SCENARIOS / name).rglob("*.toml")):
        if file.name == "scenario.toml":
            continue
        documents, problems = parse_documents(file.name, file.read_text())
        assert problems == []
        read, problems = parse_documents("again", documents_toml(documents))
        assert problems == []
        assert {each.name: each.digest for each in read} == {each.name: each.digest for each in documents}


def test_totals_are_stated_as_they_are_found() -> None:
    keys = dict.fromkeys(KEYS[What.TOTALS], "x") | {
        "period_start": "2026-01-01T00:00:00Z",
        "period_end": "2026-02-01T00:00:00Z",
    }
    values = {"subtotal": 5, "discounts": 0, "taxes": 1, "total": 6, "due": 6}
    total = FoundTotal(keys, {name: Fraction(value) for name, value in values.items()})
    stated, problems = parse_stated("f.csv", totals_csv([total]), What.TOTALS)
    assert problems == []
    assert stated is not None
    assert [(dict(row.key), row.values) for row in stated.rows] == [(keys, values)]
