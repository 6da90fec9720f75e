"""What was erased is in no file of the home any more, and everything else still proves what it proved."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select, text

from tests.review import CHAT, feed, message, open_ones, review_home
from tests.small_home import FEBRUARY_3, call
from tieout.flows.apply_catalog import apply_catalog, load_catalog
from tieout.flows.close_periods import close
from tieout.flows.compact_log import compact_log
from tieout.flows.erase_event import EraseWhat, erase, kept_texts, plan_erasure
from tieout.flows.find_events import EventFilter, event_json, find_events
from tieout.flows.measure_usage import usage
from tieout.flows.release_item import Correction, release
from tieout.flows.trace_line import trace
from tieout.flows.why_event import NeverReceived
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import CustomerId, EventType
from tieout.store.log import schema
from tieout.store.log.encoding import decode_body
from tieout.wiring import Home, open_home

SECRETS = ("Xanthippe-Quobble-7731", "zyzzyva-comment-9942", "wombat-extra-5518", "narwhal-trace-6603")
ID, COMMENT, EXTRA, TRACE = SECRETS
WHO = {"person": "Ada", "reason": "asked by the person"}


def personal(words: int = 7, **changes: object) -> dict[str, object]:
    data = {"words": words, "comment": COMMENT, "room": "blue", "tone": "warm", "from": EXTRA}
    return message(ID, data=data, **{"traceparent": TRACE, **changes})


@pytest.fixture(params=["sqlite", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    if request.param == "postgres":
        monkeypatch.setenv("TIEOUT_DATABASE_URL", str(request.getfixturevalue("postgres_url")))
    with review_home(tmp_path)[0] as opened:
        yield opened


def remains(home: Home) -> list[str]:
    """Where a secret still is: in bytes of the home's files, in decoded columns, in rows of the database."""
    found = []
    for path in sorted(home.folder.rglob("*")):
        if path.is_file() and path.suffix not in (".ndjson", ".json"):
            content = path.read_bytes()
            found += [f"{path.name}: {secret}" for secret in SECRETS if secret.encode() in content]
            if path.suffix == ".parquet":
                told = str(pq.read_table(path, partitioning=None).to_pylist())
                found += [f"{path.name}: {secret}" for secret in SECRETS if secret in told]
    engine = home.review._engine  # type: ignore[attr-defined]
    with engine.connect() as connection:
        for body in connection.execute(select(schema.bodies.c.body)).scalars():
            told = str(decode_body(body, "a body").to_pylist())
            found += [f"a body: {secret}" for secret in SECRETS if secret in told]
        for table in schema.METADATA.sorted_tables:
            told = str(connection.execute(select(table)).all())
            found += [f"{table.name}: {secret}" for secret in SECRETS if secret in told]
    return found


@pytest.mark.parametrize("compacted", ["before", "never", "between"])
def test_nothing_of_it_is_left_in_any_file(home: Home, compacted: str) -> None:
    other = message("keep-me", data={"words": 1, "comment": "stays", "room": "red"})
    feed(home, [personal(), other])
    if compacted != "never":
        compact_log(home, rows_min=1)
    feed(home, [personal(), message("more")])
    feed(home, [personal(words=8), {**personal(), "data": {"words": "many", "comment": COMMENT}}])
    if compacted == "before":
        compact_log(home, rows_min=1)
    assert {name.split(": ")[1] for name in remains(home)} == set(SECRETS), "the search finds them all"
    before = (home.log.tallies(), usage(home, CustomerId("acme"), at=None).rows)
    plan = plan_erasure(home, None, source="chat", id=ID)
    assert remains(home), "a plan changes nothing"
    assert set(plan.goes) == {"id", "data.comment", "data.from", "traceparent"}
    assert set(plan.stays) == {"source", "type", "subject", "time", "data.words", "data.room", "data.tone"}
    assert len(plan.copies.quarantined) == 2
    done = erase(home, None, source="chat", id=ID, **WHO)
    assert done.database_clean
    assert remains(home) == []
    assert (home.log.tallies(), usage(home, CustomerId("acme"), at=None).rows) == before
    assert home.log.verify().findings == ()
    (page,) = find_events(home, EventFilter(id=ID)).events
    told = event_json(page)
    assert told["erased"] is not None and told["id"] != ID and told["extras"] == told["attributes"] == {}
    assert told["data"] == {"words": 7, "room": "blue", "tone": "warm"}
    (kept,) = find_events(home, EventFilter(id="keep-me")).events
    assert kept.stored.event.fields["comment"] == "stays"


