"""Retracted identities beside DuckDB's events: a join that is there only where something is retracted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from duckdb import DuckDBPyConnection

from tieout.ports import LogManifest
from tieout.table.packed import ID, ID_TEXT, ID_UUID
from tieout.table.retracted import known_at

UUID_GROUPS: Final = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
"""Where each group of a UUID's digits starts, counted from 1, and how long it is."""
RETRACTED = "retracted_identities"


@dataclass(frozen=True, slots=True)
class RetractedSql:
    """What to add to a select from `events`: a join, and the BOOLEAN that says whether a row is retracted."""

    join: str
    flag: str


NOBODY = RetractedSql(join="", flag="FALSE")
SOMEBODY = RetractedSql(
    join=(
        f'LEFT JOIN {RETRACTED} ON events."source" = {RETRACTED}."source" AND events."id" = {RETRACTED}."id"'
    ),
    flag=f'({RETRACTED}."id" IS NOT NULL)',
)


def anything_retracted(manifest: LogManifest) -> bool:
    """Whether any retraction stands at or before the watermark."""
    return known_at(manifest.retracted, int(manifest.watermark)).num_rows > 0


def register_retracted(connection: DuckDBPyConnection, manifest: LogManifest) -> RetractedSql:
    """Makes each identity retracted as of the watermark known to `connection` once, so that a join with it
    adds no row.
    """
    if not anything_retracted(manifest):
        return NOBODY
    known = known_at(manifest.retracted, int(manifest.watermark))
    connection.register(RETRACTED, known.group_by(["source", "id"]).aggregate([]))
    return SOMEBODY


def id_sql(names: Collection[str]) -> str:
    """The text of the id in a part with these columns: as it is, or out of the two columns that segments
    store it in.
    """
    digits = f'lower(hex("{ID_UUID}"))'
    groups = [f"substr({digits}, {start}, {length})" for start, length in UUID_GROUPS]
    forms = {ID: f'"{ID}"', ID_TEXT: f'"{ID_TEXT}"', ID_UUID: " || '-' || ".join(groups)}
    return f"coalesce({', '.join(form for name, form in forms.items() if name in names)})"
