"""What stands between an invoice's lines and what is due: discounts, taxes, and credits that pay for it."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.kernel.money import Money
from tieout.kernel.rational import Exact


@dataclass(frozen=True, slots=True)
class InvoiceDiscount:
    """Off the subtotal. `amount` is zero or negative; `reference` names the document behind it."""

    name: str
    reference: str
    digest: str
    percent: Exact | None
    amount: Money


@dataclass(frozen=True, slots=True)
class TaxAmount:
    """One rate on one base. An inclusive tax is a part of the prices and adds nothing to the total. `note` is
    what the law wants said: an exemption, a reverse charge.
    """

    name: str
    reference: str
    digest: str
    percent: Exact
    base: Money
    amount: Money
    inclusive: bool
    note: str


@dataclass(frozen=True, slots=True)
class CreditUsed:
    """What an account of the customer (a wallet's grant, a prepaid commitment) pays of the total;
    positive."""

    account: str
    text: str
    amount: Money
