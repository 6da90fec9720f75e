"""Disputes on SQLite and on PostgreSQL: one story gives the same events, notes and notices; rows are final.

Of two people at once who do not go together one is refused: what is disputed never comes to more than is
left, and nothing is given back twice."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.agreement.test_corrections_sqlite_equals_postgres import ACME, at_once, opened
from tests.disputes import ENGINEERING, FINANCE, OPS, disputed_home, number_of
from tests.disputes import opened as open_one
from tieout.dispute.decision import DecisionOrder
from tieout.dispute.state import Act
from tieout.dispute.type import DisputeType
from tieout.flows.decide_dispute import decide_dispute
from tieout.flows.dispute_document import dispute_json, events_json
from tieout.flows.disputes import disputed_by_invoice, find_dispute, list_disputes
from tieout.flows.examine_dispute import examine_dispute
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.flows.say_dispute import (
    isolate_dispute,
    message_customer,
    note_dispute,
    release_dispute,
    reopen_dispute,
)
from tieout.flows.verify_books import verify_books
from tieout.store.sqlite import begin_immediate, open_engine


@pytest.fixture(params=["sqlite", "postgres"])
def sealed(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str]:
    """The folder of a home where nothing is disputed yet, and the number of acme's invoice."""
    if request.param == "postgres":
        monkeypatch.setenv("TIEOUT_DATABASE_URL", request.getfixturevalue("postgres_url"))
    home, _ = disputed_home(tmp_path / "home", per_customer=5)
    with home:
        return home.folder, number_of(home)


def told(folder: Path) -> object:
    """Everything of a story; digests of packs apart, which name the home."""
    made, _ = disputed_home(folder)
    with made as home:
        one = open_one(home, type=DisputeType.DATA)
        message_customer(home, one.id, person=OPS, text="We look at it.")
        isolate_dispute(home, one.id, person=OPS, reason="they count less")
        release_dispute(home, one.id, person=ENGINEERING, agreed_by=OPS, defect=True, reason="sent twice")
        upheld = DecisionOrder(Act.UPHELD)
        decide_dispute(home, one.id, upheld, person=ENGINEERING, reason="ours", approved_by=FINANCE)
        two = open_one(home, line=None, amount="12.00", reason="all of it")
        examine_dispute(home, two.id, person=OPS)
        decide_dispute(home, two.id, DecisionOrder(Act.REJECTED), person=OPS, reason="it is right")
        reopen_dispute(home, two.id, person=OPS, reason="after all")
        lines = DecisionOrder(Act.PARTLY_UPHELD, None, [("1", "2.00"), ("4", "1.00")])
        decide_dispute(home, two.id, lines, person=OPS, reason="some", approved_by=FINANCE)
        note_dispute(home, two.id, person=OPS, text="done")
        found = list_disputes(home, decided_too=True)
        assert verify_books(home).findings == ()
        notices = [each.notice for each in home.books.notices.unrouted(50)]
        rows = [(row.number, str(row.total), str(row.open), str(row.disputed)) for row in list_invoices(home)]
        said = [[dispute_json(each, now=home.clock.now()), events_json(each)] for each in found]
        for act in ("UPDATE dispute_event SET said = ''", "DELETE FROM dispute_owners"):
            engine = open_engine(
                os.environ.get("TIEOUT_DATABASE_URL") or home.folder / "books.db", schema="books"
            )
            with pytest.raises(DBAPIError, match="final"), begin_immediate(engine) as connection:
                connection.execute(text(act))
            engine.dispose()
    return json.loads(json.dumps(said), object_hook=_without_digests), notices, rows


def _without_digests(members: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if "sha256" not in name and name != "bytes"}


def test_both_databases_tell_the_same_story(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_sqlite = told(tmp_path / "sqlite")
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    assert told(tmp_path / "postgres") == on_sqlite


def credited(home: Home) -> int:
    return -sum(each.total.minor for each in list_invoices(home, ACME) if each.kind == "note")


def test_two_disputes_at_once_never_come_to_more_than_is_left(
    sealed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """5.00 of a fee of 10.00 are disputed, and 5.00 more by two people: one finds no room."""
    folder, number = sealed
    with opened(folder) as home:
        open_one(home, line="1", amount="5.00", reason="the first")
    found = at_once(folder, monkeypatch, ("open-dispute", number, "Zoe"), ("open-dispute", number, "Yan"))
    assert sorted(found) == ["dispute-above-due", "done"]
    with opened(folder) as home:
        assert [*disputed_by_invoice(home).values()] == [1000]
        assert len(list_disputes(home)) == 2 and verify_books(home).findings == ()


@pytest.mark.parametrize("other", ["credit", "void"])
def test_a_dispute_and_what_takes_its_ground_away_do_not_both_happen(
    sealed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    folder, number = sealed
    words = (other, number, "1") if other == "credit" else (other, number)
    disputed, given = at_once(folder, monkeypatch, ("open-dispute", number), words)
    assert {disputed, given} in ({"done", "papers-moved"}, {"done", "disputes-moved"})
    with opened(folder) as home:
        voids = len(home.books.corrections.voids())
        assert len(list_disputes(home)) + voids + (credited(home) > 0) == 1
        assert verify_books(home).findings == ()


def test_two_decisions_at_once_give_back_once(
    sealed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = sealed
    with opened(folder) as home:
        dispute = open_one(home, line="1", amount="5.00")
        examine_dispute(home, dispute.id, person=OPS)
    found = at_once(folder, monkeypatch, ("uphold",), ("uphold",))
    refused = {"papers-moved", "disputes-moved", "dispute-note-overtaken"}
    assert "done" in found and set(found) <= {"done", *refused}  # the same said twice is one decision
    with opened(folder) as home:
        assert credited(home) == 500
        assert [each.act for each in find_dispute(home, dispute.id).events].count(Act.UPHELD) == 1
        assert verify_books(home).findings == ()
