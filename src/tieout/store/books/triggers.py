"""The database itself refuses to change or delete what was applied, signed or sealed (law L12).

The same rule for both databases; a key may only be revoked, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_REVOKE_ONLY = (
    "OLD.revoked_at IS NOT NULL OR NEW.key_id <> OLD.key_id OR NEW.role <> OLD.role "
    "OR NEW.person <> OLD.person OR NEW.public_key <> OLD.public_key "
    "OR NEW.registered_at <> OLD.registered_at"
)


def immutability(dialect: str, tables: Mapping[str, Sequence[str]]) -> list[str]:
    """The statements that make `tables` insert-only in the `dialect` ("sqlite" or "postgresql").

    Each table comes with its unique keys, as column lists.
    """
    return _sqlite(tables) if dialect == "sqlite" else _postgresql(tables)


def insert_only(dialect: str, tables: Mapping[str, Sequence[str]]) -> list[str]:
    """The same for tables that join later, where `immutability` has run before."""
    return _sqlite_final(tables) if dialect == "sqlite" else _postgresql_final(tables)


def _sqlite(tables: Mapping[str, Sequence[str]]) -> list[str]:
    statements = _sqlite_final(tables)
    statements.append(
        "CREATE TRIGGER signing_key_no_delete BEFORE DELETE ON signing_key "
        "BEGIN SELECT RAISE(ABORT, 'a signing key is never deleted'); END"
    )
    statements.append(
        f"CREATE TRIGGER signing_key_revoke_only BEFORE UPDATE ON signing_key WHEN {_REVOKE_ONLY} "
        "BEGIN SELECT RAISE(ABORT, 'a signing key can only be revoked, once'); END"
    )
    return statements


def _sqlite_final(tables: Mapping[str, Sequence[str]]) -> list[str]:
    statements = []
    for table, unique_keys in tables.items():
        for act in ("UPDATE", "DELETE"):
            statements.append(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'a row of {table} is final: {act} refused'); END"
            )
        # INSERT OR REPLACE deletes the row it collides with, and fires no DELETE trigger by default
        collision = " OR ".join(f"({key}) = ({_new(key)})" for key in unique_keys)
        statements.append(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608 (our own names)
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {collision}) "
            f"BEGIN SELECT RAISE(ABORT, 'a row of {table} is final: REPLACE refused'); END"
        )
    return statements


def _new(columns: str) -> str:
    return ", ".join(f"NEW.{column.strip()}" for column in columns.split(","))


def _postgresql(tables: Mapping[str, Sequence[str]]) -> list[str]:
    statements = [
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'a row of % is final: % refused', TG_TABLE_NAME, TG_OP; END $$",
        "CREATE FUNCTION revoke_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_REVOKE_ONLY} THEN RAISE EXCEPTION 'a signing key can only be revoked, once'; END IF; "
        "RETURN NEW; END $$",
        *_postgresql_final(tables),
    ]
    statements.append(
        "CREATE TRIGGER signing_key_no_delete BEFORE DELETE ON signing_key "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    statements.append(
        "CREATE TRIGGER signing_key_revoke_only BEFORE UPDATE ON signing_key "
        "FOR EACH ROW EXECUTE FUNCTION revoke_only()"
    )
    return statements


def _postgresql_final(tables: Mapping[str, Sequence[str]]) -> list[str]:
    statements = []
    for table in tables:
        statements.append(
            f"CREATE TRIGGER {table}_final BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        statements.append(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    return statements
