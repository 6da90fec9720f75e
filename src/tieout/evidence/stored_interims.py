"""The interim invoices that were sealed for a customer, as what comes after them needs to know them."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.evidence.stored import StoredInvoice
from tieout.invoice.earlier import EarlierLine, Scope


@dataclass(frozen=True, slots=True)
class InterimLine:
    """What a line settled, and of which scope."""

    scope: Scope
    settled: EarlierLine


@dataclass(frozen=True, slots=True)
class StoredInterim:
    """A sealed interim invoice with its document. A voided one does not stand: it settled nothing, but its
    sequence is used for ever."""

    invoice: StoredInvoice
    stands: bool
    lines: tuple[InterimLine, ...]
