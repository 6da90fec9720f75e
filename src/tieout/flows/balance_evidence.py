"""What a trace needs of a line that rests on balances: the terms it names, the movements, the line that
billed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tieout.balance.fee import BilledFee
from tieout.contract.document import Document, DocumentKind
from tieout.evidence.given import coupons_given
from tieout.evidence.stored import StoredEvidence
from tieout.evidence.trace_balances import BalanceEvidence
from tieout.evidence.trace_refunds import RefundEvidence, billed_fee
from tieout.flows.home import Home
from tieout.invoice.earlier import parse_correction, parse_earlier
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import LineId
from tieout.kernel.money import currency
from tieout.rate.commitment import PREFIX


def balance_evidence(
    home: Home, stored: StoredEvidence, documents: Mapping[tuple[DocumentKind, str, int], Document]
) -> BalanceEvidence:
    """Nothing is judged here; what is missing is None."""
    charge = stored.charge
    committed = charge.price.startswith(PREFIX)
    kind, key = (
        (DocumentKind.SUBSCRIPTION, str(charge.subscription))
        if committed
        else (DocumentKind.PRICE, str(charge.price))
    )
    customer = stored.invoice.customer
    movements = home.books.movements.of([customer]).get(customer, ())
    document = documents.get((kind, key, charge.price_version))
    correction = parse_correction(stored.line.correction)
    if committed:
        rows = () if correction is None else home.books.corrections.settled([customer])[customer]
        return BalanceEvidence(document, movements, None, rows)
    named = None if correction is None or correction.original is None else correction.original
    original = stored if named is None else home.books.invoices.evidence(named)
    try:
        fee = None if original is None else billed_fee(movements, stored.invoice, original.charge)
    except TieoutError:
        fee = None  # the reproduction reads them again, and names the movement
    billing = None if fee is None else home.books.invoices.evidence(fee.line)
    refund = None
    if original is not None and original is not stored:
        refund = _refund(home, stored, original, fee)
    return BalanceEvidence(document, movements, billing, refund=refund)


def _refund(
    home: Home, stored: StoredEvidence, original: StoredEvidence, fee: BilledFee | None
) -> RefundEvidence:
    """The line of the same paper that corrects the fee, with what it takes up."""
    printed = json.loads(stored.invoice.document)["lines"] if fee is not None else ()
    name = next(
        (
            LineId(each["id"])
            for each in printed
            if fee is not None
            and each["price"] == fee.price
            and each.get("correction", {}).get("original_line") == fee.line
        ),
        None,
    )
    right = None if name is None else home.books.invoices.evidence(name)
    if right is None:
        return RefundEvidence(original, None, {})
    earlier = parse_earlier(right.line.earlier, currency(right.invoice.currency))
    papers = dict.fromkeys((stored.invoice.id, *(each.invoice for each in earlier)))
    found = [paper for each in papers if (paper := home.books.invoices.find(each)) is not None]
    return RefundEvidence(original, right, coupons_given(found))
