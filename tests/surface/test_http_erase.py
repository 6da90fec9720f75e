"""An item that came over HTTP with an Idempotency-Key: what its stored receipt quotes is erased with it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from tests.surface.served import event, make_served, ndjson
from tieout.flows.erase_event import erase
from tieout.store.log import schema

SECRET = "zyzzyva-9942"


def test_a_receipt_quotes_an_erased_item_no_more(tmp_path: Path) -> None:
    served = make_served(tmp_path / "home")
    served.start(workers=1)
    sent = ndjson([event("fine"), event("broken", SECRET), event("other", "x y")])
    headers = {"Idempotency_Key": "one"}
    before = served.receipt(sent, **headers)
    broken, other = before["not_accepted"]
    assert SECRET in broken["detail"], "the receipt quotes what came"
    with served.home() as home:
        done = erase(home, broken["item"], source=None, id=None, person="Ada", reason="asked")
        assert done.copies.quarantined
        with home.review._engine.connect() as connection:  # type: ignore[attr-defined]
            stored = str(connection.execute(select(schema.receipts)).all())
        assert SECRET not in stored
    again = served.receipt(sent, **headers)
    assert again == before | {"not_accepted": [broken | {"detail": "erased"}, other]}
    assert served.stop() == 0
    served.verified()
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
