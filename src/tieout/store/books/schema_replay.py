"""The table of results of replays. Rows are only added."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text, UniqueConstraint

from tieout.store.books.schema import METADATA, in_folio

replay_result = Table(
    "replay_result",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    in_folio(),
    UniqueConstraint("digest", name="replay_result_digest"),
)
"""Numbered from 1 without a gap. `document` is the text of the result, `digest` its SHA-256."""
