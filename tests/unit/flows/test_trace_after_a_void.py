"""A fee that is given back is the one that stood when its line was sealed, not that of a voided paper."""

from __future__ import annotations

import json
from pathlib import Path

from tests.interims import CATALOG, close_at, interim_home, send
from tests.unit.flows.test_coupons_beside_credits import FEE
from tieout.flows.correct import approve, preview
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.flows.void_invoice import void_invoice
from tieout.kernel.ids import LineId
from tieout.kernel.instant import parse_instant


def test_every_line_is_reproduced_where_the_paper_that_billed_a_fee_was_voided(tmp_path: Path) -> None:
    catalog = CATALOG.replace('prices = ["egress-usd"]', 'prices = ["egress-usd", "base-fee"]') + FEE
    stage = interim_home(tmp_path, rule="", catalog=catalog)
    with stage.home:
        send(stage, "2026-01-10T00:00:00Z", ("a", "2026-01-05T00:00:00Z", "10", "eu"))
        close_at(stage, "2026-02-02T13:00:00Z")
        stage.clock.set_to(parse_instant("2026-02-03T00:00:00Z"))
        void_invoice(stage.home, "S-000001", person="Ann", reason="the wrong address", approved_by="Bob")
        close_at(stage, "2026-02-04T00:00:00Z")
        better = FEE.replace("version = 1", "version = 2\nsupersedes = 1").replace("31.00", "20.00")
        (tmp_path / "fee.toml").write_text(better)
        stage.clock.set_to(parse_instant("2026-02-05T00:00:00Z"))
        report = preview(stage.home, person="Ann", reason="a typo", catalog_folder=tmp_path / "fee.toml")
        assert report.digest is not None
        approve(stage.home, report.digest, person="Bob", reason="seen")
        close_at(stage, "2026-03-02T13:00:00Z")
        papers = [json.loads(show_invoice(stage.home, row.id).document) for row in list_invoices(stage.home)]
        lines = [line for paper in papers for line in paper["lines"]]
        assert [line["amount"] for line in lines if "unused part" in line["description"]] == ["-31.00"]
        for line in lines:
            assert trace(stage.home, LineId(line["id"])).reproduced.matches, line["description"]
        assert verify_books(stage.home).findings == ()
