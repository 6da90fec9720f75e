"""Taxes on an invoice, in the order in which customer or seller names them, on its lines after discounts.

Each is computed on the sum of its lines and rounded once. An exclusive tax is added to the total; an
inclusive one is contained in them: alone on its lines it is gross x r / (100 + r); of several, each is its
own part of the gross. A compound tax counts those before it into its base, as they were rounded. An exempt
customer, or one that owes the tax itself, gets the same rows with the reason and nothing charged; prices that
include a tax stay as they are. A negative base gives a negative tax: nothing is cut off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tieout.contract.tax import Tax
from tieout.invoice.amounts import TaxAmount
from tieout.invoice.line import Line, settlement_text
from tieout.kernel.ids import LineId
from tieout.kernel.money import Currency, Money, zero
from tieout.kernel.rational import Exact, exact_text
from tieout.kernel.rounding import Rounding, settle
from tieout.rate.wording import money_text, percent_text

Net = Mapping[LineId, Money]


@dataclass(frozen=True, slots=True)
class Taxation:
    """The taxes of an invoice in order. Where `set_aside` gives the reason, none of them is charged.

    Reference, version and digest name the document that says so.
    """

    taxes: tuple[Tax, ...]
    set_aside: str | None
    reference: str
    version: int
    digest: str


NOT_CHARGED = "not charged"
NO_TAXATION = Taxation((), None, "", 0, "")


def taxes(lines: Sequence[Line], net: Net, taxation: Taxation, unit: Currency) -> tuple[TaxAmount, ...]:
    """One row for each tax with at least one line; `net` is what each line comes to after discounts."""
    covered = [(tax, _covered(tax, lines)) for tax in taxation.taxes]
    covered = [(tax, on) for tax, on in covered if on]
    rest = [line.id for line in lines if not any(line.id in on for _, on in covered)]
    if taxation.set_aside is not None:
        return _set_aside(covered, tuple(rest), net, taxation, unit)
    found: list[TaxAmount] = []
    for tax, on in covered:
        if tax.inclusive:
            group = [each for each, where in covered if where == on]
            found.append(_inclusive(tax, group, on, net, unit))
        else:
            found.append(_exclusive(tax, on, net, found, unit))
    if covered and rest:
        note = "no tax that this customer pays is on these lines"
        found.append(_nothing("Not taxed", tuple(rest), net, taxation, unit, note))
    return tuple(found)


def _covered(tax: Tax, lines: Sequence[Line]) -> tuple[LineId, ...]:
    return tuple(line.id for line in lines if tax.covers(line.charge.price.tax_category))


def _exclusive(
    tax: Tax, on: tuple[LineId, ...], net: Net, before: Sequence[TaxAmount], unit: Currency
) -> TaxAmount:
    base = _sum(on, net, unit)
    if tax.compound:
        base = sum((row.amount for row in before if row.lines == on), base)
    exact = base.as_fraction() * tax.percent / 100
    amount = settle(exact, unit, tax.rounding)
    came = settlement_text(exact, amount, tax.rounding) or money_text(amount)
    text = f"{percent_text(tax.percent)} of {money_text(base)} = {came}"
    return _row(tax, on, base=base, amount=amount, text=text)


def _inclusive(tax: Tax, group: Sequence[Tax], on: tuple[LineId, ...], net: Net, unit: Currency) -> TaxAmount:
    """`group` is every inclusive tax on these lines, in order: together they make the gross of the net."""
    gross = _sum(on, net, unit)
    factors: list[Exact] = []
    for each in group:
        compounded = 1 + sum(factors, Exact(0)) if each.compound else Exact(1)
        factors.append(each.percent / 100 * compounded)
    whole = 1 + sum(factors, Exact(0))
    amounts = [
        settle(gross.as_fraction() * factor / whole, unit, each.rounding)
        for each, factor in zip(group, factors, strict=True)
    ]
    place = group.index(tax)
    base = sum((-amount for amount in amounts), gross)
    if tax.compound:
        base = sum(amounts[:place], base)
    amount, exact = amounts[place], gross.as_fraction() * factors[place] / whole
    came = settlement_text(exact, amount, tax.rounding) or money_text(amount)
    part = f"{exact_text(factors[place] * 100)}/{exact_text(whole * 100)}"
    text = f"{part} of {money_text(gross)} = {came}, contained in the prices"
    return _row(tax, on, base=base, amount=amount, text=text)


def _set_aside(
    covered: Sequence[tuple[Tax, tuple[LineId, ...]]],
    rest: tuple[LineId, ...],
    net: Net,
    taxation: Taxation,
    unit: Currency,
) -> tuple[TaxAmount, ...]:
    note = taxation.set_aside or ""
    found = [
        _row(tax, on, base=_sum(on, net, unit), amount=zero(unit), text=NOT_CHARGED, note=note)
        for tax, on in covered
    ]
    return (*found, _nothing("Tax", rest, net, taxation, unit, note)) if rest else tuple(found)


def _nothing(
    name: str, on: tuple[LineId, ...], net: Net, taxation: Taxation, unit: Currency, note: str
) -> TaxAmount:
    """A row that says why these lines bear no tax."""
    return TaxAmount(
        name=name,
        reference=taxation.reference,
        version=taxation.version,
        digest=taxation.digest,
        jurisdiction="",
        percent=Exact(0),
        base=_sum(on, net, unit),
        amount=zero(unit),
        inclusive=False,
        compound=False,
        rounding=Rounding.HALF_AWAY_FROM_ZERO,
        lines=on,
        text=NOT_CHARGED,
        note=note,
    )


def _row(
    tax: Tax,
    on: tuple[LineId, ...],
    *,
    base: Money,
    amount: Money,
    text: str,
    note: str = "",
) -> TaxAmount:
    """With a note, the tax is not charged: its rate is 0."""
    return TaxAmount(
        name=tax.name,
        reference=tax.key,
        version=tax.version,
        digest=tax.digest,
        jurisdiction=tax.jurisdiction,
        percent=Exact(0) if note else tax.percent,
        base=base,
        amount=amount,
        inclusive=tax.inclusive,
        compound=tax.compound,
        rounding=tax.rounding,
        lines=on,
        text=text,
        note=note,
    )


def _sum(on: tuple[LineId, ...], net: Net, unit: Currency) -> Money:
    return sum((net[line] for line in on), zero(unit))
