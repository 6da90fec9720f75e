"""Notices and their delivery. Each area has a function of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.books.triggers import insert_only

revision = "books_0006"
down_revision = "books_0005"
branch_labels = None
depends_on = None

NOTICES_INSERT_ONLY: dict[str, tuple[str, ...]] = {
    "notice": ("id",),
    "notice_part": ("message, notice",),
    "notice_sent_once": ("notice, target, occasion",),
    "notice_attempt": ("message, ordinal",),
    "notice_acknowledgement": ("notice",),
}
TRIGGERS_INSERT_ONLY: dict[str, tuple[str, ...]] = {
    "trigger_change": ("id",),
    "hold": ("id",),
    "hold_release": ("hold",),
    "exposure_review": ("id",),
    "exposure_review_decision": ("review",),
    "interim_request": ("id",),
    "interim_answer": ("request",),
}


def upgrade() -> None:
    _notices()
    _triggers()
    _questions()
    for statement in insert_only(op.get_bind().dialect.name, NOTICES_INSERT_ONLY | TRIGGERS_INSERT_ONLY):
        op.execute(sa.DDL(statement.replace("%", "%%")))


def _notices() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("customer", sa.Text),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("happened_at", sa.BigInteger, nullable=False),
        sa.Column("watermark", sa.BigInteger),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "notice_outbox",
        sa.Column("notice", sa.Text, sa.ForeignKey("notice.id"), primary_key=True),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "notice_acknowledgement",
        sa.Column("notice", sa.Text, sa.ForeignKey("notice.id"), primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("api_key", sa.Text),
        sa.Column("idempotency_key", sa.Text),
        sa.Column("request_sha256", sa.LargeBinary),
        sa.Column("acknowledged_at", sa.BigInteger, nullable=False),
    )
    op.create_index("notice_by_time", "notice", ["recorded_at", "id"])
    op.create_index("notice_by_customer", "notice", ["customer", "recorded_at"])
    op.create_index(
        "notice_acknowledged_by_request",
        "notice_acknowledgement",
        ["api_key", "idempotency_key"],
        unique=True,
    )
    _messages()


def _messages() -> None:
    op.create_table(
        "notice_message",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("wire_id", sa.Text),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("occasion", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("passes", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("claim", sa.Text),
        sa.Column("claimed_until", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_table(
        "notice_part",
        sa.Column("message", sa.Integer, sa.ForeignKey("notice_message.id"), primary_key=True),
        sa.Column("notice", sa.Text, sa.ForeignKey("notice.id"), primary_key=True),
    )
    op.create_table(
        "notice_sent_once",
        sa.Column("notice", sa.Text, sa.ForeignKey("notice.id"), primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("occasion", sa.Text, primary_key=True),
    )
    op.create_table(
        "notice_attempt",
        sa.Column("message", sa.Integer, sa.ForeignKey("notice_message.id"), primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("target_version", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("next_at", sa.BigInteger),
    )
    op.create_table(
        "notice_escalation",
        sa.Column("notice", sa.Text, sa.ForeignKey("notice.id"), primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True),
        sa.Column("to_target", sa.Text, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
    )
    op.create_index("notice_message_by_state", "notice_message", ["state", "due_at"])
    op.create_index("notice_message_by_target", "notice_message", ["target", "state"])
    op.create_index("notice_part_by_notice", "notice_part", ["notice"])
    op.create_index("notice_escalation_by_time", "notice_escalation", ["due_at"])


def _triggers() -> None:
    op.create_table(
        "trigger_change",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("rule_kind", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("rule_version", sa.Integer, nullable=False),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("period_start", sa.BigInteger, nullable=False),
        sa.Column("period_end", sa.BigInteger, nullable=False),
        sa.Column("threshold", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("whole", sa.Text),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("watermark", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint(
            *("rule_kind", "rule", "rule_version", "customer", "period_start", "threshold"),
            *("kind", "ordinal"),
            name="trigger_change_once",
        ),
    )
    op.create_index("trigger_change_of_customer", "trigger_change", ["customer", "period_start"])
    op.create_table(
        "trigger_cursor",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("watermark", sa.BigInteger, nullable=False),
        sa.Column("looked_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "hold",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("features", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placed_by", sa.Text, nullable=False),
        sa.Column("placed_at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger),
        sa.Column("change", sa.Text, sa.ForeignKey("trigger_change.id")),
    )
    op.create_index("hold_of_customer", "hold", ["customer"])
    op.create_table(
        "hold_release",
        sa.Column("hold", sa.Text, sa.ForeignKey("hold.id"), primary_key=True),
        sa.Column("person", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("change", sa.Text, sa.ForeignKey("trigger_change.id")),
        sa.Column("released_at", sa.BigInteger, nullable=False),
    )


def _questions() -> None:
    op.create_table(
        "exposure_review",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("change", sa.Text, sa.ForeignKey("trigger_change.id"), nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "exposure_review_decision",
        sa.Column("review", sa.Text, sa.ForeignKey("exposure_review.id"), primary_key=True),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("hold", sa.Text, sa.ForeignKey("hold.id")),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "interim_request",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("period_start", sa.BigInteger, nullable=False),
        sa.Column("period_end", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("change", sa.Text, sa.ForeignKey("trigger_change.id"), nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "interim_answer",
        sa.Column("request", sa.Text, sa.ForeignKey("interim_request.id"), primary_key=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("invoice", sa.Text),
        sa.Column("answered_at", sa.BigInteger, nullable=False),
    )
