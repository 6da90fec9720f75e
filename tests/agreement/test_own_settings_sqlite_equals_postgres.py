"""What customers set for themselves on both databases: one story, one record of it; rows are only added, and
of two that decide at once both are recorded, one after the other.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.own_home import ALERT, BY_KEY, own_home, webhook
from tests.ruled_home import send
from tests.small_home import call
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.own_changes import remove_own, set_alert, set_budget
from tieout.flows.own_document import Member, decision_json, own_decisions
from tieout.flows.own_settings import own_book
from tieout.flows.own_targets import set_target
from tieout.ports.own_settings import SettingKind, SettingsChanged
from tieout.store.sqlite import begin_immediate
from tieout.wiring import open_home


def told(folder: Path) -> object:
    home, clock = own_home(folder / "home")
    with home:
        set_budget(home, "acme", {"amount": "100"}, BY_KEY)
        set_target(home, "acme", "hook", webhook("https://example.com/"), BY_KEY)
        for customer in ("acme", "birch"):
            set_alert(home, customer, "many", ALERT, BY_KEY)
        remove_own(home, "acme", SettingKind.BUDGET, "", BY_KEY)
        look_to_head(home)
        send(
            home,
            clock,
            call(1, "acme", "2026-01-10T12:00:00Z", tokens=600),
            call(2, "birch", "2026-01-10T12:00:00Z"),
        )
        look_to_head(home)
        store = home.books.own_settings
        assert [each.seq for each in store.after(0)] == list(range(1, store.revision() + 1))
        last = own_decisions(home, "birch")[-1]
        with pytest.raises(SettingsChanged):
            store.add([replace(last, version=9)], seen=1)
        for act in ("UPDATE own_setting SET body = NULL", "DELETE FROM own_setting"):
            engine = home.books.own_settings.engine  # type: ignore[attr-defined] # the store's own
            with pytest.raises(DBAPIError, match="final"), begin_immediate(engine) as connection:
                connection.execute(text(act))
        at_once(folder / "home")
        said = [decision_json(each) for each in [*own_decisions(home, "acme"), *own_decisions(home, "birch")]]
        changes = [
            (each.change.id, each.change.scope.customer) for each in home.books.triggers.changes_of(None)
        ]
        notices = [each.notice for each in home.books.notices.unrouted(10)]
    return [without_secret(each) for each in said], changes, notices


def at_once(folder: Path) -> None:
    """Four threads, each with a home of its own, each setting alerts of one customer."""
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with open_home(folder) as home:
                set_alert(home, "cedar", f"a{number}", ALERT, BY_KEY)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert failed == []
    with open_home(folder) as home:
        assert sorted(each.key for each in own_decisions(home, "cedar")) == ["a0", "a1", "a2", "a3"]
        assert own_book(home).revision == home.books.own_settings.revision()


def without_secret(said: dict[str, Member]) -> dict[str, Member]:
    return {**said, "said": None} if said["kind"] == "secret" else said


def test_one_story_on_both(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_sqlite = told(tmp_path / "sqlite")
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    assert told(tmp_path / "postgres") == on_sqlite
