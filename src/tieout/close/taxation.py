"""Which taxes an invoice bears: those that the customer names, else the seller's, at the rates in force at
the last instant of its period.

Usage over a period is one continuing supply, and counts as made when the period that is billed expires
(Council Directive 2006/112/EC, Article 64). A rate that changes inside a period holds for the whole of it.
"""

from __future__ import annotations

from tieout.contract.catalog import Catalog
from tieout.contract.party import Customer, Seller
from tieout.contract.tax import Tax
from tieout.invoice.taxes import Taxation
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import TaxKey
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.period import Period


class NoTaxInForce(Refusal):
    """A tax that a customer or seller names has no version yet; leaving it out in silence would be wrong."""

    code = "no-tax-in-force"

    def __init__(self, key: TaxKey, instant: Instant) -> None:
        super().__init__(key, instant)
        self.key = key
        self.instant = instant

    def __str__(self) -> str:
        return (
            f"No version of tax {self.key} is in force at {format_instant(self.instant)}; apply one that is."
        )


def taxation_of(catalog: Catalog, customer: Customer, seller: Seller, period: Period) -> Taxation:
    """In the order of the list that names them. Raises `NoTaxInForce`."""
    keys = seller.taxes if customer.taxes is None else customer.taxes
    return Taxation(
        taxes=tuple(_tax_at(catalog, key, period.last_instant) for key in keys),
        set_aside=_set_aside(customer),
        reference=customer.key,
        version=customer.version,
        digest=customer.digest,
    )


def _tax_at(catalog: Catalog, key: TaxKey, instant: Instant) -> Tax:
    tax = catalog.taxes.at(key, instant)
    if tax is None:
        raise NoTaxInForce(key, instant)
    return tax


def _set_aside(customer: Customer) -> str | None:
    if customer.reverse_charge:
        return f"Reverse charge: the customer owes the tax (tax id {customer.tax_id})"
    return None if customer.tax_exempt is None else f"Exempt: {customer.tax_exempt}"
