"""What became of the requests of charge controls that the invoice rules look at an account.

The signed policy of the period decides whether anything may be billed inside it; whether a condition is met,
the close of exactly that account inside exactly that period finds out. What else of the customer is due is
left to the close of its own time. Every request is answered once, with what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.close.account import AccountOutcome, recorded
from tieout.close.outcome import NotDue, OutcomeName
from tieout.flows.close_periods import CloseReport, close
from tieout.flows.home import Home
from tieout.flows.policy import governing, policies
from tieout.flows.readiness_level import NO_INTERIMS, bills_inside
from tieout.kernel.errors import TieoutError, Unavailable
from tieout.kernel.ids import CustomerId
from tieout.kernel.period import Period
from tieout.ports.triggers import InterimRequest, NotOpen
from tieout.trigger.invoice.request import Declined, taken_up

DECLINED = "declined"
SEALED = OutcomeName.SEALED.value
NOTHING_MET = "nothing-billed"
NOTHING_MET_WHY = "no condition of the policy's off-cycle rule holds for the account"
PERIOD_OVER = "period-over"
PERIOD_OVER_WHY = "the period has ended meanwhile: its close bills it"

WAITS = "waits"
WAITS_WHY = (
    "an earlier period of the customer has ended and is not closed, and its balances go on into this one; "
    "the close that seals it looks at this one too"
)


@dataclass(frozen=True, slots=True)
class InterimAnswer:
    """`invoice` where one was sealed or drafted for review."""

    request: InterimRequest
    outcome: str
    reason: str
    invoice: str | None


def answer_interims(home: Home) -> tuple[InterimAnswer, ...]:
    """Looks at every request that is open, in order. One whose close cannot be done now stays open."""
    found = []
    for request in home.books.triggers.interim_requests(open_only=True):
        try:
            answer = _answer(home, request)
            home.books.triggers.answer(
                request.asked.request,
                outcome=answer.outcome,
                reason=answer.reason,
                invoice=answer.invoice,
                at=home.clock.now(),
            )
        except NotOpen:  # another process was faster
            continue
        found.append(answer)
    return tuple(found)


def _answer(home: Home, request: InterimRequest) -> InterimAnswer:
    asked = request.asked
    if not bills_inside(home.books.readiness.level()):
        return InterimAnswer(request, DECLINED, NO_INTERIMS, None)
    state = governing(policies(home), asked.period.start)
    policy = None if state is None else state.policy
    taken = taken_up(asked.request, asked.customer, asked.period, policy)
    if isinstance(taken, Declined):
        return InterimAnswer(request, DECLINED, f"{taken.reason}; {taken.action}", None)
    before = _sealed_since(home, request)
    if before is not None:
        return before
    now = home.clock.now()
    if now >= asked.period.end:
        return InterimAnswer(request, PERIOD_OVER, PERIOD_OVER_WHY, None)
    try:
        report = close(home, as_of=now, customers=(taken.customer,), inside=asked.period)
    except TieoutError as error:
        if isinstance(error, Unavailable):
            raise  # later: the request stays open
        return InterimAnswer(request, "parked", str(error), None)
    return _of_close(request, report, asked.customer, asked.period)


def _sealed_since(home: Home, request: InterimRequest) -> InterimAnswer | None:
    """An interim that counts what the request is about: by a close that another asked for, or by one of ours
    that died before it could answer. Positions say so, never clocks."""
    asked = request.asked
    for interim in home.books.interims.of([asked.customer]).get(asked.customer, ()):
        paper = interim.invoice
        if interim.stands and paper.cutoff >= request.seen and paper.period.overlaps(asked.period):
            return InterimAnswer(request, SEALED, f"sealed as {paper.number}", paper.id)
    return None


def _of_close(
    request: InterimRequest, report: CloseReport, customer: CustomerId, period: Period
) -> InterimAnswer:
    """What the close says of the account whose period was asked for, or of its customer as a whole."""
    of_account = [
        AccountOutcome(who, when, outcome)
        for who, when, outcome in report.outcomes
        if who == customer and not isinstance(outcome, NotDue) and (when is None or when.overlaps(period))
    ]
    if not of_account and any(who == customer and when is not None for who, when, _ in report.outcomes):
        return InterimAnswer(request, WAITS, WAITS_WHY, None)
    if not of_account:
        return InterimAnswer(request, NOTHING_MET, NOTHING_MET_WHY, None)
    said = recorded(of_account[-1])
    reason = said.reason if not said.next_action else f"{said.reason}; {said.next_action}"
    return InterimAnswer(request, said.outcome.value, reason, said.invoice)
