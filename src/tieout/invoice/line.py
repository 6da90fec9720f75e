"""A line is a settled charge, less what earlier papers settled of it: money is rounded once, as the price
says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time

from tieout.invoice.earlier import Correction, EarlierLine
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import InvoiceId, LineId, MeterKey, PriceKey
from tieout.kernel.instant import Instant, to_datetime
from tieout.kernel.money import Money, currency
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding, settle
from tieout.kernel.zone import zone
from tieout.rate.charge import Charge
from tieout.rate.wording import amount_text, money_text, rounding_text, values_text

LINES_MAX = 999
"""Ordinals have three digits. An invoice with more lines is refused, not renumbered."""


class TooManyLines(Refusal):
    """An invoice would have more lines than its line ids can number."""

    code = "too-many-lines"

    def __init__(self, invoice: InvoiceId, count: int) -> None:
        super().__init__(invoice, count)
        self.invoice = invoice
        self.count = count

    def __str__(self) -> str:
        return f"Invoice {self.invoice} would have {self.count} lines; at most {LINES_MAX} can be numbered."


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice: the charge it settles, words for the customer, and the money.

    `earlier` lines settled part of the charge; `quantity` and `amount` are what is left of it, below zero
    where they settled more. `correction` says why a sealed period is billed again.
    """

    id: LineId
    charge: Charge
    description: str
    amount: Money
    earlier: tuple[EarlierLine, ...] = ()
    correction: Correction | None = None

    @property
    def meter(self) -> MeterKey | None:
        return self.charge.price.meter

    @property
    def quantity(self) -> Quantity:
        return sum((-each.quantity for each in self.earlier), self.charge.quantity)

    @property
    def unit(self) -> str:
        return self.charge.unit

    @property
    def settlement(self) -> str | None:
        """How the money came of the exact amount, in words; None where nothing had to be rounded."""
        whole = sum((each.amount for each in self.earlier), self.amount)
        return settlement_text(self.charge.amount, whole, self.charge.price.rounding)

    @property
    def price(self) -> PriceKey:
        return self.charge.price.key

    @property
    def price_version(self) -> int:
        return self.charge.price.version


def line_id(invoice: InvoiceId, ordinal: int) -> LineId:
    """`in_0123456789abcdef-001`: the same draft numbers its lines the same way every time."""
    if not 1 <= ordinal <= LINES_MAX:
        raise TooManyLines(invoice, ordinal)
    return LineId(f"{invoice}-{ordinal:03d}")


def settled_line(
    invoice: InvoiceId,
    ordinal: int,
    charge: Charge,
    *,
    zone_name: str,
    billing: Period | None = None,
    earlier: Sequence[EarlierLine] = (),
    correction: Correction | None = None,
) -> Line:
    """Round the charge once to the currency's minor unit under the price's rounding rule, then take off what
    earlier lines settled.

    A line for a part of the period, or for another than the invoice's (`billing`), says which, in the
    customer's zone; one for a group of usage, which group.
    """
    asked = settle(charge.amount, currency(charge.price.currency), charge.price.rounding)
    amount = sum((-each.amount for each in earlier), asked)
    description = charge.price.description
    if charge.group:
        description = f"{description}: {values_text(charge.group)}"
    elsewhere = billing is not None and not billing.overlaps(charge.segment)
    if charge.segment != charge.period or elsewhere:
        description = f"{description} ({stretch_text(charge.segment, zone_name)})"
    return Line(line_id(invoice, ordinal), charge, description, amount, tuple(earlier), correction)


def settlement_text(exact: Exact, settled: Money, rounding: Rounding) -> str | None:
    """`12.345 USD rounded half away from zero to 12.35 USD`; None where the two are equal."""
    if exact == settled.as_fraction():
        return None
    given = amount_text(exact, settled.currency.code)
    return f"{given} rounded {rounding_text(rounding)} to {money_text(settled)}"


def stretch_text(period: Period, zone_name: str) -> str:
    """`2026-01-01 until 2026-02-01`, on the customer's calendar."""
    return f"{_local_text(period.start, zone_name)} until {_local_text(period.end, zone_name)}"


def _local_text(instant: Instant, zone_name: str) -> str:
    """The local date, with the time of day unless it is midnight."""
    local = to_datetime(instant).astimezone(zone(zone_name))
    return local.date().isoformat() if local.time() == time() else local.replace(tzinfo=None).isoformat(" ")
