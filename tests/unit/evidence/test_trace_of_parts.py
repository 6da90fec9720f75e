"""A line that goes on from earlier parts of its period is traced with what it says of them, and held against
the lines of those parts."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from tests.scenarios.frame import HERE, Playing, play_step
from tests.scenarios.steps_policy import POLICY
from tieout.cli.demo.stage import set_stage, sign_policy
from tieout.evidence.printed import printed_differences
from tieout.evidence.stored import StoredEvidence
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.trace_line import trace
from tieout.kernel.canonical import JsonNumber, canonical_json
from tieout.kernel.ids import LineId
from tieout.kernel.instant import parse_instant


@pytest.fixture
def last_line(tmp_path: Path) -> StoredEvidence:
    """The third part of the calls of `tiers_continue`; four calls came before it."""
    stage = set_stage(tmp_path / "home", now=parse_instant("2026-01-02T00:00:00Z"))
    with stage.home:
        sign_policy(stage, POLICY.format(effective_from="2026-01-02T00:00:00Z"))
        apply_catalog(stage.home, HERE / "tiers_continue" / "catalog")
        read = {"at": "2026-07-01T06:00:00Z", "read": "june.ndjson", "accepted": 7, "duplicate": 0}
        play_step(Playing(stage, HERE / "tiers_continue", {}), read)
        play_step(Playing(stage, HERE / "tiers_continue", {}), {"at": "2026-07-03T00:00:00Z", "close": True})
        (row,) = list_invoices(stage.home)
        line = LineId(json.loads(show_invoice(stage.home, row.id).document)["lines"][-1]["id"])
        traced = trace(stage.home, line)
        assert traced.reproduced.matches and traced.charge.terms == '{"prior_quantity":"4"}'
        found = stage.home.books.invoices.evidence(line)
    assert found is not None
    return found


def names(stored: StoredEvidence) -> list[tuple[str, str]]:
    return [(each.expected, each.found) for each in printed_differences(stored)]


def test_a_changed_row_is_named(last_line: StoredEvidence) -> None:
    assert names(last_line) == []
    for terms in ('{"prior_quantity":"5"}', None):
        changed = replace(last_line, charge=replace(last_line.charge, terms=terms))
        assert names(changed) == [('terms {"prior_quantity":"4"}', f"terms {terms or '{}'}")]


def test_a_document_whose_lines_do_not_add_up_to_what_it_says_of_them_is_named(
    last_line: StoredEvidence,
) -> None:
    """Row and document agree, and both are wrong: the lines before hold four calls, not five."""
    document = json.loads(last_line.invoice.document, parse_int=JsonNumber)
    document["lines"][-1]["terms"]["prior_quantity"] = "5"
    body = canonical_json(document).encode()
    invoice = replace(last_line.invoice, document=body, sha256=sha256(body).hexdigest())
    charge = replace(last_line.charge, terms='{"prior_quantity":"5"}')
    assert names(replace(last_line, invoice=invoice, charge=charge)) == [("usage before 4", "usage before 5")]
