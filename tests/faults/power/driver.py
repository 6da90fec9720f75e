"""SQLAlchemy's SQLite dialect over APSW, whose file system a test can replace: as much of a DBAPI module as
the dialect asks for. APSW carries an SQLite of its own, as the driver of the product does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apsw


class Error(Exception):
    """What the dialect catches."""


class DatabaseError(Error): ...


class OperationalError(DatabaseError): ...


class IntegrityError(DatabaseError): ...


class ProgrammingError(DatabaseError): ...


class InterfaceError(Error): ...


SAID = {apsw.IOError: "disk I/O error", apsw.FullError: "database or disk is full"}
"""SQLite's own words, which the product's driver repeats."""


class ApswModule:
    """Passed as `module=` to `create_engine`. `vfs`: the name of the file system to use."""

    paramstyle = "qmark"
    apilevel = "2.0"
    threadsafety = 1
    sqlite_version = apsw.sqlite_lib_version()
    sqlite_version_info = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    PARSE_DECLTYPES = 1
    PARSE_COLNAMES = 2
    Error = Error
    Warning = Warning
    DatabaseError = DatabaseError
    OperationalError = OperationalError
    IntegrityError = IntegrityError
    ProgrammingError = ProgrammingError
    InterfaceError = InterfaceError
    InternalError = DatabaseError
    DataError = DatabaseError
    NotSupportedError = DatabaseError
    Binary = bytes

    def __init__(self, vfs: str) -> None:
        self.vfs = vfs

    def connect(self, database: str, *, timeout: float = 5.0, **_: Any) -> Connection:
        return Connection(database, self.vfs, timeout)


class Connection:
    """One connection; begins and ends transactions only when it is told to."""

    isolation_level: str | None = None

    def __init__(self, database: str, vfs: str, timeout: float) -> None:
        self.raw = translated(apsw.Connection, database, vfs=vfs)
        self.raw.set_busy_timeout(int(timeout * 1000))

    def cursor(self) -> Cursor:
        return Cursor(self.raw)

    def commit(self) -> None:
        if self.raw.in_transaction:
            translated(self.raw.execute, "COMMIT")

    def rollback(self) -> None:
        if self.raw.in_transaction:
            translated(self.raw.execute, "ROLLBACK")

    def close(self) -> None:
        self.raw.close()

    def create_function(self, *_: Any, **__: Any) -> None:
        """The dialect registers `regexp`, which the product does not use."""


class Cursor:
    """Rows are fetched when a statement is run: transactions are short here."""

    arraysize = 1

    def __init__(self, raw: apsw.Connection) -> None:
        self._raw = raw
        self._rows: Iterator[tuple[Any, ...]] = iter(())
        self.description: list[tuple[Any, ...]] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Cursor:
        cursor = self._raw.cursor()
        self.description = None

        def described(running: apsw.Cursor, _: str, __: Any) -> bool:
            columns = running.get_description()
            self.description = [(column[0], *(None,) * 6) for column in columns] or None
            return True

        cursor.exec_trace = described
        before = self._raw.total_changes()
        self._rows = iter(translated(lambda: list(cursor.execute(statement, tuple(parameters)))))
        self.rowcount = -1 if self.description else self._raw.total_changes() - before
        self.lastrowid = self._raw.last_insert_rowid()
        return self

    def executemany(self, statement: str, many: Iterable[Sequence[Any]]) -> Cursor:
        changed = 0
        for parameters in many:
            self.execute(statement, parameters)
            changed += self.rowcount
        self.rowcount = changed
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        return [row for row, _ in zip(self._rows, range(size), strict=False)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)

    def close(self) -> None:
        self._rows = iter(())


def translated(call: Any, *arguments: Any, **named: Any) -> Any:
    """APSW's exceptions as those of the module, in SQLite's words."""
    try:
        return call(*arguments, **named)
    except apsw.ConstraintError as error:
        raise IntegrityError(str(error)) from error
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise DatabaseError(str(error)) from error
    except apsw.Error as error:
        raise OperationalError(SAID.get(type(error), str(error))) from error
