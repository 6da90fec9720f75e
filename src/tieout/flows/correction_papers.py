"""The paper of a correction that is billed by itself: a note for the period that it corrects."""

from __future__ import annotations

from collections.abc import Sequence

from tieout import __version__
from tieout.flows.draft_accounts import reference_of
from tieout.flows.rerate_periods import PeriodCorrection
from tieout.invoice.billable import Billable
from tieout.invoice.draft import draft
from tieout.invoice.invoice import KIND_NOTE, Invoice
from tieout.kernel.ids import Watermark
from tieout.kernel.zone import tzdata_version


def note_of(
    correction: PeriodCorrection,
    *,
    watermark: Watermark,
    sequence: int = 1,
    additions: Sequence[Billable] | None = None,
) -> Invoice:
    """The draft, with the parties, the taxes and under the policy of the period that is corrected."""
    return draft(
        customer=correction.customer,
        seller=correction.seller,
        period=correction.sealed.period,
        charges=(),
        cutoff=watermark,
        policy=reference_of(correction.sealed.account),
        tzdata_version=tzdata_version(),
        software_version=__version__,
        kind=KIND_NOTE,
        sequence=sequence,
        taxation=correction.taxation,
        additions=correction.billables if additions is None else additions,
    )
