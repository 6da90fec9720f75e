"""A member that says how often periods end."""

from __future__ import annotations

from tieout.contract.reading.table import TableReader
from tieout.kernel.cadence import Cadence, MalformedCadence, parse_cadence


def read_cadence(reader: TableReader, name: str) -> Cadence:
    """Monthly where the text is missing or no cadence, which is noted."""
    text = reader.text(name)
    try:
        return parse_cadence(text) if text else Cadence.MONTHLY
    except MalformedCadence as error:
        reader.problem(name, str(error).removesuffix("."))
        return Cadence.MONTHLY
