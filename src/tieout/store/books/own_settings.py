"""What customers set for themselves. Whoever adds does so one at a time, so that the numbers of the rows come
in the order of their commits, and who has read up to one has missed none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, func, select

from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.notice.notice import Notice
from tieout.ports.own_settings import Decided, NumberedSetting, Setting, SettingKind, SettingsChanged
from tieout.store.books.notices import add_notices
from tieout.store.books.schema_own import own_setting
from tieout.store.books.writing import insert_rows, writing
from tieout.store.sqlite import is_sqlite

SETTINGS_LOCK = 0x6F776E73
"""The key of the advisory lock."""
_LAST = select(func.coalesce(func.max(own_setting.c.seq), 0))


@dataclass(frozen=True, slots=True)
class SqlOwnSettings:
    """The port `OwnSettingsStore`."""

    engine: Engine

    def revision(self) -> int:
        with self.engine.connect() as connection:
            return connection.execute(_LAST).scalar_one()

    def after(self, seq: int) -> tuple[NumberedSetting, ...]:
        query = select(own_setting).where(own_setting.c.seq > seq).order_by(own_setting.c.seq)
        with self.engine.connect() as connection:
            return tuple(_numbered(row) for row in connection.execute(query).mappings())

    def add(self, settings: Sequence[Setting], *, seen: int, notices: Sequence[Notice] = ()) -> int:
        customer, at = settings[0].customer, settings[0].recorded_at
        assert all(each.customer == customer for each in settings), "of one customer"
        with writing(self.engine) as connection:
            _one_at_a_time(connection)
            if connection.execute(_LAST.where(own_setting.c.customer == customer)).scalar_one() != seen:
                raise SettingsChanged(customer)
            last: int = connection.execute(_LAST).scalar_one()
            rows = [_row(last + place, each) for place, each in enumerate(settings, start=1)]
            insert_rows(connection, own_setting, rows)
            add_notices(connection, notices, at=at)
        return last + len(rows)


def _one_at_a_time(connection: Connection) -> None:
    if not is_sqlite(connection):
        connection.execute(select(func.pg_advisory_xact_lock(SETTINGS_LOCK)))


def _row(seq: int, setting: Setting) -> dict[str, str | int | None]:
    return {
        "seq": seq,
        "customer": setting.customer,
        "kind": setting.kind.value,
        "key": setting.key,
        "version": setting.version,
        "body": setting.body,
        "person": setting.by.person,
        "reason": setting.by.reason,
        "api_key": setting.by.api_key,
        "recorded_at": setting.recorded_at,
    }


def _numbered(row: RowMapping) -> NumberedSetting:
    setting = Setting(
        CustomerId(row["customer"]),
        SettingKind(row["kind"]),
        row["key"],
        row["version"],
        row["body"],
        Decided(row["person"], row["reason"], row["api_key"]),
        Instant(row["recorded_at"]),
    )
    return NumberedSetting(row["seq"], setting)
