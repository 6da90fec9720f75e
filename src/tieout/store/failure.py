"""What a database that cannot be used now says to a person, whichever driver said it."""

from __future__ import annotations

from sqlalchemy.exc import OperationalError


def storage_failure(error: Exception) -> str | None:
    """A sentence for an operational failure of a database (no room, no permission, no connection); None for
    any other error, which is then a defect and must be seen.
    """
    if not isinstance(error, OperationalError):
        return None
    return (
        f"the database cannot be used now ({error.orig}); nothing was changed. "
        "If the disk is full, free some space and try again."
    )
