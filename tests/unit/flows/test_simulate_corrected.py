"""What was corrected, noted, voided or added by hand has no part in the price of a period that is worked out
again: under the catalog as it stands, each final invoice comes to what it was sealed at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.frame import HERE
from tests.scenarios.play import played
from tieout.flows.invoices import list_invoices
from tieout.flows.simulate_prices import NotSimulated, simulate

STORIES = (
    "corrected_ten_times",
    "coupons_of_corrected_months",
    "credit_note_after_payment",
    "late_event_lowers_a_volume_bill",
    "late_event_under_an_annual_commitment",
    "late_paths_under_a_commitment",
    "manual_credit_approved_by_another",
    "tax_rate_between_original_and_correction",
    "void_with_a_replacement",
)


@pytest.mark.parametrize("story", STORIES)
def test_each_final_invoice_that_stands_comes_out_as_it_was_sealed(story: str, tmp_path: Path) -> None:
    stage = played(story, tmp_path)
    with stage.home:
        found = simulate(stage.home, HERE / story / "catalog").invoices
        assert [(each.number, each.problem) for each in found if each.differs or each.problem] == []
        assert [each.drift for each in found if each.drift is None or each.drift.minor] == []
        finals = {
            row.number for row in list_invoices(stage.home) if row.kind == "final" and row.status == "sealed"
        }
        assert {each.number for each in found} == finals


def test_a_note_has_no_price_of_its_own(tmp_path: Path) -> None:
    stage = played("late_event_lowers_a_volume_bill", tmp_path)
    with stage.home:
        (note,) = [row for row in list_invoices(stage.home) if row.kind == "note"]
        with pytest.raises(NotSimulated, match=f"{note.number} is of kind note"):
            simulate(stage.home, HERE / "late_event_lowers_a_volume_bill" / "catalog", invoice=note.number)
