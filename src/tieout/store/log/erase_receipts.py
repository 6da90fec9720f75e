"""Receipts are kept for ever and quote what was wrong with an item; of an erased one they do so no more."""

from __future__ import annotations

import json

from sqlalchemy import Connection, select, update

from tieout.kernel.ids import Position
from tieout.store.log import schema

HTTP_ORIGIN = "http "
R = schema.receipts.c


def empty_receipts(connection: Connection, item: Position, *, field: str | None, detail: str) -> None:
    """In the receipt that names a quarantined item, if there is one."""
    place = f'"item":"{item}"'
    found = connection.execute(
        select(R.key_id, R.idempotency_key, R.receipt).where(R.receipt.contains(place, autoescape=True))
    ).all()
    for row in found:
        told = json.loads(row.receipt)
        for each in told["not_accepted"]:
            if each.get("item") == str(item) and each["verdict"] == "quarantined":
                each["field"], each["detail"] = field, detail
        own = (R.key_id == row.key_id) & (R.idempotency_key == row.idempotency_key)
        text = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
        connection.execute(update(schema.receipts).where(own).values(receipt=text))
