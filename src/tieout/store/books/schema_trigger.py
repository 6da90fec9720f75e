"""The tables of alerts and charge controls: what changed at which threshold, how far was looked, what is held
and asked."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from tieout.store.books.schema import METADATA, in_folio

trigger_change = Table(
    "trigger_change",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("rule_kind", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("customer", Text, nullable=False),
    Column("period_start", BigInteger, nullable=False),
    Column("period_end", BigInteger, nullable=False),
    Column("threshold", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("value", Text, nullable=False),
    Column("whole", Text),
    Column("unit", Text, nullable=False),
    Column("watermark", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    in_folio(),
    UniqueConstraint(
        *("rule_kind", "rule", "rule_version", "customer", "period_start", "threshold"),
        *("kind", "ordinal"),
        name="trigger_change_once",
    ),
    Index("trigger_change_of_customer", "customer", "period_start"),
)

trigger_cursor = Table(
    "trigger_cursor",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("watermark", BigInteger, nullable=False),
    Column("looked_at", BigInteger, nullable=False),
)

hold = Table(
    "hold",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("features", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("change", Text, ForeignKey("trigger_change.id")),
    in_folio(),
    Index("hold_of_customer", "customer"),
)

hold_release = Table(
    "hold_release",
    METADATA,
    Column("hold", Text, ForeignKey("hold.id"), primary_key=True),
    Column("person", Text),
    Column("reason", Text, nullable=False),
    Column("change", Text, ForeignKey("trigger_change.id")),
    Column("released_at", BigInteger, nullable=False),
    in_folio(),
)

exposure_review = Table(
    "exposure_review",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("change", Text, ForeignKey("trigger_change.id"), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    in_folio(),
)

exposure_review_decision = Table(
    "exposure_review_decision",
    METADATA,
    Column("review", Text, ForeignKey("exposure_review.id"), primary_key=True),
    Column("decision", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("hold", Text, ForeignKey("hold.id")),
    Column("decided_at", BigInteger, nullable=False),
    in_folio(),
)

interim_request = Table(
    "interim_request",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("period_start", BigInteger, nullable=False),
    Column("period_end", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("change", Text, ForeignKey("trigger_change.id"), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    in_folio(),
)

interim_answer = Table(
    "interim_answer",
    METADATA,
    Column("request", Text, ForeignKey("interim_request.id"), primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("invoice", Text),
    Column("answered_at", BigInteger, nullable=False),
    in_folio(),
)
