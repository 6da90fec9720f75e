"""Finding, adding up and exporting say the same as a loop over all events, on both databases."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.logs import NOW, SystemEntropy, contract, event, ndjson, open_log, send
from tieout.contract.event_contract import ContractBook
from tieout.kernel.ids import EventType, Position, Subject, Watermark
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.ports import StoredEvent
from tieout.ports.review import AttributeFilter, EventQuery
from tieout.store.log import scan, segment_file
from tieout.store.log.export import FileInTheWay, UnknownExport
from tieout.store.log.review import SqlLogReview

TIMES = [f"2026-02-{day:02d}T00:00:00Z" for day in range(1, 15)]
SPAN = Period(parse_instant(TIMES[3]), parse_instant(TIMES[9]))
BOOK = ContractBook([contract()])


def sample(number: int) -> dict[str, object]:
    data: dict[str, object] = {"tokens": number * 3, "model": "small" if number % 3 else "large"}
    if number % 2:
        data |= {"cost": f"{number - 5}.25" if number > 4 else "-0.5", "cached": number % 4 == 1}
    if number % 5 == 0:
        data |= {"note": f"n{number % 10}", "size": "1.50" if number % 10 else 1.5}
    return event(
        f"e{number}",
        subject=f"team-{number % 4}",
        source="gateway" if number % 7 else "other",
        time=TIMES[number % len(TIMES)],
        data=data,
        **({"region": "eu", "sampled": True} if number % 6 == 0 else {}),
    )


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def review(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SqlLogReview:
    """Segments of several row groups, a tail, duplicates and conflicts between them."""
    folder = tmp_path_factory.mktemp("log")
    postgres = request.param == "postgres"
    url = next(request.getfixturevalue("postgres")) if postgres else None
    log, engine = open_log(folder, url=url)
    patch = pytest.MonkeyPatch()
    patch.setattr(segment_file, "ROWS_PER_GROUP", 8)
    for first in (0, 30, 60):
        for start in range(first, first + 30, 10):
            send(log, ndjson([sample(n) for n in range(start, start + 10)]))
        log.compact(rows_min=1)
        send(log, ndjson([sample(first), event(f"e{first}", 999)]))
    send(log, *[ndjson([sample(n)]) for n in range(90, 100)])
    patch.undo()
    found = SqlLogReview(log, engine, folder, entropy=SystemEntropy())
    assert len(everything(found)) == 101, "e0 has two sources"
    return found


@cache
def everything(review: SqlLogReview) -> list[StoredEvent]:
    """All of them, read once."""
    log = review._log
    spans = {Subject(f"team-{n}"): [Period(contract().effective_from, NOW)] for n in range(4)}
    return list(log.events(spans, frozenset({EventType("llm.request")}), watermark=log.head()))


def has(stored: StoredEvent, name: str, value: str) -> bool:
    """A declared value or a JSON number is compared as a number where both are; a JSON text as a text."""
    event = stored.event
    declared = event.fields.get(name)
    found = [] if declared is None else [(declared, not isinstance(declared, str))]
    for text in (event.extras, event.attributes):
        value_there = json.loads(text or "{}").get(name)
        if value_there is not None:
            found.append((value_there, not isinstance(value_there, str)))
    return any(_is(each, value, numeric=numeric) for each, numeric in found)


def _is(found: object, value: str, *, numeric: bool) -> bool:
    if isinstance(found, bool):
        return value == str(found).lower()
    try:
        return Decimal(str(found)) == Decimal(value) if numeric else found == value
    except ArithmeticError:
        return False


ATTRIBUTES = [
    *(("tokens", "30"), ("tokens", "30.0"), ("tokens", "oops"), ("cost", "0.250"), ("cost", "-0.5")),
    *(("model", "large"), ("cached", "true"), ("cached", "1"), ("note", "n0"), ("size", "1.5")),
    *(("region", "eu"), ("sampled", "true"), ("nothing", "x")),
]
POSITIONS = [Position(batch, row) for batch in (1, 5, 9, 14) for row in (0, 3)]
QUERIES = st.fixed_dictionaries(
    {
        "source": st.sampled_from([None, None, "gateway", "other", "nobody"]),
        "subject": st.sampled_from([None, None, "team-1", "team-9"]),
        "spans": st.sampled_from([None, None, {Subject("team-2"): (SPAN,), Subject("team-3"): (SPAN,)}]),
        "time_from": st.sampled_from([None, None, parse_instant(TIMES[2])]),
        "time_until": st.sampled_from([None, None, parse_instant(TIMES[11])]),
        "attributes": st.lists(st.sampled_from(ATTRIBUTES), max_size=1),
        "positions": st.sampled_from([None, None, None, tuple(POSITIONS), ()]),
        "watermark": st.sampled_from([None, None, 4, 7]),
        "types": st.sampled_from([None, frozenset({EventType("llm.request")})]),
    }
)


def query_of(asked: dict[str, object]) -> EventQuery:
    given = dict(asked)
    pairs: list[tuple[str, str]] = given.pop("attributes")  # type: ignore[assignment]
    return EventQuery(**given, attributes=tuple(AttributeFilter(*pair) for pair in pairs))  # type: ignore[arg-type]


def meant(query: EventQuery) -> Callable[[StoredEvent], bool]:
    def is_meant(stored: StoredEvent) -> bool:
        event = stored.event
        spans = None if query.spans is None else query.spans.get(event.subject, ())
        return (
            query.source in (None, event.source)
            and query.subject in (None, event.subject)
            and (spans is None or any(span.contains(event.time) for span in spans))
            and (query.time_from is None or event.time >= query.time_from)
            and (query.time_until is None or event.time < query.time_until)
            and (query.positions is None or stored.position in query.positions)
            and (query.watermark is None or stored.position.batch <= query.watermark)
            and all(has(stored, each.name, each.value) for each in query.attributes)
        )

    return is_meant


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=QUERIES, limit=st.sampled_from([1, 3, 7, 100]))
def test_pages_hold_exactly_what_a_filter_keeps(
    review: SqlLogReview, asked: dict[str, object], limit: int
) -> None:
    query = query_of(asked)
    expected = [stored for stored in everything(review) if meant(query)(stored)]
    found: list[StoredEvent] = []
    after: Position | None = None
    while True:
        page = review.find(query, after=after, limit=limit)
        assert len(page.events) <= limit
        found += page.events
        if page.after is None:
            break
        after = page.after
    assert found == expected


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=QUERIES)
def test_totals_are_those_of_a_loop(review: SqlLogReview, asked: dict[str, object]) -> None:
    query = query_of(asked)
    expected = [stored for stored in everything(review) if meant(query)(stored)]
    totals = review.totals(query)
    assert sum(total.events for total in totals) == len(expected)
    for name in ("tokens", "cost"):
        values = [e.event.fields[name] for e in expected if name in e.event.fields]
        atoms = sum(Quantity.parse(str(value)).atoms for value in values)
        assert sum(total.sums[name].atoms for total in totals if name in total.sums) == atoms


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_export_holds_every_event_and_its_totals(
    review: SqlLogReview, tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"events{suffix}"
    totals = review.export(EventQuery(source="gateway"), out)
    expected = {str(e.position): e.event for e in everything(review) if e.event.source == "gateway"}
    assert sum(total.events for total in totals) == len(expected)
    if suffix == ".csv":
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
        costs = sum(Decimal(row["data.cost"]) for row in rows if row["data.cost"])
    else:
        rows = pq.read_table(out).to_pylist()
        costs = sum(row["data.cost"] for row in rows if row["data.cost"] is not None)
    assert {f"b{row['batch']}.r{row['row']}" for row in rows} == set(expected)
    assert len(rows) == len(expected)
    assert str(totals[0].sums["cost"]) == str(Quantity.parse(f"{costs.normalize():f}"))
    assert list(tmp_path.iterdir()) == [out], "nothing is left beside it"
    with pytest.raises(FileInTheWay):
        review.export(EventQuery(), out)


def test_a_failed_export_leaves_nothing(review: SqlLogReview, tmp_path: Path) -> None:
    with pytest.raises(UnknownExport):
        review.export(EventQuery(), tmp_path / "events.xlsx")

    def fail(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        review.export(EventQuery(), tmp_path / "events.csv", fail)
    assert list(tmp_path.iterdir()) == []


def test_row_groups_of_other_subjects_are_not_read(
    review: SqlLogReview, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Segments are sorted by subject; the statistics of a row group say whom it holds."""
    read: list[int] = []
    original = scan.Part.read

    def counted(part: scan.Part, group: int, columns: object) -> object:
        read.append(group)
        return original(part, group, columns)  # type: ignore[arg-type]

    monkeypatch.setattr(scan.Part, "read", counted)
    review.totals(EventQuery())
    everywhere, read = len(read), []
    review.totals(EventQuery(subject=Subject("team-0")))
    assert len(read) < everywhere / 2
    read = []
    review.totals(EventQuery(time_until=Instant(0)))
    assert len(read) <= 1, "only the tail, which has no statistics"
    read = []
    review.find(EventQuery(watermark=Watermark(3)), after=None, limit=5)
    assert len(read) <= 8, "one segment, to find and to read"
