"""The outcome of a close, account by account, as it is reported and as it is recorded."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.close.outcome import Held, InReview, NotDue, Outcome, OutcomeName, Parked, Sealed, outcome_name
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import format_instant
from tieout.kernel.period import Period


@dataclass(frozen=True, slots=True)
class AccountOutcome:
    """What became of one customer's period; `period` is None where no period could be told."""

    customer: CustomerId
    period: Period | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class RecordedOutcome:
    """An outcome as the books keep it."""

    customer: CustomerId
    period: Period | None
    outcome: OutcomeName
    reason: str
    next_action: str
    invoice: InvoiceId | None


def recorded(account: AccountOutcome) -> RecordedOutcome:
    """The words that are kept, so that the reason is still there when the run that found it is long over."""
    name = outcome_name(account.outcome)
    reason, next_action, invoice = _words(account.outcome)
    return RecordedOutcome(account.customer, account.period, name, reason, next_action, invoice)


def _words(outcome: Outcome) -> tuple[str, str, InvoiceId | None]:
    match outcome:
        case Sealed(invoice, number):
            return f"sealed as {number}", "", invoice
        case InReview(invoice, revision, waits_for):
            reason = f"draft revision {revision} waits for {waits_for}"
            return reason, f"look at it: tieout draft show {invoice}", invoice
        case Held(invoice, breaks):
            reasons = "; ".join(
                f"{found.tie} ({found.kind.value}): expected {found.expected}, found {found.found}"
                for found in breaks
            )
            return reasons, "; ".join(dict.fromkeys(found.next_action for found in breaks)), invoice
        case Parked(reason, next_action):
            return reason, next_action, None
        case NotDue(due_at, why):
            reason = "no period is coming" if due_at is None else f"due at {format_instant(due_at)}"
            return why or reason, "", None
