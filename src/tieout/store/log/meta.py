"""Which home a log belongs to."""

from __future__ import annotations

from sqlalchemy import Engine, select

from tieout.kernel.ids import HomeId
from tieout.store.log.schema import meta


def log_home_id(engine: Engine) -> HomeId | None:
    """The id the log was made with; None where none was made yet."""
    with engine.connect() as connection:
        found = connection.execute(select(meta.c.value).where(meta.c.name == "home_id")).scalar_one_or_none()
    return None if found is None else HomeId(bytes(found).decode())
