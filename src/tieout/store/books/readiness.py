"""Levels and signed documents of readiness: added, never changed."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Engine, RowMapping, select
from sqlalchemy.exc import IntegrityError

from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.ports.readiness import LevelChanged
from tieout.readiness.documents import ReadinessDocument, ReadinessKind
from tieout.readiness.level import Level, RecordedLevel
from tieout.store.books.schema_readiness import readiness_document, readiness_level
from tieout.store.books.writing import insert_rows, writing


@dataclass(frozen=True, slots=True)
class SqlReadiness:
    """The port `ReadinessStore`."""

    engine: Engine

    def level(self) -> RecordedLevel | None:
        query = select(readiness_level).order_by(readiness_level.c.seq.desc()).limit(1)
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _level(row)

    def levels(self) -> tuple[RecordedLevel, ...]:
        query = select(readiness_level).order_by(readiness_level.c.seq)
        with self.engine.connect() as connection:
            return tuple(_level(row) for row in connection.execute(query).mappings())

    def set_level(self, level: RecordedLevel) -> None:
        row = {
            "seq": level.seq,
            "level": level.level.value,
            "accounts": json.dumps(list(level.accounts)),
            "person": level.person,
            "reason": level.reason,
            "recorded_at": level.recorded_at,
        }
        try:
            with writing(self.engine) as connection:
                insert_rows(connection, readiness_level, [row])
        except IntegrityError as error:
            raise LevelChanged from error

    def documents(self) -> tuple[ReadinessDocument, ...]:
        query = select(readiness_document).order_by(
            readiness_document.c.recorded_at, readiness_document.c.digest
        )
        with self.engine.connect() as connection:
            return tuple(_document(row) for row in connection.execute(query).mappings())

    def add(self, document: ReadinessDocument) -> ReadinessDocument:
        row = {
            "digest": document.digest,
            "kind": document.kind.value,
            "subject": document.subject,
            "document": document.document,
            "person": document.person,
            "recorded_at": document.recorded_at,
        }
        same = select(readiness_document).where(readiness_document.c.digest == document.digest)
        try:
            with writing(self.engine) as connection:
                found = connection.execute(same).mappings().one_or_none()
                if found is not None:
                    return _document(found)
                insert_rows(connection, readiness_document, [row])
        except IntegrityError:  # another process recorded it at the same moment
            with self.engine.connect() as connection:
                return _document(connection.execute(same).mappings().one())
        return document


def _level(row: RowMapping) -> RecordedLevel:
    return RecordedLevel(
        seq=row["seq"],
        level=Level(row["level"]),
        accounts=tuple(CustomerId(key) for key in json.loads(row["accounts"])),
        person=row["person"],
        reason=row["reason"],
        recorded_at=Instant(row["recorded_at"]),
    )


def _document(row: RowMapping) -> ReadinessDocument:
    return ReadinessDocument(
        digest=row["digest"],
        kind=ReadinessKind(row["kind"]),
        subject=row["subject"],
        document=row["document"],
        person=row["person"],
        recorded_at=Instant(row["recorded_at"]),
    )
