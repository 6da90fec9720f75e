"""Package: usage is sold in packages of `size` units; `last` says what a package that is not full costs.

No usage is no package. Negative usage mirrors: it gives back the packages that as much positive usage would
have cost, so that a credit of something undoes it to the cent.
"""

from __future__ import annotations

from tieout.contract.price import Package
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding, quantize
from tieout.kernel.working import Step, Working
from tieout.rate.wording import amount_text, grouped, usage_text


def working(shape: Package, quantity: Quantity, *, unit: str, currency: str) -> Working:
    """One step: `1,500 requests = 2 packages of 1,000 at 5.00 USD each (the last is not full) = 10.00 USD`.

    It has no rate: what a unit costs depends on how full the last package is.
    """
    ratio = Exact(quantity.atoms, shape.size.atoms)
    packages = quantize(ratio, 0, shape.last)
    amount = packages.as_fraction() * shape.amount
    counted = f"{grouped(str(packages))} package{'' if abs(packages) == Quantity.of(1) else 's'}"
    words = f"{usage_text(quantity, unit)} = {counted} of {grouped(str(shape.size))}"
    words = f"{words} at {amount_text(shape.amount, currency)} each"
    if ratio.denominator != 1:
        part = "the last is not full" if shape.last is Rounding.UP else "a part of a package is free"
        words = f"{words} ({part})"
    text = f"{words} = {amount_text(amount, currency)}"
    return (Step(rule="package", text=text, quantity=str(quantity), rate=None, amount=amount),)
