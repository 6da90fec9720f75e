"""Runners translate and compare; what they compare was computed by the product."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import tieout
from tests.vectors.dispositions import SUITES
from tests.vectors.test_vectors import runners
from tieout.kernel.calendar import period_at

PACKAGE = Path(tieout.__file__).parent

CHARGE = ("contract/check.py", "close/segments.py", "aggregate/measure.py", "rate/rate.py")
INVOICE = (*CHARGE, "invoice/draft.py", "invoice/line.py", "kernel/rounding.py")
PART = ("contract/check.py", "kernel/calendar.py", "close/segments.py")
FEE = (*PART, "rate/rate.py", "rate/shape_flat.py")
FEE_INVOICE = (*FEE, "invoice/draft.py", "kernel/rounding.py")

CHANGE = (*FEE_INVOICE, "balance/fee.py", "close/fees.py", "rate/unused_fee.py")

ASKED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("rated", "bucketed"), CHARGE),
    **dict.fromkeys(("converted", "measured_roundly", "whole_increments", "converted_part"), CHARGE),
    "held_units": CHARGE,
    "trued_up": (*CHARGE, "close/commitments.py"),
    **dict.fromkeys(("billed", "billed_in_lines", "later_line", "deltas", "late", "added"), INVOICE),
    **dict.fromkeys(("rounded", "subtotal", "capped", "blocks_less_billed"), INVOICE),
    "taxed": (*INVOICE, "close/taxation.py", "invoice/taxes.py"),
    **dict.fromkeys(("quantized", "allocated"), ("kernel/rounding.py",)),
    "part_of_fee": FEE_INVOICE,
    "billed_on": PART,
    **dict.fromkeys(("next_boundary", "reset", "holding", "advance_period", "period_of_day"), PART),
    **dict.fromkeys(("elapsed", "billed_through"), ("close/calendar.py", "kernel/calendar.py")),
    "arrear_period": ("close/calendar.py", *PART),
    **dict.fromkeys(("tiled", "stepped", "first_cycle", "same_month"), ("kernel/calendar.py",)),
    "whole_periods": ("kernel/calendar.py",),
    "cycle_day": ("kernel/calendar.py",),
    **dict.fromkeys(("cycles", "factor", "share_of_period"), FEE),
    **dict.fromkeys(("subscription_fee", "item_added"), FEE_INVOICE),
    **dict.fromkeys(("change_in_cycle", "change_with_discounts", "change_by_day"), CHANGE),
    **dict.fromkeys(("change_by_share", "change_of_items"), CHANGE),
    "seats_changed": FEE_INVOICE,
    "usage_at_a_change": (*PART, "rate/rate.py", "invoice/draft.py"),
}
"""Files of the product that a runner of pricing or proration goes through with every vector of its."""

WITHOUT: Mapping[str, tuple[str, ...]] = {
    "mt-pror-003": ("rate/rate.py", "rate/shape_flat.py"),  # nothing is billed for no time
    "mt-pror-011": ("rate/unused_fee.py",),  # all of the old fee was used
    "mt-pror-004": FEE,  # an empty period is refused
    **dict.fromkeys(("om-rate-051", "om-rate-053", "om-rate-054"), ("aggregate/measure.py",)),  # flat prices
}


def files_entered(run: Callable[[], None]) -> set[str]:
    """Files of the product in which a function was called."""
    entered: set[str] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            entered.add(frame.f_code.co_filename)

    period_at.cache_clear()  # what is remembered is not entered
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
    return {
        path.relative_to(PACKAGE).as_posix() for path in map(Path, entered) if path.is_relative_to(PACKAGE)
    }


def listed() -> list[tuple[str, str, Any]]:
    return [
        (suite.dispositions[name]["runner"], name, suite.vectors[name])
        for suite in SUITES
        if suite.name != "events"
        for name in suite.dispositions
        if suite.dispositions[name]["is"] != "rejected"
    ]


@pytest.mark.parametrize("runner", ASKED)
def test_a_runner_goes_through_the_product(runner: str) -> None:
    found = [(name, vector) for used, name, vector in listed() if used == runner]
    assert found
    for name, vector in found:
        entered = files_entered(lambda vector=vector: runners()[runner](vector["input"], vector["expected"]))
        assert set(ASKED[runner]) - entered <= set(WITHOUT.get(name, ())), (name, sorted(entered))


def test_every_runner_is_held_to_it() -> None:
    assert {runner for runner, _, _ in listed()} == ASKED.keys()
