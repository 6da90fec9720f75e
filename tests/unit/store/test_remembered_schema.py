"""A home of a test has the schema that its migrations make, statement for statement."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.remembered_schema import Upgrade, remembering, statements
from tieout.store.sqlite import SchemaName, begin_immediate, open_engine


@pytest.mark.parametrize("schema", ["books", "log"])
def test_what_is_repeated_is_what_the_migrations_made(
    schema: SchemaName, _migrating: Upgrade, tmp_path: Path
) -> None:
    migrated: list[SchemaName] = []

    def upgrade(connection: Connection, name: SchemaName) -> None:
        migrated.append(name)
        _migrating(connection, name)

    made = remembering(upgrade)
    found = []
    for number, make in enumerate((made, made, _migrating)):
        with begin_immediate(open_engine(tmp_path / f"{number}.db", schema=schema)) as connection:
            make(connection, schema)
            found.append(statements(connection))
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
    assert migrated == [schema], "the second time from memory"
    assert found[0] == found[1] == found[2]
    assert len(found[0]) > 10
    with begin_immediate(open_engine(tmp_path / "0.db", schema=schema)) as connection:
        made(connection, schema)
    assert migrated == [schema, schema], "what holds anything is migrated"
