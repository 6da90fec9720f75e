"""What a failed database says to a person, whichever driver said it: what happened, and the exit code."""

from __future__ import annotations

from sqlalchemy.exc import DatabaseError, NoResultFound, OperationalError

from tieout.kernel.errors import IntegrityViolation, TieoutError, Unavailable

DAMAGED = ("file is not a database", "malformed", "no such table", "no such column")
READ_ONLY = ("readonly database", "read-only transaction")


class DamagedStore(IntegrityViolation):
    """A database of the home is not one, or what every home has in it is gone."""

    code = "damaged-store"

    def __init__(self, what: str) -> None:
        super().__init__(f"the home is damaged: {what}. Restore it from a backup.")


class StoreUnusable(Unavailable):
    """The database refuses now: no room, no permission, no connection."""

    code = "store-unusable"

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"the database cannot be used now ({what}); nothing was changed. {advice}")


def storage_failure(error: Exception) -> TieoutError | None:
    """The refusal that a failure of a database amounts to; None for any other error, which is then a defect
    and must be seen.
    """
    if isinstance(error, NoResultFound):
        return DamagedStore("a row that every home has is gone")
    if not isinstance(error, DatabaseError):
        return None
    said = str(error.orig)
    if any(words in said for words in DAMAGED):
        return DamagedStore(f"the database says: {said}")
    if any(words in said for words in READ_ONLY):
        return StoreUnusable(said, "Its files or their folder cannot be written: see their permissions.")
    if isinstance(error, OperationalError):
        return StoreUnusable(said, "If the disk is full, free some space and try again.")
    return None
