"""Usage that is an amount of money: what an event states, in whole or in minor units, as currency units."""

from __future__ import annotations

from tieout.contract.price import AmountIn
from tieout.kernel.money import currency
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact
from tieout.rate.wording import amount_text


def money_of(quantity: Quantity, amount_in: AmountIn, code: str) -> Exact:
    """10100 minor units of USD are 101."""
    return quantity.as_fraction() / units_per(amount_in, code)


def units_per(amount_in: AmountIn, code: str) -> int:
    """How many of the stated units make one unit of the currency."""
    return 1 if amount_in == "major" else 10 ** currency(code).exponent


def stated_text(quantity: Quantity, amount_in: AmountIn, code: str) -> str:
    """`101.00 USD`."""
    return amount_text(money_of(quantity, amount_in, code), code)
