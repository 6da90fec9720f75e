"""Applied catalog documents."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, func, select
from sqlalchemy.exc import IntegrityError

from tieout.contract.document import Document, DocumentKind
from tieout.kernel.errors import ConflictError
from tieout.kernel.instant import Instant
from tieout.store.books.schema import document
from tieout.store.books.writing import insert_rows, writing


class VersionExists(ConflictError):
    """Another process applied one of these versions at the same time; nothing was written."""

    code = "version-exists"

    def __init__(self) -> None:
        super().__init__(
            "One of these document versions has just been applied by somebody else; run it again."
        )


@dataclass(frozen=True, slots=True)
class SqlDocuments:
    """The port `DocumentStore`."""

    engine: Engine

    def revision(self) -> int:
        with self.engine.connect() as connection:
            return connection.execute(select(func.coalesce(func.max(document.c.sequence), 0))).scalar_one()

    def all(self, *, leaving_out: Collection[DocumentKind] = ()) -> tuple[Document, ...]:
        query = select(document).order_by(document.c.sequence)
        if leaving_out:  # the other kinds by name: an index knows them, however many are left out
            query = query.where(
                document.c.kind.in_([kind.value for kind in DocumentKind if kind not in leaving_out])
            )
        with self.engine.connect() as connection:
            return tuple(_document(row) for row in connection.execute(query).mappings())

    def versions(self, kind: DocumentKind, key: str) -> tuple[Document, ...]:
        query = select(document).where(document.c.kind == kind.value, document.c.key == key)
        with self.engine.connect() as connection:
            found = connection.execute(query.order_by(document.c.version)).mappings()
            return tuple(_document(row) for row in found)

    def applied(self) -> tuple[tuple[Document, Instant], ...]:
        with self.engine.connect() as connection:
            rows = connection.execute(select(document).order_by(document.c.sequence)).mappings()
            return tuple((_document(row), Instant(row["applied_at"])) for row in rows)

    def add(self, documents: Sequence[Document], *, applied_at: Instant) -> None:
        """All or none. Raises `VersionExists`."""
        if not documents:
            return
        try:
            with writing(self.engine) as connection:
                add_documents(connection, documents, applied_at=applied_at)
        except IntegrityError as error:
            raise VersionExists from error


def add_documents(connection: Connection, documents: Sequence[Document], *, applied_at: Instant) -> None:
    """Inside a write transaction."""
    if documents:
        rows = [
            {
                "kind": added.kind.value,
                "key": added.key,
                "version": added.version,
                "effective_from": added.effective_from,
                "path": added.path,
                "line": added.line,
                "body": added.table,
                "digest": added.digest,
                "applied_at": applied_at,
            }
            for added in documents
        ]
        insert_rows(connection, document, rows)


def _document(row: RowMapping) -> Document:
    return Document(
        kind=DocumentKind(row["kind"]),
        key=row["key"],
        version=row["version"],
        effective_from=Instant(row["effective_from"]),
        path=row["path"],
        line=row["line"],
        table=row["body"],
        digest=row["digest"],
    )
