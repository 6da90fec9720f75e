"""Reproduces a line that corrects what was given back of a fee in advance: the same share of what the fee
comes to at the right price, after what the papers gave of coupons for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tieout.balance.fee import BilledFee, billed_fees
from tieout.balance.movement import Movement
from tieout.contract.price import Price
from tieout.evidence.named_document import NONE
from tieout.evidence.reproduced import Difference, compared
from tieout.evidence.stored import StoredCharge, StoredEvidence, StoredInvoice
from tieout.evidence.trace_corrections import known_by
from tieout.invoice.discounts import Given
from tieout.invoice.earlier import parse_earlier
from tieout.kernel.money import currency, zero
from tieout.kernel.rational import exact
from tieout.rate.charge import Charge
from tieout.rate.unused_fee import unused_fee


@dataclass(frozen=True, slots=True)
class RefundEvidence:
    """`original` is the line that gave the fee back; `fee` the one that corrects the fee itself, on the same
    paper as the line that is traced; None where there is none. `given`: what its papers gave of coupons."""

    original: StoredEvidence
    fee: StoredEvidence | None
    given: Given


def billed_fee(
    movements: Sequence[Movement], invoice: StoredInvoice, charge: StoredCharge
) -> BilledFee | None:
    """The fee in advance that the charge gives back a part of, as known when that invoice was sealed."""
    return next(
        (
            each
            for each in billed_fees(known_by(movements, invoice), charge.subscription)
            if (each.price, each.price_version, each.period, each.terms)
            == (charge.price, charge.price_version, charge.period, charge.terms)
            and each.segment.start <= charge.segment.start
            and charge.segment.end <= each.segment.end
        ),
        None,
    )


def corrected_refund(
    stored: StoredEvidence,
    fee: BilledFee,
    price: Price,
    refund: RefundEvidence | None,
    found: list[Difference],
) -> Charge | None:
    """`fee` is as it was billed."""
    if refund is None or refund.fee is None:
        found.append(
            Difference("line", fee.line, f"a correction of the fee on {stored.invoice.number}", NONE)
        )
        return None
    right, segment = refund.fee, refund.original.charge.segment
    found += compared(
        "charge",
        stored.charge.id,
        ("price version", str(right.charge.price_version), str(stored.charge.price_version)),
        ("segment", str(segment), str(stored.charge.segment)),
    )
    unit = currency(stored.invoice.currency)
    lines = {right.line.id, *(each.line for each in parse_earlier(right.line.earlier, unit))}
    discount = sum((share for (_, line), share in refund.given.items() if line in lines), zero(unit))
    corrected = replace(fee, price_version=price.version, exact=exact(right.charge.amount), discount=discount)
    return unused_fee(corrected, segment, price, known_now=True)
