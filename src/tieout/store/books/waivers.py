"""Proposed waivers: added, never changed. Who proposes the same again changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select

from tieout.kernel.instant import Instant
from tieout.ports.breaks import ProposedWaiver
from tieout.store.books.schema_close import waiver
from tieout.store.books.writing import insert_rows, writing


@dataclass(frozen=True, slots=True)
class SqlWaivers:
    """The port `WaiverStore`."""

    engine: Engine

    def all(self) -> tuple[ProposedWaiver, ...]:
        query = select(waiver).order_by(waiver.c.proposed_at, waiver.c.digest)
        with self.engine.connect() as connection:
            return tuple(
                ProposedWaiver(
                    digest=row["digest"],
                    source=row["source"],
                    statement=row["control_total"],
                    document=row["document"],
                    person=row["person"],
                    reason=row["reason"],
                    proposed_at=Instant(row["proposed_at"]),
                )
                for row in connection.execute(query).mappings()
            )

    def add(self, proposed: ProposedWaiver) -> None:
        with writing(self.engine) as connection:
            there = select(waiver.c.digest).where(waiver.c.digest == proposed.digest)
            if connection.execute(there).first() is not None:
                return
            insert_rows(
                connection,
                waiver,
                [
                    {
                        "digest": proposed.digest,
                        "source": proposed.source,
                        "control_total": proposed.statement,
                        "document": proposed.document,
                        "person": proposed.person,
                        "reason": proposed.reason,
                        "proposed_at": proposed.proposed_at,
                    }
                ],
            )
