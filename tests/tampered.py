"""What somebody does to the books who may write their file: drops triggers, changes rows and, who knows how,
writes all folios anew."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pysqlite3

from tieout.ports import LogFinding
from tieout.store.books.folios import begin_chain, chained
from tieout.store.sqlite import begin_immediate, open_engine


def without_triggers(books: Path) -> None:
    with closing(pysqlite3.connect(books)) as file:
        for (trigger,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f'DROP TRIGGER "{trigger}"')
        file.commit()


def chained_anew(books: Path) -> None:
    """The one thing that folios cannot tell: all rows as they are now, as though they had always been so."""
    without_triggers(books)
    engine = open_engine(books, schema="books")
    with begin_immediate(engine) as connection:
        connection.exec_driver_sql("DELETE FROM folio")
        for table in chained():
            connection.exec_driver_sql(f'UPDATE "{table.name}" SET folio = 0')
        begin_chain(connection)
    engine.dispose()


def beside_folios(findings: tuple[LogFinding, ...]) -> list[LogFinding]:
    """What says more than that a row is not what its folio added."""
    return [each for each in findings if each.what not in ("row", "folio")]
