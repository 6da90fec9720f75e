"""A stored notice as a record, checked again as it is read."""

from __future__ import annotations

from sqlalchemy import RowMapping

from tieout.contract.notice_target import Severity
from tieout.kernel.ids import CustomerId, NoticeId, Watermark
from tieout.kernel.instant import Instant
from tieout.notice.notice import Notice


def notice_of(row: RowMapping) -> Notice:
    """Raises `MalformedNotice` where somebody else wrote the row."""
    return Notice(
        id=NoticeId(row["id"]),
        kind=row["kind"],
        customer=None if row["customer"] is None else CustomerId(row["customer"]),
        severity=Severity(row["severity"]),
        at=Instant(row["happened_at"]),
        watermark=None if row["watermark"] is None else Watermark(row["watermark"]),
        title=row["title"],
        text=row["text"],
        data=row["data"],
    )
