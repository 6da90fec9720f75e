"""A reconciled draft with every row of its seal made beforehand, but for what the seal alone knows: number,
instant and due date. It is small enough to be handed from one process to another.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import timedelta
from functools import cache
from hashlib import sha256
from operator import attrgetter
from typing import Any

from tieout.evidence.stored import EntryRow, LaidOut, SealedRows
from tieout.flows import seal_account
from tieout.flows.draft_accounts import ReadyAccount
from tieout.flows.due_accounts import DueAccount
from tieout.invoice.document import UnnumberedDocument, unnumbered_document
from tieout.invoice.number import format_number
from tieout.invoice.seal import sealed_invoice
from tieout.kernel.calendar import local_date
from tieout.kernel.ids import InvoiceId, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.zone import zone
from tieout.ports import Sealing

NOT_NUMBERED = ""


@dataclass(frozen=True, slots=True)
class UnnumberedRows:
    """All rows of a seal, laid out. Their invoice has no number or document yet, and its entries are as
    proposed."""

    rows: SealedRows
    document: UnnumberedDocument
    zone: str
    terms_days: int

    def numbered(self, number: str, at: Instant) -> SealedRows:
        """As `sealed_rows` gives them for the invoice with that number, issued then."""
        on = local_date(at, zone(self.zone))
        due_date = on + timedelta(days=self.terms_days)
        document = self.document.numbered(number=number, issued_at=at, due_date=due_date)
        stored = replace(
            self.rows.invoice,
            number=number,
            document=document,
            sha256=sha256(document).hexdigest(),
            sealed_at=at,
        )
        laid_out = self.rows.laid_out
        assert laid_out is not None, "`unnumbered` lays out"
        entries = tuple(_issued(each, at, on.isoformat()) for each in laid_out.entries)
        return replace(
            self.rows,
            invoice=stored,
            movements=tuple(replace(each, recorded_at=at) for each in self.rows.movements),
            laid_out=replace(laid_out, entries=entries),
        )


def _issued(entry: EntryRow, at: Instant, on: str) -> EntryRow:
    """As `issued_at_seal` gives it."""
    if not entry.at_issue and entry.effective_at <= at:
        return entry
    return entry._replace(effective_at=at, effective_on=on)


@dataclass(frozen=True, slots=True)
class PreparedAccount:
    """`unnumbered` are its rows; the other members say of the invoice what sealing asks for."""

    account: DueAccount
    id: InvoiceId
    series: str
    rows: int
    billed: frozenset[SubscriptionId]
    unnumbered: UnnumberedRows

    def sealing(self, *, issued_at: Instant) -> Sealing:
        def issue(ordinal: int) -> SealedRows:
            return self.unnumbered.numbered(format_number(self.series, ordinal), issued_at)

        return Sealing(self.id, self.series, issue)


def unnumbered(ready: ReadyAccount, at: Instant, lay_out: Callable[[SealedRows], LaidOut]) -> UnnumberedRows:
    """Raises what `sealed_rows` raises. `at` is any instant: nothing of it stays."""
    invoice = sealed_invoice(ready.invoice, number=NOT_NUMBERED, issued_at=at)
    rows = seal_account.sealed_rows(ready, invoice, at, document=b"", entries=ready.entries)
    laid_out = lay_out(rows)
    return UnnumberedRows(
        replace(rows, snapshots=(), charges=(), lines=(), entries=(), laid_out=laid_out),
        unnumbered_document(invoice),
        invoice.customer.zone,
        invoice.customer.terms_days,
    )


def packed(value: object) -> bytes:
    """Pickled, with records written as calls of their classes: half the time of Python's own way."""
    written = io.BytesIO()
    _Packer(written, pickle.HIGHEST_PROTOCOL).dump(value)
    return written.getvalue()


class _Packer(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        members = _members(kind)  # type: ignore[arg-type] # a class is hashable
        return NotImplemented if members is None else (kind, members(value))


@cache
def _members(kind: Hashable) -> Callable[[object], tuple[object, ...]] | None:
    if (
        not isinstance(kind, type)
        or not is_dataclass(kind)
        or not all(each.init and not each.kw_only for each in fields(kind))
    ):
        return None
    names = [each.name for each in fields(kind)]
    if len(names) == 1:
        return lambda value: (getattr(value, names[0]),)
    return attrgetter(*names) if names else None
