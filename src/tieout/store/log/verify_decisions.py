"""Checks the decisions of people against the log: each is about an item that is there, and a release names an
arrival that is there.
"""

from __future__ import annotations

from sqlalchemy import Connection, and_, select

from tieout.kernel.ids import Position
from tieout.ports.review import ItemState
from tieout.store.log import schema
from tieout.store.log.erasures import Report

STATES = {ItemState.RELEASED.value, ItemState.DISCARDED.value}


def verify_decisions(connection: Connection, report: Report) -> None:
    _verify_outcomes(connection, report)
    _verify_erasures(connection, report)


def _verify_outcomes(connection: Connection, report: Report) -> None:
    outcomes, quarantine, batches = schema.quarantine_outcomes, schema.quarantine, schema.batches
    same = and_(outcomes.c.batch == quarantine.c.batch, outcomes.c.row == quarantine.c.row)
    joined = outcomes.outerjoin(quarantine, same).outerjoin(batches, outcomes.c.new_batch == batches.c.number)
    query = select(
        outcomes, quarantine.c.verdict.label("item"), batches.c.received.label("received")
    ).select_from(joined)
    arrived: set[Position] = set()
    for row in connection.execute(query):
        place = str(Position(row.batch, row.row))
        if row.item is None:
            report("decision", place, "it is about an item that is not in the quarantine")
        if row.outcome not in STATES or (row.outcome == ItemState.RELEASED.value) != (
            row.new_row is not None
        ):
            report("decision", place, "it is neither a release with its new arrival nor a discard")
        if row.new_batch is None:
            continue
        new = Position(row.new_batch, row.new_row)
        if row.received is None or not 0 <= new.row < row.received:
            report("decision", place, f"it was released as {new}, which was never received")
        if new in arrived:
            report("decision", place, f"another item was released as {new} as well")
        arrived.add(new)


def _verify_erasures(connection: Connection, report: Report) -> None:
    erasures, batches = schema.erasures, schema.batches
    joined = erasures.outerjoin(batches, erasures.c.batch == batches.c.number)
    query = select(erasures.c.batch, erasures.c.row, batches.c.received).select_from(joined)
    for batch, row, received in connection.execute(query):
        if received is None or not 0 <= row < received:
            report("erasure", str(Position(batch, row)), "it is of an item that was never received")
