"""What a failed database says to a person, whichever driver said it: what happened, and the exit code."""

from __future__ import annotations

from sqlalchemy.exc import DatabaseError, DBAPIError, NoResultFound, OperationalError

from tieout.kernel.errors import IntegrityViolation, TieoutError, Unavailable

DAMAGED = ("file is not a database", "malformed", "no such table", "no such column")
SQLITE_IOERR = 10
FAILED_IO = ("disk i/o error", "input/output error", "could not fsync", "panic")
UNREACHABLE = ("connection failed", "connection is bad", "failed to resolve", "could not translate host")
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


class DiskFailed(Unavailable):
    """The disk did not do what it was told. Whether the last change is stored is known only after a restart
    (decision 0024); nobody was told that it is.
    """

    code = "disk-failed"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the disk failed ({what}); what was not acknowledged may or may not be stored. If the disk is "
            "full, free some space; else see to it. Then repeat the command: nothing is counted twice."
        )


def storage_failure(error: Exception) -> TieoutError | None:
    """The refusal that a failure of a database amounts to; None for any other error, which is then a defect
    and must be seen.
    """
    if isinstance(error, NoResultFound):
        return DamagedStore("a row that every home has is gone")
    if not isinstance(error, DatabaseError):
        return None
    said = str(error.orig)
    if is_io_failure(error):
        return DiskFailed(said)
    if any(words in said for words in DAMAGED):
        return DamagedStore(f"the database says: {said}")
    if any(words in said for words in READ_ONLY):
        return StoreUnusable(said, "Its files or their folder cannot be written: see their permissions.")
    if any(words in said for words in UNREACHABLE):
        return StoreUnusable(_one_line(said), "See to its URL, its server and the network, and try again.")
    if isinstance(error, OperationalError):
        return StoreUnusable(said, "If the disk is full, free some space and try again.")
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def is_io_failure(error: BaseException | None) -> bool:
    """Whether a disk failed under the database: what was written then, and what is read now, is not known."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError)
    code = getattr(error.orig, "sqlite_errorcode", None)
    if isinstance(code, int):
        return code & 0xFF == SQLITE_IOERR
    return any(words in str(error.orig).lower() for words in FAILED_IO)