def test_the_identity_stays_taken_also_when_the_index_is_built_again(home: Home) -> None:
    feed(home, [personal()])
    compact_log(home, rows_min=1)
    for number in range(20):
        feed(home, [message(f"m{number}")])
    compact_log(home, rows_min=1)
    erase(home, None, source="chat", id=ID, **WHO)
    folder = home.folder
    home.close()
    shutil.rmtree(folder / "index")
    with open_home(folder, clock=home.clock) as again:
        feed(again, [personal()])
        feed(again, [personal(words=9)])
        verdicts = {tally.verdict for tally in again.log.tallies() if tally.source == "chat"}
        assert Verdict.DUPLICATE in verdicts and Verdict.CONFLICT in verdicts
        assert sum(t.items for t in again.log.tallies() if t.verdict is Verdict.DUPLICATE) == 1
        assert again.log.verify().findings == ()
        assert remains(again)
        erase(again, None, source="chat", id=ID, **WHO)
        assert remains(again) == [], "erasing again cleans what came since"
        assert again.log.verify().findings == ()


def test_a_resend_that_a_later_contract_types_otherwise_is_still_a_duplicate(home: Home) -> None:
    feed(home, [personal()])
    erase(home, None, source="chat", id=ID, **WHO)
    second = CHAT[: CHAT.index("[[meter]]")].replace("version = 1", "version = 2")
    second = second.replace("2025-01-01", "2026-01-01")
    declared = second + '[event.fields.from]\ntype = "string"\nuse = "context"\n'
    (home.folder / "two.toml").write_text(declared)
    apply_catalog(home, home.folder / "two.toml")
    feed(home, [personal()])
    assert sum(t.items for t in home.log.tallies() if t.verdict is Verdict.DUPLICATE) == 1


def test_quarantined_bytes_and_the_item_they_were_released_as_go_together(home: Home) -> None:
    feed(home, [{**personal(), "id": None}, b'{"broken": "' + EXTRA.encode() + b'"\n'])
    first, second = open_ones(home)
    release(
        home,
        str(first.item.position),
        person="Ada",
        reason="it has an id now",
        correction=Correction("x", json.dumps(personal()).encode()),
    )
    erase(home, None, source="chat", id=ID, **WHO)
    assert {name.split(": ")[1] for name in remains(home)} == {EXTRA}
    erase(home, str(second.item.position), source=None, id=None, **WHO)
    assert remains(home) == []
    assert home.log.verify().findings == ()


def test_an_item_that_was_released_as_a_duplicate_goes_with_the_original(home: Home) -> None:
    feed(home, [personal(), {**personal(), "id": None}])
    (item,) = open_ones(home)
    correction = Correction("x", json.dumps(personal()).encode())
    done = release(home, str(item.item.position), correction=correction, **WHO)
    assert done.fate.verdict is Verdict.DUPLICATE
    erase(home, None, source="chat", id=ID, **WHO)
    assert remains(home) == []
    assert home.log.verify().findings == ()


