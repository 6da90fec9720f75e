"""Sealing: a reconciled invoice gets its number, issue date and due date, and never changes again (L12)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tieout.invoice.invoice import Invoice
from tieout.invoice.status import Act, after
from tieout.kernel.calendar import local_date
from tieout.kernel.instant import Instant
from tieout.kernel.zone import zone


def sealed_invoice(invoice: Invoice, *, number: str, issued_at: Instant) -> Invoice:
    """The sealed form of a READY invoice. Raises `ForbiddenTransition` in any other status.

    The due date is `terms_days` after the date of issue on the customer's calendar.
    """
    issued_on = local_date(issued_at, zone(invoice.customer.zone))
    return replace(
        invoice,
        status=after(invoice.status, Act.SEALED),
        number=number,
        issued_at=issued_at,
        due_date=issued_on + timedelta(days=invoice.customer.terms_days),
    )
