"""[[program]]: key, version, effective_from, name, provider, source, as_of, charged_to, currency, prices,
cadence."""

from __future__ import annotations

import re
from datetime import date

from tieout.contract.program import Program
from tieout.contract.reading.cadence import read_cadence
from tieout.contract.reading.head import Head
from tieout.contract.reading.price import read_currency, read_listed_prices
from tieout.contract.reading.table import TableReader
from tieout.kernel.errors import shown
from tieout.kernel.ids import ProgramKey

URL_PATTERN = re.compile(r"https?://[!-~]+\Z")
STAND_IN_DATE = date(1970, 1, 1)


def read_program(reader: TableReader, head: Head) -> Program:
    """Without its source and the day of its figures, nobody can check a fee table: both are required."""
    source = reader.text("source")
    if source and URL_PATTERN.match(source) is None:
        reader.problem("source", f"{shown(source)} is not a web address (https://...)")
    if not reader.has("as_of"):
        reader.problem("as_of", "is missing: the day as of which the fees are stated")
    prices = read_listed_prices(reader, at_least=1)
    unit = read_currency(reader)
    return Program(
        key=ProgramKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        name=reader.text("name"),
        provider=reader.text("provider"),
        source=source,
        as_of=reader.optional_date("as_of") or STAND_IN_DATE,
        charged_to=reader.text("charged_to"),
        currency="" if unit is None else unit.code,
        prices=prices,
        cadence=read_cadence(reader, "cadence") if reader.has("cadence") else None,
        digest=head.digest,
    )
