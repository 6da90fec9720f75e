"""The schema of a new home, made by its migrations once in a test process and from then on by what these
left: tests make a thousand homes. Databases that hold anything, and PostgreSQL, are always migrated.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, text

from tieout.store import migrate
from tieout.store.sqlite import SchemaName, is_sqlite

Upgrade = Callable[[Connection, SchemaName], None]
DEFINITIONS = text("SELECT type, name, sql FROM sqlite_master ORDER BY rowid")


def remembering(upgrade: Upgrade) -> Upgrade:
    """`upgrade`, which a second time repeats the statements that made what it made of an empty database."""
    remembered: dict[tuple[SchemaName, str], list[str]] = {}

    def made(connection: Connection, schema: SchemaName) -> None:
        head = (schema, migrate.revisions(schema)[-1])
        if not is_sqlite(connection) or connection.execute(DEFINITIONS).all():
            upgrade(connection, schema)
        elif head in remembered:
            for statement in remembered[head]:
                connection.exec_driver_sql(statement)
        else:
            upgrade(connection, schema)
            remembered[head] = statements(connection)

    return made


def statements(connection: Connection) -> list[str]:
    """What makes the definitions and rows of this database out of an empty one."""
    definitions = connection.execute(DEFINITIONS).all()
    found = [sql for kind, _, sql in definitions if kind == "table" and sql is not None]
    for kind, name, _ in definitions:
        if kind == "table" and not name.startswith("sqlite_"):
            found += _inserts(connection, name)
    return found + [sql for kind, _, sql in definitions if kind != "table" and sql is not None]


def _inserts(connection: Connection, table: str) -> list[str]:
    rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"').all()
    assert all(isinstance(cell, str | bytes | int | None) for row in rows for cell in row), table
    return [f'INSERT INTO "{table}" VALUES ({", ".join(map(_literal, row))})' for row in rows]


def _literal(cell: str | bytes | int | None) -> str:
    if isinstance(cell, str):
        return "'" + cell.replace("'", "''") + "'"
    if isinstance(cell, bytes):
        return f"X'{cell.hex()}'"
    return "NULL" if cell is None else str(cell)
