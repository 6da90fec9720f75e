"""Vectors about usage that is recorded after its month was invoiced: the adjustment of the sealed period."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.laws.test_l13_corrections import CHANGE, sealed
from tests.records import price
from tests.usage import charge_for, snapshot_of, used
from tieout.contract.price import Package
from tieout.correction.adjust import adjustments
from tieout.correction.causes import explained
from tieout.correction.settled import by_scope
from tieout.invoice.billable import Billable
from tieout.invoice.taxes import NO_TAXATION
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact
from tieout.kernel.rounding import Rounding
from tieout.rate.needs import breakdown_of

Facts = Mapping[str, Any]


def late_record(given: Facts, expected: Facts) -> None:
    """The month was invoiced without it; the line that follows is of its own month."""
    block = Package(exact(given["block_price"]), Quantity.parse(given["block_size"]), Rounding.UP)
    priced = price(block)
    settled = sealed(0, [Billable(charge_for(priced))])
    late = used(given["late_record"]["quantity"])
    snapshot = snapshot_of([late], breakdown_of(priced))
    charge = charge_for(priced, late)
    found = adjustments(
        [charge], by_scope(settled), [snapshot], explain=explained(CHANGE), taxation=NO_TAXATION
    )
    (line,) = sealed(1, found)
    assert line.amount.decimal_text == expected["extra_item"]
    assert found[0].charge.segment == CHANGE.period


RUNNERS: dict[str, Callable[[Facts, Facts], None]] = {"late_record": late_record}
