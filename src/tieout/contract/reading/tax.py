"""[[tax]]: key, version, effective_from, name, jurisdiction, percent, inclusive, compound, categories,
rounding."""

from __future__ import annotations

from tieout.contract.reading.amounts import read_percent
from tieout.contract.reading.head import Head
from tieout.contract.reading.table import TableReader
from tieout.contract.tax import Tax
from tieout.kernel.ids import TaxKey
from tieout.kernel.limits import TAX_PERCENT_MAX
from tieout.kernel.rounding import Rounding


def read_tax(reader: TableReader, head: Head) -> Tax:
    """`percent` is 0 to 100; exclusive, not compound and for all categories unless it says otherwise."""
    return Tax(
        key=TaxKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        name=reader.text("name"),
        jurisdiction=reader.text("jurisdiction"),
        percent=read_percent(reader, "percent", maximum=TAX_PERCENT_MAX),
        inclusive=reader.boolean("inclusive", default=False),
        compound=reader.boolean("compound", default=False),
        categories=reader.texts("categories"),
        rounding=reader.choice("rounding", Rounding, default=Rounding.HALF_AWAY_FROM_ZERO),
        digest=head.digest,
    )
