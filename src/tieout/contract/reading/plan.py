"""[[plan]]: key, version, effective_from, name, currency, prices, programs, cadence."""

from __future__ import annotations

from tieout.contract.plan import Plan
from tieout.contract.reading.cadence import read_cadence
from tieout.contract.reading.head import Head
from tieout.contract.reading.price import read_currency
from tieout.contract.reading.table import TableReader
from tieout.kernel.ids import PlanKey, PriceKey, ProgramKey
from tieout.kernel.limits import PRICES_PER_PLAN_MAX


def read_plan(reader: TableReader, head: Head) -> Plan:
    """A plan lists at least one price or program; without a cadence it follows the policy's."""
    programs = tuple(ProgramKey(key) for key in reader.texts("programs"))
    prices = tuple(PriceKey(key) for key in reader.texts("prices", at_least=0 if programs else 1))
    if len(prices) > PRICES_PER_PLAN_MAX:
        reader.problem("prices", f"has {len(prices)} prices; at most {PRICES_PER_PLAN_MAX} are allowed")
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
    )
