"""What would have to be done before this home goes live: the review, as `tieout readiness` prints it."""

from __future__ import annotations

from tieout.cli.demo.acts import Show
from tieout.cli.demo.tally import expect
from tieout.cli.readiness_shown import review_page
from tieout.flows.readiness import review
from tieout.readiness.item import ItemKey, Passed

HOLD_HERE = (ItemKey.RULES, ItemKey.EVENT, ItemKey.TOTALS, ItemKey.BACKFILL)
"""Items whose facts the demo has; the others need people, or sets and samples that it does not make."""


def show_readiness(show: Show) -> None:
    found = review(show.stage.home)
    holding = {each.item.key for each in found.standings if isinstance(each.checked, Passed)}
    expect(
        "items whose facts do not hold",
        expected=[],
        found=[each for each in HOLD_HERE if each not in holding],
    )
    show.narrator.show(review_page(found))
