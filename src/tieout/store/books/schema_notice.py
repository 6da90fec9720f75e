"""The tables of notices: what is told, to whom it went, and who acknowledged it.

`notice`, its acknowledgement, the parts of a message and the attempts to send it are only added. Outbox,
messages and escalations are work: rows that move, and go when they are done.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from tieout.store.books.schema import METADATA, in_folio

notice = Table(
    "notice",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("customer", Text),
    Column("severity", Text, nullable=False),
    Column("happened_at", BigInteger, nullable=False),
    Column("watermark", BigInteger),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    in_folio(),
)

notice_outbox = Table(
    "notice_outbox",
    METADATA,
    Column("notice", Text, ForeignKey("notice.id"), primary_key=True),
    Column("recorded_at", BigInteger, nullable=False),
)
"""Notices whose targets have yet to be found; a row is made with its notice, and goes with its messages."""

notice_message = Table(
    "notice_message",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("wire_id", Text),
    Column("target", Text, nullable=False),
    Column("occasion", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("passes", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("claim", Text),
    Column("claimed_until", BigInteger),
    Column("ended_at", BigInteger),
    Column("detail", Text, nullable=False),
)
"""One message to one target. `wire_id` stays null while more notices may join."""

notice_part = Table(
    "notice_part",
    METADATA,
    Column("message", Integer, ForeignKey("notice_message.id"), primary_key=True),
    Column("notice", Text, ForeignKey("notice.id"), primary_key=True),
    in_folio(),
)

notice_sent_once = Table(
    "notice_sent_once",
    METADATA,
    Column("notice", Text, ForeignKey("notice.id"), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("occasion", Text, primary_key=True),
    in_folio(),
)
"""A notice goes to a target once for each occasion (the first, each escalation, each resend)."""

notice_attempt = Table(
    "notice_attempt",
    METADATA,
    Column("message", Integer, ForeignKey("notice_message.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("target_version", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("status", Integer),
    Column("detail", Text, nullable=False),
    Column("next_at", BigInteger),
    in_folio(),
)

notice_escalation = Table(
    "notice_escalation",
    METADATA,
    Column("notice", Text, ForeignKey("notice.id"), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("to_target", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False),
)
"""Whom to tell when nobody has acknowledged by then; a row goes when it is done or needless."""

notice_acknowledgement = Table(
    "notice_acknowledgement",
    METADATA,
    Column("notice", Text, ForeignKey("notice.id"), primary_key=True),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("api_key", Text),
    Column("idempotency_key", Text),
    Column("request_sha256", LargeBinary),
    Column("acknowledged_at", BigInteger, nullable=False),
    in_folio(),
)

Index("notice_by_time", notice.c.recorded_at, notice.c.id)
Index("notice_by_customer", notice.c.customer, notice.c.recorded_at)
Index("notice_message_by_state", notice_message.c.state, notice_message.c.due_at)
Index("notice_message_by_target", notice_message.c.target, notice_message.c.state)
Index("notice_part_by_notice", notice_part.c.notice)
Index("notice_escalation_by_time", notice_escalation.c.due_at)
Index(
    "notice_acknowledged_by_request",
    notice_acknowledgement.c.api_key,
    notice_acknowledgement.c.idempotency_key,
    unique=True,
)
