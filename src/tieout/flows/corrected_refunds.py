"""What was given back of a fee in advance, at the right price: the same share of what the fee comes to as
known now, after its coupons.

So what is kept of it is what the right fee would have come to, and each line is corrected by itself: the fee
under the coupons of its own period; what was given back under none, with the taxes of the paper that gave it
back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tieout.balance.fee import BilledFee
from tieout.close.taxation import taxation_of
from tieout.contract.catalog import Catalog
from tieout.correction.adjust import Explain, differs
from tieout.flows.corrected_fees import CorrectedFee, Settled
from tieout.flows.draft_accounts import parties_of
from tieout.flows.sealed_periods import SealedPeriod
from tieout.invoice.billable import Billable
from tieout.invoice.earlier import Scope, scope_of
from tieout.invoice.taxes import Taxation
from tieout.kernel.ids import InvoiceId
from tieout.kernel.money import Money, currency, zero
from tieout.kernel.rounding import settle
from tieout.rate.charge import Charge
from tieout.rate.terms import terms_text
from tieout.rate.unused_fee import unused_fee


@dataclass(frozen=True, slots=True)
class CorrectedRefund:
    """`settled` are the line that gave a part of the fee back, and what corrected it since."""

    billable: Billable
    settled: Settled


def corrected_refunds(
    catalog: Catalog,
    sealed: SealedPeriod,
    fees: Sequence[CorrectedFee],
    shares: Mapping[Scope, Money],
    *,
    explain: Explain,
) -> list[CorrectedRefund]:
    """Those that come to something else. `shares` is what coupons take off each fee as known now, below
    zero."""
    found = []
    for fee in fees:
        for settled in fee.given_back:
            charge = _charge(fee, settled, shares)
            earlier = tuple(each.line for each in settled)
            if differs(charge, earlier):
                taxation = _taxation_then(catalog, sealed, settled[0].line.invoice)
                billable = Billable(charge, earlier, explain(charge, settled), taxation)
                found.append(CorrectedRefund(billable, settled))
    return found


def _charge(fee: CorrectedFee, settled: Settled, shares: Mapping[Scope, Money]) -> Charge:
    asked, original = fee.charge, fee.settled[0]
    unit = currency(asked.price.currency)
    discount = shares.get(scope_of(asked), zero(unit))
    right = BilledFee(
        line=original.line.line,
        subscription=asked.subscription,
        price=asked.price.key,
        price_version=asked.price.version,
        plan=asked.plan,
        plan_version=asked.plan_version,
        period=asked.period,
        segment=asked.segment,
        exact=asked.amount,
        amount=settle(asked.amount, unit, asked.price.rounding) + discount,
        discount=discount,
        terms=terms_text(asked.terms),
    )
    charge = unused_fee(right, settled[0].segment, asked.price, known_now=True)
    return replace(charge, program=settled[0].program)


def _taxation_then(catalog: Catalog, sealed: SealedPeriod, paper: InvoiceId) -> Taxation:
    """Of the paper that gave the fee back."""
    account = replace(sealed.account, period=sealed.papers[paper])
    customer, seller = parties_of(catalog, account)
    return taxation_of(catalog, customer, seller, account.period)
