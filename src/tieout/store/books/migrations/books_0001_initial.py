"""The first tables of the books, and the triggers that keep sealed rows as they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.books.triggers import immutability

revision = "books_0001"
down_revision: str | None = None

IMMUTABLE = {
    "meta": ("name",),
    "document": ("sequence", "kind, key, version"),
    "signature": ("document_digest, role",),
    "invoice": ("id", "number", "customer, period_start, period_end, series, currency, kind, sequence"),
    "snapshot": ("id", "invoice, subscription, meter, meter_version, period_start, period_end"),
    "charge": ("id",),
    "invoice_line": ("id", "charge", "invoice, ordinal"),
}
"""Each table with its unique keys."""


def upgrade() -> None:
    _catalog()
    _closes()
    _sealed()
    op.create_index("invoice_by_customer", "invoice", ["customer", "period_start"])
    op.create_index("outcome_by_customer", "close_outcome", ["customer", "close_run"])
    op.create_index("snapshot_by_invoice", "snapshot", ["invoice"])
    op.create_index("charge_by_invoice", "charge", ["invoice"])
    for statement in immutability(op.get_bind().dialect.name, IMMUTABLE):
        op.execute(sa.DDL(statement.replace("%", "%%")))


def _text(name: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _big(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _id(name: str = "id") -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _refers(name: str, target: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, sa.ForeignKey(target), nullable=nullable)


def _run() -> sa.Column[int]:
    return sa.Column("close_run", sa.Integer, sa.ForeignKey("close_run.id"), nullable=False)


def _catalog() -> None:
    op.create_table("meta", _id("name"), _text("value"))
    op.create_table(
        "document",
        sa.Column("sequence", sa.Integer, primary_key=True),
        *(_text("kind"), _text("key"), _number("version"), _big("effective_from")),
        *(_text("path"), sa.Column("line", sa.Integer), _text("body"), _text("digest"), _big("applied_at")),
        sa.UniqueConstraint("kind", "key", "version"),
    )
    op.create_table(
        "signing_key",
        *(_id("key_id"), _text("role"), _text("person")),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        *(_big("registered_at"), _big("revoked_at", nullable=True)),
    )
    op.create_table(
        "signature",
        *(_id("document_digest"), _id("role"), _refers("key_id", "signing_key.key_id"), _text("person")),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        _big("signed_at"),
    )


def _closes() -> None:
    op.create_table(
        "close_run",
        sa.Column("id", sa.Integer, primary_key=True),
        *(_big("as_of"), _big("cutoff"), _big("cutoff_at"), _big("ended_at", nullable=True)),
    )
    op.create_table(
        "close_outcome",
        sa.Column("id", sa.Integer, primary_key=True),
        *(_run(), _text("customer"), _big("period_start", nullable=True), _big("period_end", nullable=True)),
        *(_text("outcome"), _text("reason"), _text("next_action"), _text("invoice", nullable=True)),
    )
    op.create_table("number_series", _id("series"), _big("last_number"))


def _sealed() -> None:
    op.create_table(
        "invoice",
        *(_id(), sa.Column("number", sa.Text, nullable=False, unique=True), _text("customer")),
        *(_big("period_start"), _big("period_end"), _text("series"), _text("currency"), _text("kind")),
        *(_number("sequence"), _big("total_minor"), _big("cutoff"), _text("policy_digest")),
        *(sa.Column("document", sa.LargeBinary, nullable=False), _text("sha256"), _big("sealed_at"), _run()),
        sa.UniqueConstraint(
            "customer", "period_start", "period_end", "series", "currency", "kind", "sequence"
        ),
    )
    op.create_table(
        "snapshot",
        *(_id(), _refers("invoice", "invoice.id"), _text("customer"), _text("subscription"), _text("meter")),
        *(_number("meter_version"), _text("meter_digest"), _text("unit"), _big("period_start")),
        *(
            _big("period_end"),
            _big("watermark"),
            _text("quantity"),
            _big("event_count"),
            _text("fingerprint"),
        ),
        *(_big("excluded_count"), _text("event_type"), _text("predicate")),
        sa.UniqueConstraint(
            "invoice", "subscription", "meter", "meter_version", "period_start", "period_end"
        ),
    )
    op.create_table(
        "charge",
        *(_id(), _refers("invoice", "invoice.id"), _refers("snapshot", "snapshot.id", nullable=True)),
        *(_text("subscription"), _text("price"), _number("price_version"), _text("price_digest")),
        *(_text("plan"), _number("plan_version"), _big("period_start"), _big("period_end")),
        *(_big("segment_start"), _big("segment_end"), _text("quantity"), _text("unit")),
        *(_text("amount"), _text("steps")),
    )
    op.create_table(
        "invoice_line",
        *(_id(), _refers("invoice", "invoice.id"), _number("ordinal")),
        sa.Column("charge", sa.Text, sa.ForeignKey("charge.id"), nullable=False, unique=True),
        *(_text("description"), _text("meter", nullable=True), _text("quantity")),
        *(_text("unit"), _big("amount_minor")),
        sa.UniqueConstraint("invoice", "ordinal"),
    )
