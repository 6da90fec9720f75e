"""`verify` finds a crossing that was not told, one that is told twice, and what is told without one (L16)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.ruled_home import ALERT, HOLD, ruled_home, send
from tests.small_home import call
from tests.tampered import beside_folios
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.verify_books import verify_books
from tieout.notice.notice import notice_id
from tieout.wiring import Home

LOST = "DELETE FROM notice_outbox WHERE notice = :id; DELETE FROM notice WHERE id = :id"
LOST_TO_CUSTOMER = LOST.replace(":id", ":theirs")
TWICE = "UPDATE notice SET id = :other WHERE id = :id"
COPY = (
    "INSERT INTO notice SELECT :other, kind, customer, severity, happened_at, watermark, title, text, data, "
    "recorded_at, folio FROM notice WHERE id = :id"
)
MADE_UP = "UPDATE notice SET data = replace(data, :change, :none) WHERE id = :id"
OF_ANOTHER = "UPDATE notice SET customer = 'birch' WHERE id = :id"


def told(folder: Path) -> Home:
    """350 tokens, then 450: an alert at 300, and a hold at 400; 150 less lift the hold."""
    home, clock = ruled_home(
        folder, ALERT.format(version=1, rearm="below", more="customer_too = true\n") + HOLD
    )
    look_to_head(home)
    for number, tokens in enumerate((350, 100)):
        send(home, clock, call(number, "acme", f"2026-01-1{number}T12:00:00Z", tokens=tokens))
        look_to_head(home)
    return home


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("", []),
        (LOST, ["was not told: alert.crossed"]),
        (LOST_TO_CUSTOMER, ["was not told: customer.alert.crossed"]),
        (TWICE, ["under another id than its own", "was not told: alert.crossed"]),
        (COPY, ["under another id than its own"]),
        (MADE_UP, ["which was never recorded", "was not told: alert.crossed"]),
        (OF_ANOTHER, ["and is told as of", "was not told: alert.crossed"]),
    ],
)
def test_each_crossing_is_told_once_and_nothing_else(tmp_path: Path, planted: str, said: list[str]) -> None:
    with told(tmp_path / "home") as home:
        changes = [each.change for each in home.books.triggers.changes_of(None)]
        assert [each.rule.key for each in changes] == ["tokens", "stop"]
        ours = changes[0].id
        names = {
            "id": notice_id("alert.crossed", ours),
            "theirs": notice_id("customer.alert.crossed", ours),
            "other": notice_id("alert.crossed", "x"),
            "change": ours,
            "none": "0" * 32,
        }
        engine = create_engine(f"sqlite:///{tmp_path / 'home' / 'books.db'}")
        with engine.begin() as connection:
            connection.execute(text("PRAGMA foreign_keys = OFF"))
            triggers = connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'notice'")
            ).scalars()
            for name in triggers.all():
                connection.execute(text(f"DROP TRIGGER {name}"))
            for statement in filter(None, planted.split("; ")):
                used = {key: value for key, value in names.items() if f":{key}" in statement}
                connection.execute(text(statement), used)
        engine.dispose()
        found = beside_folios(verify_books(home).findings)
        assert len(found) == len(said), found
        for finding, words in zip(found, said, strict=True):
            assert finding.what == "notice" and words in finding.detail
