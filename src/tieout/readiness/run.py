"""What a paper gave for an account's period, read from its document."""

from __future__ import annotations

from tieout.evidence.stored import StoredInvoice
from tieout.invoice.stored_document import StoredDocument
from tieout.kernel.calendar import local_date
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.rational import exact
from tieout.kernel.zone import zone
from tieout.readiness.facts import Billed, Run


def run_of(
    account: CustomerId,
    billed: Billed,
    document: StoredDocument,
    made_at: Instant,
    *,
    sealed: StoredInvoice | None = None,
) -> Run:
    """`made_at`: when it was made, or would be. `sealed` None: `document` is a draft's."""
    return Run(
        account=account,
        billed=billed,
        number=None if sealed is None else sealed.number,
        amount=exact(document.total),
        currency=document.currency,
        on=local_date(made_at, zone(document.period.zone)),
        sealed_at=None if sealed is None else sealed.sealed_at,
        changed_inside=_changed_inside(document),
        late_events=_late_events(document),
        sha256=None if sealed is None else sealed.sha256,
        made_at=made_at,
        zone_name=document.period.zone,
    )


def _changed_inside(document: StoredDocument) -> bool:
    """Whether one subscription has charges for different parts of the paper's period. A fee in advance is for
    the next period, and no part of this one."""
    whole = document.period.period
    parts: dict[str, set[tuple[str, str]]] = {}
    for line in document.lines:
        if line.correction is None and whole.start <= parse_instant(line.segment.start) < whole.end:
            parts.setdefault(line.subscription, set()).add((line.segment.start, line.segment.end))
    return any(len(found) > 1 for found in parts.values())


def _late_events(document: StoredDocument) -> int:
    """Each line of a meter counts them again: of a corrected period the greatest count is meant."""
    found: dict[str, int] = {}
    for line in document.lines:
        if line.correction is not None:
            start = line.correction.period.start
            found[start] = max(found.get(start, 0), line.correction.late_events)
    return sum(found.values())
