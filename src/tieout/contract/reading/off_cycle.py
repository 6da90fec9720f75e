"""[policy.off_cycle]: customers, plans, prices; exposure_over = { CUR = amount }, commitment_used_percent,
contract_end. Who may be billed inside a period, and when."""

from __future__ import annotations

from tieout.contract.policy import OffCycle
from tieout.contract.reading.amounts import read_percent, read_settled_amount
from tieout.contract.reading.table import TableReader
from tieout.kernel.ids import CustomerId, PlanKey, PriceKey
from tieout.kernel.money import UnknownCurrency, currency
from tieout.kernel.rational import Exact

WHO = ("customers", "plans", "prices")
WHEN = ("exposure_over", "commitment_used_percent", "contract_end")


def read_off_cycle(reader: TableReader) -> OffCycle | None:
    """None where the policy has no such table. One that names nobody, or no condition, would say nothing."""
    inner = reader.table("off_cycle")
    if inner is None:
        return None
    found = OffCycle(
        customers=tuple(CustomerId(key) for key in inner.texts("customers")),
        plans=tuple(PlanKey(key) for key in inner.texts("plans")),
        prices=tuple(PriceKey(key) for key in inner.texts("prices")),
        exposure_over=_exposures(inner),
        commitment_used_percent=_percent(inner),
        contract_end=inner.boolean("contract_end", default=False),
    )
    if not any(inner.has(name) for name in WHO):
        inner.problem("", f"names nobody: give at least one of {', '.join(WHO)}")
    if not any(inner.has(name) for name in WHEN):
        inner.problem("", f"names no condition: give at least one of {', '.join(WHEN)}")
    inner.finish()
    return found


def _exposures(reader: TableReader) -> tuple[tuple[str, Exact], ...]:
    inner = reader.table("exposure_over")
    if inner is None:
        return ()
    if not inner.names:
        inner.problem("", 'is empty: name a currency and an amount, { USD = "500.00" }')
    return tuple((code, _exposure(inner, code)) for code in sorted(inner.names))


def _exposure(reader: TableReader, code: str) -> Exact:
    try:
        unit = currency(code)
    except UnknownCurrency as error:
        reader.problem(code, str(error).removesuffix("."))
        unit = None
    amount = read_settled_amount(reader, code, unit)
    if amount == 0:
        reader.problem(code, "must be above zero")
    return amount


def _percent(reader: TableReader) -> Exact | None:
    if not reader.has("commitment_used_percent"):
        return None
    percent = read_percent(reader, "commitment_used_percent")
    if percent == 0:
        reader.problem("commitment_used_percent", "must be above zero")
    return percent
