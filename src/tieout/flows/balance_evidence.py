"""What a trace needs of a line that rests on balances: the terms it names, the movements, the line that
billed."""

from __future__ import annotations

from collections.abc import Mapping

from tieout.balance.fee import billed_fees
from tieout.contract.document import Document, DocumentKind
from tieout.evidence.stored import StoredEvidence
from tieout.evidence.trace_balances import BalanceEvidence
from tieout.evidence.trace_corrections import known_by
from tieout.flows.home import Home
from tieout.kernel.errors import TieoutError
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
    try:
        fees = [] if committed else billed_fees(known_by(movements, stored.invoice), charge.subscription)
    except TieoutError:
        fees = []  # the reproduction reads them again, and names the movement
    line = next(
        (
            each.line
            for each in fees
            if each.price == charge.price
            and each.price_version == charge.price_version
            and each.segment.start <= charge.segment.start < each.segment.end
        ),
        None,
    )
    billing = None if line is None else home.books.invoices.evidence(line)
    rows = () if stored.line.correction is None else home.books.corrections.settled([customer])[customer]
    return BalanceEvidence(documents.get((kind, key, charge.price_version)), movements, billing, rows)
