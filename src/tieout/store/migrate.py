"""Brings a database to the schema of this version; refuses one that a newer version has written.

A revision is a file `<schema>_NNNN_<name>.py` in `store/<schema>/migrations`; its id is `<schema>_NNNN`.
Alembic is imported only when there is something to migrate, since opening a home is on the path of every
command.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from tieout.kernel.errors import Refusal
from tieout.store.sqlite import SchemaName, begin_immediate

VERSION_TABLE = "schema_version"
_STORE = Path(__file__).parent


class NewerSchema(Refusal):
    """The database was written by a later version of Tieout; reading it could misread it."""

    code = "newer-schema"

    def __init__(self, place: str, found: str, ours: str) -> None:
        super().__init__(
            f"{place} has schema {found}, which this version of Tieout (schema {ours}) does not know; "
            "it was written by a newer version. Install that version to open it."
        )


def revisions(schema: SchemaName) -> tuple[str, ...]:
    """The revision ids this version knows, oldest first."""
    files = sorted((_STORE / schema / "migrations").glob(f"{schema}_[0-9][0-9][0-9][0-9]_*.py"))
    return tuple(file.name[: len(schema) + 5] for file in files)


def schema_version(engine: Engine) -> str | None:
    """The revision the database is at; None where it is empty."""
    with engine.connect() as connection:
        return _version(connection)


def prepare_schema(engine: Engine, *, schema: SchemaName, place: str) -> None:
    """Migrates the database up to our head revision, all or nothing. Raises `NewerSchema`, naming `place`."""
    known = revisions(schema)
    found = schema_version(engine)
    if found == known[-1]:
        return
    if found is not None and found not in known:
        raise NewerSchema(place, found, known[-1])
    with begin_immediate(engine) as connection:
        if (
            _version(connection) != known[-1]
        ):  # another process may have migrated while we waited for the lock
            _upgrade(connection, schema)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text("SELECT version_num FROM schema_version")).scalar_one_or_none()
    return None if found is None else str(found)


def _upgrade(connection: Connection, schema: SchemaName) -> None:
    from alembic import command  # noqa: PLC0415 - costs 0.2 s, needed once in the life of a home
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(_STORE / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(_STORE / schema / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
