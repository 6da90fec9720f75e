"""Whatever is tampered with behind a line, the trace says so and names it; what is sound is not blamed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import text

from tests.small_home import FEBRUARY_3, call, ingest, january, make_home
from tieout.flows.close_periods import close
from tieout.flows.home import Home
from tieout.flows.invoices import InvoiceDamaged, list_invoices, show_invoice
from tieout.flows.trace_line import MalformedPage, NoSuchLine, Trace, trace
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import LineId, Position, Watermark
from tieout.ports import EventLog, StoredEvent
from tieout.ports.lineage import LineageRows
from tieout.store.log.reader import rows_of
from tieout.store.sqlite import begin_immediate, open_engine
from tieout.wiring import open_home

FEE, CALLS, TOKENS, STORED = "001", "002", "003", "004"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(6))
        close(home, as_of=FEBRUARY_3)
    return tmp_path / "home"


@pytest.fixture
def home(folder: Path) -> Iterator[Home]:
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as opened:
        yield opened


def traced(home: Home, ordinal: str) -> Trace:
    return trace(home, LineId(f"{list_invoices(home)[0].id}-{ordinal}"))


def tamper(folder: Path, table: str, statement: str) -> None:
    """What somebody with the database file and bad intentions would do: drop the guard first."""
    engine = open_engine(folder / "books.db", schema="books")
    with begin_immediate(engine) as connection:
        connection.execute(text(f"DROP TRIGGER {table}_no_update"))
        assert connection.execute(text(statement)).rowcount > 0
    engine.dispose()


def blamed(found: Trace) -> set[str]:
    assert not found.reproduced.matches
    return {difference.what for difference in found.reproduced.differences}


@pytest.mark.parametrize("ordinal", [FEE, CALLS, TOKENS, STORED])
def test_an_untouched_line_is_reproduced(home: Home, ordinal: str) -> None:
    found = traced(home, ordinal)
    assert found.reproduced.differences == ()
    assert found.reproduced.matches
    assert str(found.reproduced.quantity) == found.line.quantity
    assert found.reproduced.amount == found.amount


TAMPERINGS = {
    "snapshot": ("snapshot", "UPDATE snapshot SET quantity = '1' WHERE meter = 'tokens'", {"snapshot"}),
    "snapshot fingerprint": (
        "snapshot",
        "UPDATE snapshot SET fingerprint = '6:0000000000000000:0000000000000000' WHERE meter = 'tokens'",
        {"snapshot"},
    ),
    "snapshot count": (
        "snapshot",
        "UPDATE snapshot SET event_count = 7 WHERE meter = 'tokens'",
        {"snapshot"},
    ),
    "lineage": ("snapshot", "UPDATE snapshot SET predicate = '{}'", {"snapshot"}),
    "price": (
        "document",
        "UPDATE document SET body = replace(body, '\"2\"', '\"3\"') WHERE key = 'tokens-usd'",
        {"price"},
    ),
    "price with its digest": (
        "document",
        "UPDATE document SET body = replace(body, '\"2\"', '\"3\"'), digest = 'f00' WHERE key = 'tokens-usd'",
        {"price"},
    ),
    "meter": (
        "document",
        "UPDATE document SET body = replace(body, '\"sum\"', '\"last\"') WHERE key = 'tokens'",
        {"meter"},
    ),
    "charge": ("charge", "UPDATE charge SET amount = '1' WHERE price = 'tokens-usd'", {"charge"}),
    "charge's price": (
        "charge",
        "UPDATE charge SET price_digest = 'f00' WHERE price = 'tokens-usd'",
        {"price", "charge"},
    ),
    "charge's working": (
        "charge",
        'UPDATE charge SET steps = replace(steps, \'"text":"\', \'"text":"so it is said: \')',
        {"charge"},
    ),
    "charge's rate": (
        "charge",
        'UPDATE charge SET steps = replace(steps, \'"rate":"\', \'"rate":"9\')',
        {"charge"},
    ),
    "charge's quantity": (
        "charge",
        "UPDATE charge SET quantity = '1' WHERE price = 'tokens-usd'",
        {"charge"},
    ),
    "charge's segment": ("charge", "UPDATE charge SET segment_start = segment_start + 1", {"charge"}),
    "charge's period": ("charge", "UPDATE charge SET period_end = period_end + 1", {"charge"}),
    "snapshot customer": ("snapshot", "UPDATE snapshot SET customer = 'birch'", {"snapshot"}),
    "snapshot watermark": ("snapshot", "UPDATE snapshot SET watermark = watermark + 5", {"snapshot"}),
    "snapshot window": ("snapshot", "UPDATE snapshot SET period_end = period_end + 1", {"snapshot"}),
    "snapshot subscription": ("snapshot", "UPDATE snapshot SET subscription = 'other'", {"snapshot"}),
    "line": ("invoice_line", "UPDATE invoice_line SET amount_minor = 1 WHERE meter = 'tokens'", {"line"}),
    "line quantity": (
        "invoice_line",
        "UPDATE invoice_line SET quantity = '1' WHERE meter = 'tokens'",
        {"line"},
    ),
    "invoice total": ("invoice", "UPDATE invoice SET total_minor = 1", {"invoice"}),
    "invoice number": ("invoice", "UPDATE invoice SET number = '9' || number", {"invoice"}),
    "invoice customer": ("invoice", "UPDATE invoice SET customer = 'birch'", {"invoice"}),
    "invoice period": ("invoice", "UPDATE invoice SET period_end = period_end + 1", {"invoice"}),
    "invoice cutoff": ("invoice", "UPDATE invoice SET cutoff = cutoff + 5", {"invoice"}),
    "invoice currency": ("invoice", "UPDATE invoice SET currency = 'JPY'", {"invoice"}),
    "invoice policy": ("invoice", "UPDATE invoice SET policy_digest = 'f00'", {"invoice"}),
    "invoice sealing": ("invoice", "UPDATE invoice SET sealed_at = sealed_at + 1000000", {"invoice"}),
    "invoice document": (
        "invoice",
        "UPDATE invoice SET document = CAST(replace(document, 'Ltd', 'Inc') AS BLOB)",
        {"invoice"},
    ),
    "invoice gone bad": ("invoice", "UPDATE invoice SET document = X'00'", {"invoice"}),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_was_tampered_with_is_named_and_nothing_else(folder: Path, name: str) -> None:
    table, statement, expected = TAMPERINGS[name]
    tamper(folder, table, statement)
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        assert blamed(traced(home, TOKENS)) == expected


def test_a_document_that_is_gone_is_named(folder: Path) -> None:
    engine = open_engine(folder / "books.db", schema="books")
    with begin_immediate(engine) as connection:
        connection.execute(text("DROP TRIGGER document_no_delete"))
        connection.execute(text("DELETE FROM document WHERE key IN ('tokens-usd', 'api.call')"))
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        found = traced(home, TOKENS)
        assert {"price", "contract"} <= blamed(found)
        assert found.reproduced.amount is None


Change = Callable[[pa.Table, int], pa.Table]


@dataclass(frozen=True)
class TamperedRows:
    """Rows of which the third by position is changed, or gone, whenever they are read."""

    rows: LineageRows
    change: Change

    @property
    def watermark(self) -> Watermark:
        return self.rows.watermark

    @property
    def retracted(self) -> pa.Table:
        return self.rows.retracted

    def tables(self) -> Iterator[pa.Table]:
        for table in self.rows.tables():
            order = np.lexsort([table.column(name).to_numpy() for name in ("row", "batch")])
            yield self.change(table, int(order[2]))

    def at(self, positions: Collection[Position]) -> Mapping[Position, StoredEvent]:
        """As whole events, tampered with the same."""
        sound = self.rows.at(positions)
        read = {
            position: stored
            for table in self.tables()
            for position, stored in rows_of(table.append_column("attributes", pa.array([""] * len(table))))
        }
        return {position: read.get(position, sound[position]) for position in sound}


@dataclass(frozen=True)
class TamperedLog:
    """A log in which the third event of every lineage is changed, or gone."""

    log: EventLog
    change: Change

    @property
    def identity_secret(self) -> bytes:
        return self.log.identity_secret

    def lineage_rows(self, *asked: Any, **named: Any) -> TamperedRows:
        return TamperedRows(self.log.lineage_rows(*asked, **named), self.change)

    def retractions(self, **asked: Any) -> list[StoredEvent]:
        return self.log.retractions(**asked)


def with_value(table: pa.Table, place: int, column: str, value: int) -> pa.Table:
    index = table.schema.get_field_index(column)
    values = table.column(column).to_pylist()
    values[place] = value
    field = table.schema.field(index)
    return table.set_column(index, field, pa.array(values, field.type))


def more_tokens(table: pa.Table, place: int) -> pa.Table:
    return with_value(table, place, "f_tokens", 1_000_000)


def other_lanes(table: pa.Table, place: int) -> pa.Table:
    return with_value(table, place, "lane_a", table.column("lane_a")[place].as_py() ^ 1)


def gone(table: pa.Table, place: int) -> pa.Table:
    return table.filter(pa.array([each != place for each in range(table.num_rows)]))


def test_a_changed_event_is_named_by_its_position(home: Home) -> None:
    honest = traced(home, TOKENS)
    position = str(honest.events.events[2].position)
    found = traced(replace(home, log=TamperedLog(home.log, more_tokens)), TOKENS)  # type: ignore[arg-type]
    (difference,) = found.reproduced.differences
    assert (difference.what, difference.name) == ("event", position)
    assert found.reproduced.quantity != honest.reproduced.quantity


def test_a_changed_digest_of_an_event_is_named(home: Home) -> None:
    found = traced(replace(home, log=TamperedLog(home.log, other_lanes)), TOKENS)  # type: ignore[arg-type]
    assert blamed(found) == {"event"}


def test_a_missing_event_shows_in_the_snapshot_that_counted_it(home: Home) -> None:
    found = traced(replace(home, log=TamperedLog(home.log, gone)), TOKENS)  # type: ignore[arg-type]
    assert "snapshot" in blamed(found)


def test_a_tampered_document_is_not_shown_as_an_invoice(folder: Path) -> None:
    tamper(folder, "invoice", "UPDATE invoice SET document = X'00'")
    with open_home(folder) as home, pytest.raises(InvoiceDamaged) as refusal:
        show_invoice(home, "INV-000001")
    assert refusal.value.exit_code == 6


def test_pages_cut_the_events_and_count_them_all(home: Home) -> None:
    line = LineId(f"{list_invoices(home)[0].id}-{TOKENS}")
    whole = trace(home, line).events
    parts = [trace(home, line, page=page, page_size=4).events for page in (1, 2, 3)]
    assert [len(part.events) for part in parts] == [4, 2, 0]
    assert parts[0].events + parts[1].events == whole.events
    assert {part.total for part in parts} == {6}


def test_the_page_shows_the_events_that_the_meter_counts_and_no_other(tmp_path: Path) -> None:
    uncounted = [
        call(9001, "acme", "2026-01-05T00:00:00Z", environment="test"),
        call(9002, "acme", "2026-01-06T00:00:00Z"),
    ]
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, [*january(6), *uncounted])
        close(home, as_of=FEBRUARY_3)
        for ordinal, count in ((CALLS, 7), (TOKENS, 7), (STORED, 6)):
            found = traced(home, ordinal)
            assert found.reproduced.matches and found.snapshot is not None
            assert found.events.total == found.snapshot.event_count == count
            assert "e9001" not in {witness.event.id for witness in found.events.events}


def test_where_the_meter_is_unreadable_the_page_shows_all_events_of_the_lineage(folder: Path) -> None:
    tamper(folder, "document", "UPDATE document SET body = '{' WHERE key = 'tokens'")
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        found = traced(home, TOKENS)
        assert blamed(found) == {"meter"}
        assert found.events.total == 6


def test_no_such_line_and_no_such_page_are_refused(home: Home) -> None:
    with pytest.raises(NoSuchLine) as refusal:
        trace(home, LineId("in_0-001"))
    assert refusal.value.exit_code == 3
    with pytest.raises(MalformedPage):
        trace(home, LineId("in_0-001"), page=0)
