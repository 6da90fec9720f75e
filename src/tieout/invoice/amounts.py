"""What stands between an invoice's lines and what is due: discounts, taxes, and credits that pay for it."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.kernel.ids import LineId
from tieout.kernel.money import Money
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding


@dataclass(frozen=True, slots=True)
class LineBeside:
    """A line of an earlier paper that a discount is for too, and that is not on this paper: what it comes to
    before the discount, and the share that it has, zero or below. A fee in advance keeps its share, whatever
    becomes of the others."""

    line: LineId
    amount: Money
    given: Money
    in_advance: bool


@dataclass(frozen=True, slots=True)
class InvoiceDiscount:
    """Off the subtotal. `amount` is zero or negative, unless lines fell and pay back what they were `given`
    (by line, below zero) on earlier papers of the period; `base` then counts those in. `reference` (the
    coupon's key), version and digest name the document behind it.

    `shares` has every line that the discount is for, with the line's part of `amount`; they add up to it.
    `base` is what those lines came to, less the discounts before this one. `stated` is what a coupon for a
    sum of money promises, `unused` the part of that which the base was too small for. `text` says how the
    amount came about. `corrects` is the sealed period whose coupon it is, None for the invoice's own;
    `beside` are the lines of that period which the paper leaves as they are.
    Without percent and sum it is a coupon of earlier papers that holds no more, and is taken back.
    """

    name: str
    reference: str
    version: int
    digest: str
    percent: Exact | None
    stated: Money | None
    base: Money
    amount: Money
    unused: Money
    shares: tuple[tuple[LineId, Money], ...]
    text: str
    given: tuple[tuple[LineId, Money], ...] = ()
    corrects: Period | None = None
    beside: tuple[LineBeside, ...] = ()

    @property
    def given_before(self) -> tuple[Money, ...]:
        """Every share that earlier papers of the period gave."""
        return (*(share for _, share in self.given), *(each.given for each in self.beside))


@dataclass(frozen=True, slots=True)
class TaxAmount:
    """One rate on one base. An inclusive tax is a part of the prices and adds nothing to the total. `note` is
    what the law wants said: an exemption, a reverse charge.

    `lines` are those it is on. `base` is what they come to after discounts, without the taxes in them, and
    with those before a compound one. `rounding` is how the amount was rounded, once; `text` shows the
    working.
    """

    name: str
    reference: str
    version: int
    digest: str
    jurisdiction: str
    percent: Exact
    base: Money
    amount: Money
    inclusive: bool
    compound: bool
    rounding: Rounding
    lines: tuple[LineId, ...]
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class CreditUsed:
    """What an account of the customer (a wallet's grant, a prepaid commitment) pays of the total;
    positive."""

    account: str
    text: str
    amount: Money
