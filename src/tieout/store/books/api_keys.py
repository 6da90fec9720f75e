"""Keys of the HTTP interface. A key is kept for ever, as the digest of its token; it can be revoked, once."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Engine, select, update

from tieout.contract.api_key import ApiKey, KeyRole
from tieout.kernel.errors import NotFound, shown
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant
from tieout.store.books.folios import note_change
from tieout.store.books.schema import api_key
from tieout.store.books.writing import insert_rows, writing


class NoSuchApiKey(NotFound):
    """There is no unrevoked key of that id."""

    code = "no-such-api-key"

    def __init__(self, key_id: str) -> None:
        super().__init__(f"There is no unrevoked API key {shown(key_id)} here; `tieout key list` shows all.")


@dataclass(frozen=True, slots=True)
class SqlApiKeys:
    """The port `ApiKeyStore`."""

    engine: Engine

    def all(self) -> tuple[ApiKey, ...]:
        query = select(api_key).order_by(api_key.c.created_at, api_key.c.key_id)
        with self.engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            ApiKey(
                key_id=KeyId(row["key_id"]),
                name=row["name"],
                role=KeyRole(row["role"]),
                secret_sha256=bytes(row["secret_sha256"]),
                sources=tuple(json.loads(row["sources"])),
                created_at=Instant(row["created_at"]),
                revoked_at=None if row["revoked_at"] is None else Instant(row["revoked_at"]),
            )
            for row in rows
        )

    def add(self, key: ApiKey) -> None:
        row = {
            "key_id": key.key_id,
            "name": key.name,
            "role": key.role.value,
            "secret_sha256": key.secret_sha256,
            "sources": json.dumps(key.sources),
            "created_at": key.created_at,
            "revoked_at": key.revoked_at,
        }
        with writing(self.engine) as connection:
            insert_rows(connection, api_key, [row])

    def revoke(self, key_id: KeyId, *, at: Instant) -> None:
        """Raises `NoSuchApiKey`."""
        active = (api_key.c.key_id == key_id) & api_key.c.revoked_at.is_(None)
        with writing(self.engine) as connection:
            changed = connection.execute(update(api_key).where(active).values(revoked_at=at)).rowcount
            if changed == 1:
                note_change(connection, api_key, key_id, "revoked_at", at)
        if changed != 1:
            raise NoSuchApiKey(key_id)
