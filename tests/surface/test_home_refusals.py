"""What is not a home of ours, or not one that can be trusted, is refused in a sentence, with exit code 2 or
3.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from tests.surface.conftest import in_process
from tieout.store import sqlite
from tieout.store.migrate import NewerSchema
from tieout.store.sqlite import (
    MalformedDatabaseUrl,
    UntrustworthySqlite,
    begin_immediate,
    is_trustworthy,
    open_engine,
)
from tieout.store.stores import ForeignBooks, ForeignFolder, HomeExists, NotAHome
from tieout.wiring import DATABASE_URL_VARIABLE, create_home, open_home


@pytest.mark.parametrize(("file", "found"), [("books.db", "books_0999"), ("log.db", "log_0999")])
def test_a_home_of_a_newer_schema_is_refused_and_says_both_versions(
    tmp_path: Path, file: str, found: str
) -> None:
    create_home(tmp_path).close()
    engine = open_engine(tmp_path / file, schema="books")
    with begin_immediate(engine) as connection:
        connection.execute(text("UPDATE schema_version SET version_num = :found"), {"found": found})
    with pytest.raises(NewerSchema) as refusal:
        open_home(tmp_path)
    assert refusal.value.exit_code == 2
    assert found in str(refusal.value) and str(tmp_path) in str(refusal.value)
    ours = {"books_0999": "books_0014", "log_0999": "log_0003"}[found]
    assert ours in str(refusal.value)


def test_a_home_is_not_opened_by_an_sqlite_with_the_wal_reset_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_home(tmp_path).close()
    old = SimpleNamespace(sqlite_version="3.51.2")
    monkeypatch.setattr(sqlite.importlib, "import_module", lambda _name: old)
    with pytest.raises(UntrustworthySqlite) as refusal:
        open_home(tmp_path)
    assert refusal.value.exit_code == 2
    assert "3.51.2" in str(refusal.value) and "3.51.3" in str(refusal.value)


def test_without_any_sqlite_that_can_be_trusted_the_refusal_says_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(sqlite.importlib, "import_module", missing)
    with pytest.raises(UntrustworthySqlite, match="found none"):
        sqlite.sqlite_module()


@pytest.mark.parametrize(
    ("version", "trusted"),
    [
        ("3.7.0", False),
        ("3.40.1", False),
        ("3.51.2", False),
        ("3.51.3", True),
        ("3.52.0", True),
        ("4.0", True),
    ],
)
def test_the_versions_with_the_bug_are_told_from_those_without(version: str, trusted: bool) -> None:
    assert is_trustworthy(version) is trusted


def test_an_empty_folder_and_none_at_all_are_not_homes(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NotAHome) as refusal:
            open_home(folder)
        assert refusal.value.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_a_home_is_not_made_over_another(tmp_path: Path) -> None:
    create_home(tmp_path).close()
    with pytest.raises(HomeExists) as refusal:
        create_home(tmp_path)
    assert refusal.value.exit_code == 4


def test_books_and_log_of_two_homes_are_told_apart(tmp_path: Path) -> None:
    create_home(tmp_path / "one").close()
    create_home(tmp_path / "two").close()
    (tmp_path / "one" / "books.db").replace(tmp_path / "two" / "books.db")
    with pytest.raises(ForeignBooks) as refusal:
        open_home(tmp_path / "two")
    assert refusal.value.exit_code == 6


def test_a_creation_that_was_interrupted_before_the_books_is_taken_up_again(tmp_path: Path) -> None:
    made = create_home(tmp_path)
    made.close()
    for file in tmp_path.glob("books.db*"):
        file.unlink()
    with create_home(tmp_path) as again:
        assert again.home_id == made.home_id
    with open_home(tmp_path) as opened:
        assert opened.home_id == made.home_id


def test_a_database_is_not_opened_with_the_folder_of_another_home(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its index would not know what the database holds, and events would be accepted twice."""
    create_home(tmp_path / "embedded").close()
    monkeypatch.setenv(DATABASE_URL_VARIABLE, postgres_url)
    create_home(tmp_path / "ours").close()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "home.id").write_text("home_0123456789abcdef")
    for name in ("embedded", "other"):
        with pytest.raises(ForeignFolder, match="TIEOUT_DATABASE_URL") as refusal:
            open_home(tmp_path / name)
        assert refusal.value.exit_code == 6
        assert str(tmp_path / name) in str(refusal.value)
    open_home(tmp_path / "ours").close()


@pytest.mark.parametrize(
    "url", ["postgresql:", "postgres://u:s3cret@localhost:notaport/x", "mysql://u:s3cret@a/b", "books.db"]
)
def test_a_url_that_is_none_of_postgresql_is_refused_without_its_password(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE_URL_VARIABLE, url)
    with pytest.raises(MalformedDatabaseUrl, match="postgresql://user:password@host") as refusal:
        create_home(tmp_path / "home")
    assert refusal.value.exit_code == 2
    assert "s3cret" not in str(refusal.value)


def test_a_server_that_is_not_there_is_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE_URL_VARIABLE, "postgresql://nobody@127.0.0.1:1/x")
    ran = in_process("init", "--home", str(tmp_path / "home"))
    assert ran.code == 5
    assert "See to its URL" in ran.err
    assert ran.err.count("\n") == 1
