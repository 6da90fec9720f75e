"""Verifications of the log that somebody put on record."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select

from tieout.close.requirements import VerifiedLog
from tieout.kernel.instant import Instant
from tieout.store.books.schema_close import log_verification
from tieout.store.books.writing import insert_rows, writing


@dataclass(frozen=True, slots=True)
class SqlVerifications:
    """The port `VerificationStore`."""

    engine: Engine

    def add(self, found: VerifiedLog) -> None:
        row = {
            "batches": found.batches,
            "head_digest": found.head_digest,
            "findings": found.findings,
            "person": found.person,
            "verified_at": found.verified_at,
        }
        with writing(self.engine) as connection:
            insert_rows(connection, log_verification, [row])

    def latest(self) -> VerifiedLog | None:
        query = select(log_verification).order_by(log_verification.c.id.desc()).limit(1)
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        return VerifiedLog(
            batches=row["batches"],
            head_digest=row["head_digest"],
            findings=row["findings"],
            person=row["person"],
            verified_at=Instant(row["verified_at"]),
        )
