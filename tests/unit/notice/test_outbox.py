"""The outbox: a notice is there with what justifies it, or not at all; and once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.notices import NOON, notice
from tieout.gateways.clock import SteppedClock
from tieout.notice.notice import MalformedNotice, one_line
from tieout.ports import NoticeChanged
from tieout.store.books.notices import add_notices
from tieout.store.books.writing import writing
from tieout.store.sqlite import begin_immediate, open_engine
from tieout.wiring import Home, create_home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with create_home(tmp_path / "home", clock=SteppedClock(NOON)) as home:
        yield home


def test_a_notice_is_recorded_once_under_its_id(home: Home) -> None:
    store = home.books.notices
    assert store.record([notice(), notice("two")], at=NOON) == 2
    assert store.record([notice()], at=NOON) == 0
    with pytest.raises(NoticeChanged):
        store.record([notice("three"), notice(title="another")], at=NOON)
    found = store.find(notice().id)
    assert found is not None and found.notice == notice()
    assert {each.notice.id for each in store.unrouted(10)} == {notice().id, notice("two").id}


def test_a_notice_goes_with_the_transaction_that_justifies_it(home: Home, tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "home" / "books.db", schema="books")
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        add_notices(connection, [notice()], at=NOON)
        raise ZeroDivisionError
    assert home.books.notices.unrouted(10) == ()
    with writing(engine) as connection:
        add_notices(connection, [notice()], at=NOON)
    assert len(home.books.notices.unrouted(10)) == 1
    for change in ("UPDATE notice SET title = 'x'", "DELETE FROM notice"):
        with pytest.raises(DBAPIError, match="is final"), begin_immediate(engine) as connection:
            connection.execute(text(change))
    engine.dispose()


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": '{"used":1.5}'},
        {"data": "[1]"},
        {"data": '{"b":1, "a":2}'},
        {"data": "x"},
        {"title": "two\nlines"},
        {"title": " "},
        {"title": "x" * 201},
        {"text": "bell \a"},
        {"kind": "Alert"},
    ],
)
def test_what_cannot_be_told_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(MalformedNotice):
        notice(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["two\nlines", "x" * 500, "", " \t", "bell \a and\u00a0space", "plain"])
def test_any_text_can_be_made_a_title(text: str) -> None:
    assert notice(title=one_line(text)).title == one_line(text)
