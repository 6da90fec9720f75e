"""Interim invoices, as the next paper of their period needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tieout.evidence.stored_interims import StoredInterim
from tieout.kernel.ids import CustomerId


class InterimStore(Protocol):
    """Read only: they are sealed by `InvoiceStore.seal`, like every paper."""

    def of(self, customers: Sequence[CustomerId]) -> Mapping[CustomerId, tuple[StoredInterim, ...]]:
        """Each customer's, by period and sequence, voided ones too; who has none is left out."""
        ...
