"""Every sealed invoice of a story as an evidence pack: the verifier finds nothing, and stock DuckDB counts
the same from the Parquet file and from the CSV, and derives the stated roots. A sample of the
stories by default, all in the long run.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import duckdb

from tieout.cli.demo.stage import Stage
from tieout.evidence.pack.minisign import public_key_text
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.build_pack import build_pack
from tieout.flows.invoices import list_invoices
from tieout.gateways.signing import KeyFileExists

SAMPLE = frozenset(
    {
        "active_users_unique",
        "average_seats",
        "bytes_billed_in_gigabytes",
        "coupon_percent",
        "interim_volume_price_drops",
        "late_event_in_a_higher_tier",
        "lines_by_region",
        "manual_credit_approved_by_another",
        "peak_seats_max",
        "retraction_before_the_close",
        "reserved_floor_min",
        "storage_gb_hours_time_weighted",
        "tax_exclusive",
        "wallet_top_up",
    }
)
"""All aggregations, and each kind of line beside them."""


def check_packs(stage: Stage, story: str, folder: Path) -> None:
    if story not in SAMPLE and not os.environ.get("TIEOUT_TEST_LONG"):
        return
    try:
        public = stage.home.installation_key.create()
    except KeyFileExists:  # the story made it
        public = stage.home.installation_key.public_key()
    key = public_key_text(public).encode()
    for row in list_invoices(stage.home):
        if row.status == "draft":
            continue
        content = build_pack(stage.home, row.id).content
        assert verify_pack(content, key).breaks == []
        _count_with_duckdb(content, folder / f"pack-{row.id}")


def _count_with_duckdb(content: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as pack:
        pack.extractall(folder)
    queries = [(query, 3) for query in folder.glob("usage/*/quantity.sql")]
    queries += [(query, 2) for query in folder.glob("usage/*/proof.sql")]
    for query, least in queries:
        with duckdb.connect() as connection:
            connection.execute(f"SET file_search_path = '{query.parent}'")
            answers = [
                row
                for statement in duckdb.extract_statements(query.read_text())
                for row in connection.execute(statement).fetchall()
            ]
        agreeing = [row for row in answers if len(row) > 1]
        assert len(agreeing) >= least and all(row[-1] is True for row in agreeing), (query, agreeing)
