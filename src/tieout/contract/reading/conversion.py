"""conversion = {divide_by, unit, places, rounding}: all four are stated; each changes what is billed."""

from __future__ import annotations

from tieout.contract.conversion import Conversion
from tieout.contract.reading.table import TableReader
from tieout.kernel.limits import FRACTION_DIGITS_MAX
from tieout.kernel.rounding import Rounding


def read_conversion(reader: TableReader) -> Conversion | None:
    """The meter's member; None where it has none."""
    inner = reader.table("conversion")
    if inner is None:
        return None
    divide_by = inner.exact("divide_by")
    if divide_by <= 0:
        inner.problem("divide_by", "must be above zero")
    conversion = Conversion(
        divide_by=divide_by,
        unit=inner.text("unit"),
        places=inner.integer("places", minimum=0, maximum=FRACTION_DIGITS_MAX),
        rounding=inner.choice("rounding", Rounding),
    )
    inner.finish()
    return conversion
