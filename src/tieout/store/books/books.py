"""Opens the books of a home: migrates them if need be, and hands out the stores by noun."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select

from tieout.kernel.errors import NotFound
from tieout.kernel.ids import HomeId
from tieout.kernel.instant import Instant
from tieout.store.books.api_keys import SqlApiKeys
from tieout.store.books.breaks import SqlBreaks
from tieout.store.books.closes import SqlCloses
from tieout.store.books.corrections import SqlCorrections
from tieout.store.books.crossings import SqlTriggers
from tieout.store.books.disputes import SqlDisputes
from tieout.store.books.documents import SqlDocuments
from tieout.store.books.drafts import SqlDrafts
from tieout.store.books.folio_check import SqlFolios
from tieout.store.books.heads import SqlHeads
from tieout.store.books.interims import SqlInterims
from tieout.store.books.invoices import SqlInvoices
from tieout.store.books.ledger import SqlLedger
from tieout.store.books.manual_lines import SqlManualLines
from tieout.store.books.movements import SqlMovements
from tieout.store.books.notices import SqlNotices
from tieout.store.books.own_settings import SqlOwnSettings
from tieout.store.books.readiness import SqlReadiness
from tieout.store.books.replay_results import SqlReplayResults
from tieout.store.books.schema import meta
from tieout.store.books.signatures import SqlSignatures
from tieout.store.books.test_clock import start_clock
from tieout.store.books.verifications import SqlVerifications
from tieout.store.books.waivers import SqlWaivers
from tieout.store.books.writing import insert_rows, writing
from tieout.store.migrate import prepare_schema
from tieout.store.sqlite import open_engine

BOOKS_FILE = "books.db"


class BooksWithoutHome(NotFound):
    """The database has the tables of books, but no home was ever made in it."""

    code = "books-without-home"

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} holds no home; `tieout init` makes one.")


@dataclass(frozen=True, slots=True)
class SqlBooks:
    """The port `Books`."""

    home_id: HomeId
    engine: Engine
    documents: SqlDocuments
    signatures: SqlSignatures
    api_keys: SqlApiKeys
    closes: SqlCloses
    invoices: SqlInvoices
    movements: SqlMovements
    interims: SqlInterims
    drafts: SqlDrafts
    manual_lines: SqlManualLines
    verifications: SqlVerifications
    breaks: SqlBreaks
    waivers: SqlWaivers
    ledger: SqlLedger

    corrections: SqlCorrections
    notices: SqlNotices
    triggers: SqlTriggers
    own_settings: SqlOwnSettings
    heads: SqlHeads
    disputes: SqlDisputes
    readiness: SqlReadiness
    replay_results: SqlReplayResults
    folios: SqlFolios

    def close(self) -> None:
        self.engine.dispose()


def create_books(
    folder: Path, home_id: HomeId, *, url: str | None = None, test_clock: Instant | None = None
) -> SqlBooks:
    """New books for a new home, in `folder` or in the PostgreSQL of `url`; a clock of its own, if asked."""
    engine = open_engine(url or folder / BOOKS_FILE, schema="books")
    prepare_schema(engine, schema="books", place=str(folder))
    with writing(engine) as connection:
        insert_rows(connection, meta, [{"name": "home_id", "value": home_id}])
        if test_clock is not None:
            start_clock(connection, test_clock)
    return _books(engine, folder, home_id)


def open_books(folder: Path, *, url: str | None = None) -> SqlBooks:
    """Raises `NewerSchema`, `UntrustworthySqlite` or `BooksWithoutHome`."""
    engine = open_engine(url or folder / BOOKS_FILE, schema="books")
    prepare_schema(engine, schema="books", place=str(folder))
    home_id = _home_id(engine)
    if home_id is None:
        engine.dispose()
        raise BooksWithoutHome(str(folder))
    return _books(engine, folder, home_id)


def home_id_of(folder: Path, *, url: str | None = None) -> HomeId | None:
    """The home whose books these are; None where none was ever made."""
    engine = open_engine(url or folder / BOOKS_FILE, schema="books")
    prepare_schema(engine, schema="books", place=str(folder))
    home_id = _home_id(engine)
    engine.dispose()
    return home_id


def _home_id(engine: Engine) -> HomeId | None:
    with engine.connect() as connection:
        found = connection.execute(select(meta.c.value).where(meta.c.name == "home_id")).scalar_one_or_none()
    return None if found is None else HomeId(found)


def _books(engine: Engine, folder: Path, home_id: HomeId) -> SqlBooks:
    return SqlBooks(
        home_id,
        engine,
        SqlDocuments(engine),
        SqlSignatures(engine),
        SqlApiKeys(engine),
        SqlCloses(engine, folder),
        SqlInvoices(engine),
        SqlMovements(engine),
        SqlInterims(engine),
        SqlDrafts(engine),
        SqlManualLines(engine),
        SqlVerifications(engine),
        SqlBreaks(engine),
        SqlWaivers(engine),
        SqlLedger(engine),
        SqlCorrections(engine),
        SqlNotices(engine),
        SqlTriggers(engine),
        SqlOwnSettings(engine),
        SqlHeads(engine),
        SqlDisputes(engine),
        SqlReadiness(engine),
        SqlReplayResults(engine),
        SqlFolios(engine),
    )
