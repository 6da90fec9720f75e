"""Registered keys and recorded signatures. Both are for ever; a key can be revoked, once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.exc import IntegrityError

from tieout.contract.policy import signer_role
from tieout.contract.signature import Signature, SigningKey
from tieout.kernel.errors import ConflictError, NotFound
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant
from tieout.store.books.folios import note_change
from tieout.store.books.schema import signature, signing_key
from tieout.store.books.writing import insert_rows, writing


class KeyExists(ConflictError):
    """A public key is registered once: for one role of one person."""

    code = "key-exists"

    def __init__(self, key_id: str) -> None:
        super().__init__(f"The key {key_id} is registered already.")


class SignatureExists(ConflictError):
    """A role signs a document once."""

    code = "signature-exists"

    def __init__(self, role: str, digest: str) -> None:
        super().__init__(f"{role} has signed the document {digest[:16]} already.")


class NoSuchActiveKey(NotFound):
    """There is no registered, unrevoked key of that id."""

    code = "no-such-key"

    def __init__(self, key_id: str) -> None:
        super().__init__(f"No unrevoked key {key_id} is registered.")


@dataclass(frozen=True, slots=True)
class SqlSignatures:
    """The port `SignatureStore`."""

    engine: Engine

    def signing_keys(self) -> tuple[SigningKey, ...]:
        query = select(signing_key).order_by(signing_key.c.registered_at, signing_key.c.key_id)
        with self.engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            SigningKey(
                key_id=row["key_id"],
                role=signer_role(row["role"]),
                person=row["person"],
                public_key=bytes(row["public_key"]),
                registered_at=Instant(row["registered_at"]),
                revoked_at=None if row["revoked_at"] is None else Instant(row["revoked_at"]),
            )
            for row in rows
        )

    def add_key(self, key: SigningKey) -> None:
        """Raises `KeyExists`."""
        try:
            with writing(self.engine) as connection:
                insert_rows(connection, signing_key, [_key_row(key)])
        except IntegrityError as error:
            raise KeyExists(key.key_id) from error

    def revoke_key(self, key_id: KeyId, *, at: Instant) -> None:
        """From `at` on, and after all that it signed, also where the clock has stepped back since. Raises
        `NoSuchActiveKey`."""
        active = (signing_key.c.key_id == key_id) & signing_key.c.revoked_at.is_(None)
        with writing(self.engine) as connection:
            after = _after_signatures(connection, key_id, at)
            changed = connection.execute(update(signing_key).where(active).values(revoked_at=after)).rowcount
            if changed == 1:
                note_change(connection, signing_key, key_id, "revoked_at", after)
        if changed != 1:
            raise NoSuchActiveKey(key_id)

    def rotate_key(self, old: KeyId, new: SigningKey) -> None:
        """Both in one transaction, after all that the old one signed. Raises `NoSuchActiveKey` or
        `KeyExists`."""
        active = (signing_key.c.key_id == old) & signing_key.c.revoked_at.is_(None)
        try:
            with writing(self.engine) as connection:
                new = replace(new, registered_at=_after_signatures(connection, old, new.registered_at))
                changed = connection.execute(
                    update(signing_key).where(active).values(revoked_at=new.registered_at)
                ).rowcount
                if changed != 1:
                    raise NoSuchActiveKey(old)
                note_change(connection, signing_key, old, "revoked_at", new.registered_at)
                insert_rows(connection, signing_key, [_key_row(new)])
        except IntegrityError as error:
            raise KeyExists(new.key_id) from error

    def count(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(signature)).scalar_one())

    def signatures(self) -> tuple[Signature, ...]:
        query = select(signature).order_by(
            signature.c.signed_at, signature.c.document_digest, signature.c.role
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            Signature(
                role=signer_role(row["role"]),
                key_id=row["key_id"],
                person=row["person"],
                document_digest=row["document_digest"],
                signature=bytes(row["signature"]),
                signed_at=Instant(row["signed_at"]),
            )
            for row in rows
        )

    def add(self, added: Signature) -> None:
        """Raises `SignatureExists`."""
        row = {
            "document_digest": added.document_digest,
            "role": added.role.value,
            "key_id": added.key_id,
            "person": added.person,
            "signature": added.signature,
            "signed_at": added.signed_at,
        }
        try:
            with writing(self.engine) as connection:
                insert_rows(connection, signature, [row])
        except IntegrityError as error:
            raise SignatureExists(added.role.value, added.document_digest) from error


def _after_signatures(connection: Connection, key_id: KeyId, at: Instant) -> Instant:
    """What a key has signed stays signed: it ends after that."""
    last = select(func.max(signature.c.signed_at)).where(signature.c.key_id == key_id)
    found = connection.execute(last).scalar_one()
    return at if found is None or found < at else Instant(found + 1)


def _key_row(key: SigningKey) -> dict[str, object]:
    return {
        "key_id": key.key_id,
        "role": key.role.value,
        "person": key.person,
        "public_key": key.public_key,
        "registered_at": key.registered_at,
        "revoked_at": key.revoked_at,
    }
