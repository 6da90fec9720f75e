"""The amounts between the lines and what is due, computed again in plain integers of minor units.

Of `invoice/discounts.py`, `invoice/taxes.py` and `kernel/rounding.py` only the names of rules are used here:
rounding, sharing and the parts of an inclusive tax are worked out by a way of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from tieout.close.breaks import Break
from tieout.invoice.amounts import InvoiceDiscount, TaxAmount
from tieout.invoice.invoice import Invoice
from tieout.kernel.ids import LineId
from tieout.kernel.rounding import Rounding

TIE_SHARES = "discounts = their shares of lines"
TIE_DISCOUNT = "discounts = what their terms give"
TIE_TAX = "taxes = bases x rates"
TIE_TOTAL = "lines = totals"
TIE_DUE = "total - credits = due"
TIE_CURRENCY = "one currency"

REDRAFT = "redraft the invoice: it does not add up"
REPORT = "report the invoice's amounts: they are not what its documents say"


def amount_breaks(invoice: Invoice) -> list[Break]:
    """Discounts, taxes, total and due of one draft, in that order."""
    net = {line.id: line.amount.minor for line in invoice.lines}
    left = {
        line.id: line.amount.minor + sum(each.amount.minor for each in line.earlier) for line in invoice.lines
    }
    found: list[Break] = []
    for discount in invoice.discounts:
        for each in discount.beside:
            left.setdefault(each.line, each.amount.minor)
        found += _discount_breaks(discount, left)
        beside = ((each.line, each.given) for each in discount.beside)
        for line, share in (*discount.shares, *discount.given, *beside):
            left[line] = left.get(line, 0) + share.minor
        for line, share in discount.shares:
            net[line] = net.get(line, 0) + share.minor
    found += _tax_breaks(invoice.taxes, net)
    return [*found, *total_breaks(invoice), *_due_breaks(invoice), *_currency_breaks(invoice)]


def total_breaks(invoice: Invoice) -> list[Break]:
    """Minor units of the lines, added up plainly, against subtotal; discounts and taxes against total."""
    lines = sum(line.amount.minor for line in invoice.lines)
    total = lines + sum(discount.amount.minor for discount in invoice.discounts)
    total += sum(tax.amount.minor for tax in invoice.taxes if not tax.inclusive)
    return list(
        _differences(
            TIE_TOTAL,
            REDRAFT,
            ("subtotal", lines, invoice.subtotal.minor),
            ("total", total, invoice.total.minor),
        )
    )


def _discount_breaks(discount: InvoiceDiscount, left: dict[LineId, int]) -> Iterator[Break]:
    """Shares add up, and with what earlier papers gave each is within a unit of its line's part (two where
    fees in advance keep theirs); none turns its line around; the amount is what percent or sum gives, less
    what was given. Lines beside the paper are as they were left.
    """
    name = discount.reference
    shared = sum(share.minor for _, share in discount.shares)
    yield from _differences(TIE_SHARES, REDRAFT, (f"{name}", discount.amount.minor, shared))
    before = {line: given.minor for line, given in discount.given}
    given = sum(share.minor for share in discount.given_before)
    kept = [each for each in discount.beside if each.in_advance]
    in_all = [(line, share.minor + before.get(line, 0)) for line, share in discount.shares]
    in_all += [(each.line, each.given.minor) for each in discount.beside if not each.in_advance]
    lines = [line for line, _ in in_all]
    parts = {line: max(left.get(line, 0), 0) for line in lines}
    whole, borne = sum(parts.values()), sum(share for _, share in in_all)
    apart = 2 if kept else 1
    bad = sorted(
        f"{line} {share}"
        for line, share in in_all
        if lines.count(line) > 1
        or not -parts[line] <= share <= 0
        or abs(share * whole - borne * parts[line]) >= max(apart * whole, 1)
    )
    if bad:
        said = f"{name}: {', '.join(bad)}"
        expected, size = f"{name}: shares within their lines", f"{len(bad)} shares"
        yield Break(TIE_SHARES, expected, said, REDRAFT, size=size)
    moved = sorted(each.line for each in discount.beside if each.amount.minor != left[each.line])
    if moved:
        expected, size = f"{name}: lines beside as they were left", f"{len(moved)} lines"
        yield Break(TIE_SHARES, expected, f"{name}: {', '.join(moved)}", REDRAFT, size=size)
    base = sum(left.get(line, 0) for line in (*lines, *(each.line for each in kept)))
    room = max(base, 0)
    if discount.percent is not None:
        wanted = rounded(room * discount.percent / 100, Rounding.HALF_AWAY_FROM_ZERO)
    else:
        wanted = 0 if discount.stated is None else discount.stated.minor
    fixed = -sum(each.given.minor for each in kept)
    used = fixed + min(max(min(wanted, room) - fixed, 0), whole)
    yield from _differences(
        TIE_DISCOUNT,
        REPORT,
        (f"{name} base", base, discount.base.minor),
        (f"{name} amount", -used - given, discount.amount.minor),
        (f"{name} unused", max(wanted - used, 0), discount.unused.minor),
    )


def _tax_breaks(taxes: Iterable[TaxAmount], net: dict[LineId, int]) -> Iterator[Break]:
    """Each row from the lines that it names: its base, and its amount out of base or gross."""
    rows = list(taxes)
    for place, tax in enumerate(rows):
        together = [row for row in rows if row.lines == tax.lines and row.inclusive == tax.inclusive]
        earlier = [row for row in rows[:place] if row.lines == tax.lines and row.inclusive == tax.inclusive]
        whole = sum(net.get(line, 0) for line in tax.lines)
        base = whole - (sum(row.amount.minor for row in together) if tax.inclusive else 0)
        base += sum(row.amount.minor for row in earlier) if tax.compound else 0
        added = base * tax.percent / 100
        exact = _contained(whole, together, len(earlier)) if tax.inclusive else added
        amount = rounded(exact, tax.rounding)
        name = tax.reference
        yield from _differences(
            TIE_TAX,
            REPORT,
            (f"{name} base", base, tax.base.minor),
            (f"{name} amount", amount, tax.amount.minor),
        )


def _contained(gross: int, together: list[TaxAmount], place: int) -> Fraction:
    """What the tax at that place is within a gross amount: one unit grows by each tax in turn, a compound one
    taking its part of all that stands there by then."""
    unit, part = Fraction(1), Fraction(0)
    for ordinal, tax in enumerate(together):
        grown = (unit if tax.compound else Fraction(1)) * tax.percent / 100
        unit += grown
        part = grown if ordinal == place else part
    return gross * part / unit


def _due_breaks(invoice: Invoice) -> Iterator[Break]:
    credits_used = sum(credit.amount.minor for credit in invoice.credits)
    yield from _differences(TIE_DUE, REDRAFT, ("due", invoice.total.minor - credits_used, invoice.due.minor))
    negative = [credit.account for credit in invoice.credits if credit.amount.minor < 0]
    if negative:
        said, size = f"negative: {', '.join(negative)}", f"{len(negative)} credits"
        yield Break(TIE_DUE, "credits of zero or more", said, REPORT, size=size)


def _currency_breaks(invoice: Invoice) -> Iterator[Break]:
    amounts = [line.amount for line in invoice.lines]
    amounts += [share for discount in invoice.discounts for _, share in discount.shares]
    amounts += [amount for discount in invoice.discounts for amount in (discount.base, discount.amount)]
    amounts += [amount for tax in invoice.taxes for amount in (tax.base, tax.amount)]
    amounts += [credit.amount for credit in invoice.credits]
    codes = {amount.currency.code for amount in (*amounts, invoice.subtotal, invoice.total)}
    expected = invoice.currency.code
    if codes != {expected} or expected != invoice.customer.currency:
        size = f"{len(codes)} currencies"
        yield Break(TIE_CURRENCY, expected, ", ".join(sorted(codes)), REDRAFT, size=size)


def rounded(amount: Fraction, rule: Rounding) -> int:
    """The whole number that the rule gives, worked out on the magnitude."""
    whole, rest = divmod(abs(amount.numerator), amount.denominator)
    twice, negative = 2 * rest, amount < 0
    away = {
        Rounding.HALF_AWAY_FROM_ZERO: twice >= amount.denominator,
        Rounding.HALF_EVEN: twice > amount.denominator or (twice == amount.denominator and whole % 2 == 1),
        Rounding.UP: rest > 0,
        Rounding.DOWN: False,
        Rounding.CEILING: rest > 0 and not negative,
        Rounding.FLOOR: rest > 0 and negative,
    }[rule]
    magnitude = whole + (1 if away else 0)
    return -magnitude if negative else magnitude


def _differences(tie: str, action: str, *facts: tuple[str, int, int]) -> Iterator[Break]:
    for name, expected, found in facts:
        if expected != found:
            size = f"{found - expected} minor units"
            yield Break(tie, f"{name} {expected} minor units", f"{name} {found}", action, size=size)
