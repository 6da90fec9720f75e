"""The stores of the books: gapless numbers, migrations all or nothing, and refusals that name the matter."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from tieout.contract.document import parse_documents
from tieout.kernel.errors import ConflictError, NotFound, Unavailable
from tieout.kernel.ids import HomeId
from tieout.kernel.instant import Instant
from tieout.store import migrate
from tieout.store.books.books import BooksWithoutHome, create_books, open_books
from tieout.store.books.numbering import lock_series, record_numbers
from tieout.store.books.schema import METADATA
from tieout.store.books.writing import writing
from tieout.store.migrate import prepare_schema, revisions, schema_version
from tieout.store.sqlite import begin_immediate, open_engine

pytestmark = pytest.mark.usefixtures("real_migrations")

SELLER = """
[[seller]]
key = "us"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "We Inc."
address = ["1 Street"]
number_series = "INV"
"""


def test_the_migrated_tables_are_those_the_queries_speak_of(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "books.db", schema="books")
    prepare_schema(engine, schema="books", place="here")
    found = inspect(engine)
    for table in METADATA.sorted_tables:
        migrated = [
            (column["name"], str(column["type"]), column["nullable"])
            for column in found.get_columns(table.name)
        ]
        declared = [(column.name, str(column.type), column.nullable) for column in table.columns]
        assert migrated == declared, table.name
        keys = {tuple(key["column_names"]) for key in found.get_unique_constraints(table.name)}
        constraints = {
            tuple(column.name for column in constraint.columns)
            for constraint in table.constraints
            if type(constraint).__name__ == "UniqueConstraint"
        }
        assert keys == constraints, table.name
        assert {index["name"] for index in found.get_indexes(table.name)} == {
            index.name for index in table.indexes
        }
    assert schema_version(engine) == revisions("books")[-1]


def test_a_migration_that_fails_leaves_nothing_and_is_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(tmp_path / "books.db", schema="books")
    with monkeypatch.context() as patched:
        patched.setattr("tieout.store.books.triggers.immutability", lambda *_: ["CREATE NONSENSE"])
        with pytest.raises(Exception, match="NONSENSE"):
            prepare_schema(engine, schema="books", place="here")
    assert inspect(engine).get_table_names() == []
    prepare_schema(engine, schema="books", place="here")
    assert schema_version(engine) == revisions("books")[-1]


def test_many_openers_migrate_once(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def opener() -> None:
        try:
            engine = open_engine(tmp_path / "books.db", schema="books")
            prepare_schema(engine, schema="books", place="here")
        except BaseException as error:  # noqa: BLE001 - reported by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=opener) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_revisions_are_found_in_order_for_both_databases() -> None:
    for schema in ("books", "log"):
        found = revisions(schema)
        assert found and list(found) == sorted(found)
        assert all(revision.startswith(f"{schema}_") for revision in found)


def taken_number(connection: Connection, series: str) -> int:
    """As a seal of one invoice takes it."""
    number = lock_series(connection, [series])[series] + 1
    record_numbers(connection, {series: number})
    return number


def test_numbers_are_gapless_over_rollbacks_and_separate_by_series(tmp_path: Path) -> None:
    books = create_books(tmp_path, HomeId("home_1"))
    taken = []
    for attempt in range(6):
        try:
            with writing(books.engine) as connection:
                number = taken_number(connection, "INV")
                if attempt % 2:
                    raise RuntimeError("rolled back")
                taken.append(number)
        except RuntimeError:
            continue
    with writing(books.engine) as connection:
        assert taken_number(connection, "NW") == 1
    assert taken == [1, 2, 3]


def test_concurrent_sealers_get_different_numbers_without_a_gap(tmp_path: Path) -> None:
    books = create_books(tmp_path, HomeId("home_1"))
    taken: list[int] = []

    def sealer() -> None:
        for _ in range(10):
            with writing(books.engine) as connection:
                number = taken_number(connection, "INV")
            taken.append(number)

    threads = [threading.Thread(target=sealer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 41))


def test_a_document_version_is_stored_once_and_comes_back_as_it_was(tmp_path: Path) -> None:
    books = create_books(tmp_path, HomeId("home_1"))
    documents, problems = parse_documents("seller.toml", SELLER)
    assert problems == []
    assert books.documents.revision() == 0
    books.documents.add(documents, applied_at=Instant(1))
    assert books.documents.all() == tuple(documents)
    assert books.documents.revision() == 1
    with pytest.raises(ConflictError):
        books.documents.add(documents, applied_at=Instant(2))
    books.documents.add([], applied_at=Instant(2))
    assert books.documents.revision() == 1


def test_books_without_a_home_are_refused(tmp_path: Path) -> None:
    prepare_schema(open_engine(tmp_path / "books.db", schema="books"), schema="books", place="here")
    with pytest.raises(BooksWithoutHome) as refusal:
        open_books(tmp_path)
    assert isinstance(refusal.value, NotFound)


def test_a_full_disk_is_unavailable_and_leaves_nothing(tmp_path: Path) -> None:
    books = create_books(tmp_path, HomeId("home_1"))
    with books.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with pytest.raises(Unavailable) as refusal, writing(books.engine) as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        for number in range(10_000):
            connection.execute(
                text("INSERT INTO meta VALUES (:name, :value)"), {"name": str(number), "value": "x" * 500}
            )
    assert refusal.value.exit_code == 5
    with books.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM meta")).scalar_one() == 1


def test_a_write_transaction_holds_the_lock_from_its_start(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "books.db", schema="books")
    with begin_immediate(engine), engine.connect() as reader:
        assert reader.exec_driver_sql("SELECT 1").scalar_one() == 1
        other = open_engine(tmp_path / "books.db", schema="books")
        with other.connect() as second:
            raw = second.connection.driver_connection
            assert raw is not None
            raw.execute("PRAGMA busy_timeout = 50")
            with pytest.raises(Exception, match="locked"):
                raw.execute("BEGIN IMMEDIATE")


def test_alembic_is_imported_only_to_migrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_books(tmp_path, HomeId("home_1")).close()
    monkeypatch.setattr(migrate, "_upgrade", lambda *_: pytest.fail("nothing to migrate"))
    open_books(tmp_path).close()
