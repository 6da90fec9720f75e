"""Bytes changed where they lie: a segment on disk, a body in the log, rows of the books. Trace names each.

Nothing is faked here. Whoever changes a segment also puts its new checksum in the database; `verify` finds
that by the chain, the trace by the content digest of the event.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select, text, update

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tieout.evidence.witness import Witness, digest_lanes
from tieout.flows.close_periods import close
from tieout.flows.compact_log import compact_log
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.flows.trace_line import Trace, trace
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import LineId
from tieout.store.log import schema
from tieout.store.log.encoding import decode_body, encode_body
from tieout.store.sqlite import begin_immediate, open_engine
from tieout.wiring import open_home

TOKENS = "003"
FORGED = 999_999


def sealed_home(folder: Path, *, compacted: bool) -> Path:
    home, _ = make_home(folder, now=FEBRUARY_3)
    with home:
        ingest(home, january(6))
        if compacted:
            assert compact_log(home, rows_min=1) == 1
        close(home, as_of=FEBRUARY_3)
    return folder


def opened(folder: Path) -> Home:
    return open_home(folder, clock=SteppedClock(FEBRUARY_3))


def traced(home: Home) -> Trace:
    return trace(home, LineId(f"{list_invoices(home)[0].id}-{TOKENS}"))


def victim(folder: Path) -> Witness:
    """The third event behind the line, as it was sealed."""
    with opened(folder) as home:
        honest = traced(home)
        assert honest.reproduced.matches
        return honest.events.events[2]


def rewrite_segment(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Changes rows of the only segment, and its checksum in the database with it."""
    (path,) = (folder / "segments").rglob("*.parquet")
    table = pq.read_table(path, partitioning=None)
    rows = table.to_pylist()
    for row in rows:
        change(row)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    engine = open_engine(folder / "log.db", schema="log")
    with begin_immediate(engine) as connection:
        changed = update(schema.segments).values(sha256=sha256(path.read_bytes()).digest())
        assert connection.execute(changed).rowcount == 1
    engine.dispose()


def forge(folder: Path, witness: Witness, **values: object) -> None:
    def change(row: dict[str, object]) -> None:
        if (row["batch"], row["row"]) == (witness.position.batch, witness.position.row):
            row.update(values)

    rewrite_segment(folder, change)


def test_a_quantity_changed_in_a_segment_names_the_event(tmp_path: Path) -> None:
    folder = sealed_home(tmp_path / "home", compacted=True)
    witness = victim(folder)
    forge(folder, witness, f_tokens=FORGED)
    with opened(folder) as home:
        found = traced(home).reproduced
        findings = home.log.verify().findings
    assert not found.matches
    assert [(each.what, each.name) for each in found.differences] == [("event", str(witness.position))]
    assert found.quantity is not None and str(found.quantity) != "1155"
    assert findings, "and verify finds it by the chain"


def test_a_quantity_changed_with_its_lanes_names_the_snapshot(tmp_path: Path) -> None:
    """The forger knows the home's secret and makes the event consistent: the fingerprint still differs."""
    folder = sealed_home(tmp_path / "home", compacted=True)
    witness = victim(folder)
    with opened(folder) as home:
        secret = home.log.identity_secret
    event = witness.event
    forged = type(event)(
        **{name: getattr(event, name) for name in event.__dataclass_fields__}
        | {"fields": {**event.fields, "tokens": FORGED}}
    )
    lanes = digest_lanes(Witness(witness.position, forged, 0, 0, witness.contract), secret)
    assert lanes is not None
    forge(folder, witness, f_tokens=FORGED, lane_a=lanes[0], lane_b=lanes[1])
    with opened(folder) as home:
        found = traced(home).reproduced
    assert not found.matches
    named = {(each.what, each.expected.split(" ")[0]) for each in found.differences}
    assert ("snapshot", "fingerprint") in named and ("snapshot", "quantity") in named
    assert "event" not in {what for what, _ in named}


def test_a_quantity_changed_in_a_stored_body_names_the_event(tmp_path: Path) -> None:
    folder = sealed_home(tmp_path / "home", compacted=False)
    witness = victim(folder)
    engine = open_engine(folder / "log.db", schema="log")
    bodies = schema.bodies
    with begin_immediate(engine) as connection:
        stored = connection.execute(select(bodies).where(bodies.c.batch == witness.position.batch)).one()
        table = decode_body(stored.body, "the body")
        rows = table.to_pylist()
        for row in rows:
            if row["row"] == witness.position.row:
                row["f_tokens"] = FORGED
        body = encode_body(pa.Table.from_pylist(rows, schema=table.schema))
        changed = update(bodies).where(bodies.c.batch == stored.batch)
        connection.execute(changed.values(body=body, sha256=sha256(body).digest()))
    engine.dispose()
    with opened(folder) as home:
        found = traced(home).reproduced
    assert [(each.what, each.name) for each in found.differences] == [("event", str(witness.position))]


def test_an_event_removed_from_a_segment_names_the_snapshot(tmp_path: Path) -> None:
    folder = sealed_home(tmp_path / "home", compacted=True)
    witness = victim(folder)
    forge(folder, witness, subject="key-nobody")
    with opened(folder) as home:
        found = traced(home).reproduced
    assert "snapshot" in {each.what for each in found.differences}
    assert "event" not in {each.what for each in found.differences}, "the ones that are left are sound"


ROWS = {
    "snapshot": ("snapshot", "UPDATE snapshot SET quantity = '5' WHERE meter = 'tokens'"),
    "price": ("document", "UPDATE document SET body = replace(body, '1.5', '1.6') WHERE key = 'tokens-usd'"),
    "line": ("invoice_line", "UPDATE invoice_line SET amount_minor = 1 WHERE meter = 'tokens'"),
}


@pytest.mark.parametrize("what", ROWS)
def test_a_changed_row_of_the_books_is_named_over_real_segments(tmp_path: Path, what: str) -> None:
    folder = sealed_home(tmp_path / "home", compacted=True)
    table, statement = ROWS[what]
    engine = open_engine(folder / "books.db", schema="books")
    with begin_immediate(engine) as connection:
        connection.execute(text(f"DROP TRIGGER {table}_no_update"))
        assert connection.execute(text(statement)).rowcount > 0
    engine.dispose()
    with opened(folder) as home:
        found = traced(home).reproduced
    assert not found.matches
    assert {each.what for each in found.differences} == {what}