def test_a_sealed_line_is_traced_to_an_erased_event_and_still_reproduced(tmp_path: Path) -> None:
    with review_home(tmp_path, now=FEBRUARY_3)[0] as home:
        secret = {**call(77, "acme", "2026-01-09T00:00:00Z", tokens=123), "traceparent": TRACE}
        feed(home, [secret])
        compact_log(home, rows_min=1)
        report = close(home, as_of=FEBRUARY_3)
        invoice = next(row.id for row in report.invoices if row.customer == "acme")
        stored = home.books.invoices.find(invoice)
        assert stored is not None
        lines = [line["id"] for line in json.loads(stored.document)["lines"] if line["meter"] == "tokens"]
        erase(home, None, source="gateway", id="e77", **WHO)
        found = trace(home, lines[0], page_size=100)
        assert found.reproduced.matches and found.reproduced.differences == ()
        (gone,) = [witness for witness in found.events.events if witness.erasure is not None]
        assert gone.event.id.startswith("erased-") and gone.event.fields["tokens"] == 123
        dry = close(home, as_of=FEBRUARY_3, dry_run=True)
        assert not any(type(outcome).__name__ in ("Held", "Parked") for _, _, outcome in dry.outcomes)


def test_verify_and_trace_find_a_change_in_what_remains(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        feed(home, [personal(), {**personal(), "data": {"words": "many"}}])
        erase(home, None, source="chat", id=ID, **WHO)
        engine = home.review._engine  # type: ignore[attr-defined]
        changes = (
            "UPDATE erasures SET residue_sha256 = zeroblob(32)",
            "UPDATE erasures SET content_digest = zeroblob(32)",
            "UPDATE erasures SET identity_key = zeroblob(16) WHERE row = 0",
            "UPDATE erasures SET row = row + 7",
            "UPDATE quarantine SET detail = 'other'",
            "UPDATE quarantine SET raw = x'00'",
            "DELETE FROM erasures",
        )
        changed = (schema.erasures, schema.quarantine)
        for change in changes:
            with engine.connect() as connection:
                before = {t: connection.execute(select(t)).mappings().all() for t in changed}
            assert home.log.verify().findings == (), change
            with engine.begin() as connection:
                connection.execute(text(change))
            assert home.log.verify().findings, change
            with engine.begin() as connection:
                for table, rows in before.items():
                    connection.execute(table.delete())
                    connection.execute(table.insert(), [dict(row) for row in rows])


def test_a_flipped_value_in_what_remains_of_a_segment_is_found(tmp_path: Path) -> None:
    """Whoever rewrites a segment and its checksum has the erasure's own digest against them."""
    with review_home(tmp_path)[0] as home:
        feed(home, [personal()])
        erase(home, None, source="chat", id=ID, **WHO)
        compact_log(home, rows_min=1)
        (path,) = (home.folder / "segments" / "chat.message").rglob("*.parquet")
        table = pq.read_table(path, partitioning=None)
        for name, value in (("f_words", pa.array([8], pa.int64())), ("attributes", pa.array(["{}"]))):
            place = table.schema.get_field_index(name)
            pq.write_table(table.set_column(place, table.schema.field(place), value), path)
            sha256 = hashlib.sha256(path.read_bytes()).digest()
            engine = home.review._engine  # type: ignore[attr-defined]
            with engine.begin() as connection:
                own = schema.segments.c.type == "chat.message"
                connection.execute(schema.segments.update().where(own).values(sha256=sha256))
            assert "erasure" in {finding.what for finding in home.log.verify().findings}


def test_what_usage_is_counted_by_is_kept(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        kept = kept_texts(load_catalog(home))
    assert kept[EventType("chat.message")] == {"words", "room", "environment"}
    assert "comment" not in kept[EventType("chat.message")]


def test_refusals(tmp_path: Path) -> None:
    with review_home(tmp_path)[0] as home:
        for position, source, id in (("b1.r0", "chat", None), (None, "chat", None), (None, None, None)):
            with pytest.raises(EraseWhat):
                erase(home, position, source=source, id=id, **WHO)
        for position, source, id in (("b9.r9", None, None), (None, "chat", "nobody")):
            with pytest.raises(NeverReceived):
                plan_erasure(home, position, source=source, id=id)
