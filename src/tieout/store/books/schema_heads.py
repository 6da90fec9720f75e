"""Heads of the log and their signatures. Rows are only added."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, Table, Text, UniqueConstraint

from tieout.store.books.schema import METADATA, in_folio

log_head = Table(
    "log_head",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("close_run", Integer, ForeignKey("close_run.id")),
    Column("statement", Text, nullable=False),
    in_folio(),
    UniqueConstraint("close_run", name="log_head_of_run"),
)
"""One for each run that seals, before it does; and heads with roots, which are of no run. `statement` is the
text that is signed."""

log_head_piece = Table(
    "log_head_piece",
    METADATA,
    Column("head", Integer, ForeignKey("log_head.number"), primary_key=True, autoincrement=False),
    Column("type", Text, primary_key=True),
    Column("contract_version", Integer, primary_key=True, autoincrement=False),
    Column("first_batch", BigInteger, primary_key=True, autoincrement=False),
    Column("last_batch", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    in_folio(),
)
"""What the root of a head is over: the pieces of the log behind the last head with roots."""

log_head_signature = Table(
    "log_head_signature",
    METADATA,
    Column("number", Integer, ForeignKey("log_head.number"), primary_key=True, autoincrement=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("signature", Text, nullable=False),
    Column("signed_at", BigInteger, nullable=False),
    in_folio(),
)
"""A row of its own, since a head that was stated without a key is signed later."""
