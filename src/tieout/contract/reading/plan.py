"""[[plan]]: key, version, effective_from, name, currency, prices, programs, cadence; [[plan.feature]]."""

from __future__ import annotations

from tieout.contract.plan import Plan
from tieout.contract.reading.cadence import read_cadence
from tieout.contract.reading.feature import read_features
from tieout.contract.reading.head import Head
from tieout.contract.reading.price import read_currency, read_listed_prices
from tieout.contract.reading.table import TableReader
from tieout.kernel.ids import PlanKey, ProgramKey


def read_plan(reader: TableReader, head: Head) -> Plan:
    """A plan lists at least one price or program; without a cadence it follows the policy's."""
    programs = tuple(ProgramKey(key) for key in reader.texts("programs"))
    prices = read_listed_prices(reader, at_least=0 if programs else 1)
    unit = read_currency(reader)
    return Plan(
        key=PlanKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        name=reader.text("name"),
        currency="" if unit is None else unit.code,
        prices=prices,
        cadence=read_cadence(reader, "cadence") if reader.has("cadence") else None,
        digest=head.digest,
        programs=programs,
        features=read_features(reader),
    )
