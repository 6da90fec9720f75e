"""Notices on both databases: one story, one record of it; and two deliverers at once send nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.notices import NOON, apply, notice, target
from tests.receivers import Receiver, receiver
from tieout.contract.notice_target import Severity
from tieout.flows.deliver_notices import Deliverer, deliver_due
from tieout.flows.notices import (
    Acknowledged,
    Request,
    RequestClash,
    acknowledge,
    change_egress,
    list_notices,
    message_json,
    recorded_json,
    resend,
    set_secret,
)
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant
from tieout.ports import NoticeFilter
from tieout.store.sqlite import begin_immediate, open_engine
from tieout.wiring import create_home


def told(folder: Path, http: Receiver) -> list[object]:
    clock = SteppedClock(NOON)
    with create_home(folder / "home", clock=clock) as home:
        change_egress(home, allow_private=True, ports=None)
        set_secret(home, "hook", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", keep_hours=0)
        hook = f'kind = "webhook"\nsecret = "hook"\nurl = "{http.url("/ok")}"\n'
        bad = f'kind = "webhook"\nsecret = "hook"\nurl = "{http.url("/code/410")}"\n'
        steps = 'escalation_severity = "warning"\n[[notice_target.escalation]]\nafter_minutes = 5\nto = "b"\n'
        apply(
            home,
            folder / "catalog",
            target(hook + "digest_minutes = 10\n" + steps, key="a") + target(bad, key="b"),
        )
        store = home.books.notices
        store.record([notice("one"), notice("two"), notice("three", severity=Severity.CRITICAL)], at=NOON)
        store.record([notice("one")], at=NOON)
        deliverers = [Deliverer(home), Deliverer(home)]
        for each in deliverers:
            each.turn()
        for each in deliverers:
            each.finish()
            each.close()
        by = Request("key", "first", b"said")
        acknowledge(home, notice("one").id, by="Ana", reason="seen", request=by)
        acknowledge(home, notice("one").id, by="Ana", reason="seen", request=by)
        with pytest.raises(Acknowledged):
            acknowledge(home, notice("one").id, by="Bo", reason="seen")
        with pytest.raises(RequestClash):
            acknowledge(home, notice("two").id, by="Ana", reason="seen", request=by)
        for _ in range(3):
            clock.set_to(Instant(clock.now() + 360 * SECOND_MICROSECONDS))
            deliver_due(home)
        resend(home, notice("two").id, target="a")
        deliver_due(home)
        first = list_notices(home, NoticeFilter(), limit=2)
        rest = list_notices(home, NoticeFilter(acknowledged=False), after=first.next, limit=2)
        messages = [message_json(each) for each in store.messages(notice=None, target=None, limit=50)]
        count, newest = store.unsettled(limit=1)
        counts = store.counts()
    for each in messages:
        for attempt in each["attempts"]:  # type: ignore[attr-defined]
            assert attempt["next_at"] is None
    return [
        [recorded_json(each) for each in (*first.notices, *rest.notices)],
        sorted(messages, key=lambda each: str((each["target"], each["occasion"], each["notices"]))),
        count,
        len(newest),
        sorted(counts.messages),
    ]


def test_both_databases_tell_the_same(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sqlite", "postgres"):
        (tmp_path / name).mkdir()
    with receiver("http", tmp_path / "got") as running:
        on_sqlite = told(tmp_path / "sqlite", running)
        sent = len(running.got())
        monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
        on_postgres = told(tmp_path / "postgres", running)
        assert len(running.got()) == 2 * sent
        ids = [each["headers"]["webhook-id"] for each in running.got()[:sent] if each["path"] == "/ok"]
    monkeypatch.delenv("TIEOUT_DATABASE_URL")
    for one, other in zip(on_sqlite, on_postgres, strict=True):
        assert _without_numbers(one) == _without_numbers(other)
    assert ids.count(notice("three").id) == 1, "two deliverers at once, one message"
    for url in (tmp_path / "sqlite" / "home" / "books.db", postgres_url):
        engine = open_engine(url, schema="books")
        for table in ("notice", "notice_part", "notice_attempt", "notice_acknowledgement"):
            with pytest.raises(DBAPIError, match="is final"), begin_immediate(engine) as connection:
                connection.execute(text(f"DELETE FROM {table}"))
        engine.dispose()


def _without_numbers(part: object) -> object:
    """Numbers of rows depend on the order of workers."""
    if isinstance(part, list):
        return [_without_numbers(each) for each in part]
    if isinstance(part, dict):
        return {name: value for name, value in part.items() if name != "message"}
    return part
