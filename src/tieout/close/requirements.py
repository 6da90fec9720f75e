"""What must be on record before an invoice is sealed, as its signed policy says; what lacks parks the
account, with the next action.

That people approved the draft is asked where drafts wait for them (`close/review.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tieout.contract.policy import Requirement
from tieout.ingest.control_total import TotalState
from tieout.kernel.ids import EventType, Watermark
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.period import Period

NAMED_MAX = 5
"""So many of several things of one kind are named; the rest are counted."""


@dataclass(frozen=True, slots=True)
class VerifiedLog:
    """Somebody recomputed every digest of the log up to the end of batch `batches`, and how many were
    wrong."""

    batches: int
    head_digest: str
    findings: int
    person: str
    verified_at: Instant


@dataclass(frozen=True, slots=True)
class StatedTotal:
    """A source's statement about a type, as it compares with the log at the cutoff. `waived`: its difference
    was accepted by those who may."""

    source: str
    id: str
    type: EventType
    window: Period
    state: TotalState
    waived: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is on record for one invoice: `sources` with events of its types in its period, the statements
    about those types that reach into it, the latest verification of the log, how many items of which source
    nobody has decided about, and the price versions on its lines that nobody signed."""

    cutoff: Watermark
    period: Period
    sources: frozenset[tuple[str, EventType]] = frozenset()
    totals: tuple[StatedTotal, ...] = ()
    verified: VerifiedLog | None = None
    undecided: tuple[tuple[str, int], ...] = ()
    unsigned_prices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lack:
    """What is not on record, and what a person does about it."""

    requirement: Requirement
    reason: str
    next_action: str


def lacking(requires: Iterable[Requirement], evidence: Evidence) -> list[Lack]:
    """Everything that the policy asks for and that is not there, in the order of the requirements."""
    asked = set(requires)
    return [
        lack
        for requirement, judge in (
            (Requirement.CONTROL_TOTALS, _totals),
            (Requirement.VERIFIED_LOG, _verified),
            (Requirement.DECIDED_QUARANTINE, _decided),
            (Requirement.SIGNED_PRICES, _signed),
        )
        if requirement in asked
        for lack in judge(evidence)
    ]


def uncovered(period: Period, windows: Iterable[Period]) -> list[Period]:
    """The stretches of the period that no window covers."""
    found: list[Period] = []
    start = period.start
    for window in sorted(windows):
        if window.start >= period.end:
            break
        if start < window.start:
            found.append(Period(start, window.start))
        start = max(start, window.end)
    if start < period.end:
        found.append(Period(start, period.end))
    return found


def _totals(evidence: Evidence) -> Iterator[Lack]:
    stated = {(total.source, total.type) for total in evidence.totals}
    for source, event_type in sorted(evidence.sources | stated):
        totals = [each for each in evidence.totals if (each.source, each.type) == (source, event_type)]
        for each in totals:
            if each.state is not TotalState.MATCHED and not each.waived:
                yield Lack(
                    Requirement.CONTROL_TOTALS,
                    f"control total {each.id} of {source} {_state(each)} for {event_type}",
                    f"find what is missing or too much (tieout ingest control-totals --source {source}), "
                    "send, release or retract it at its source, or have the difference waived",
                )
        for gap in uncovered(evidence.period, [each.window for each in totals]):
            yield Lack(
                Requirement.CONTROL_TOTALS,
                f"{source} has stated no control total of {event_type} from {format_instant(gap.start)} "
                f"until {format_instant(gap.end)}",
                f"have {source} state what it sent in that time (tieout ingest control-total), "
                "then run the close again",
            )


def _state(total: StatedTotal) -> str:
    return "does not tie" if total.state is TotalState.DIFFERS else "does not tie yet"


def _verified(evidence: Evidence) -> Iterator[Lack]:
    found = evidence.verified
    if found is None:
        reason = "nobody has put a verification of the log on record"
    elif found.findings:
        reason = f"the verification of {format_instant(found.verified_at)} found {found.findings} flaws"
    elif found.batches < evidence.cutoff:
        reason = (
            f"the log is verified up to batch {found.batches}, and this is drafted up to {evidence.cutoff}"
        )
    else:
        return
    yield Lack(
        Requirement.VERIFIED_LOG,
        reason,
        "run tieout verify --record-as NAME, then the close again; where events keep arriving, a policy with "
        "review_hours keeps the cutoff of a draft",
    )


def _decided(evidence: Evidence) -> Iterator[Lack]:
    if evidence.undecided:
        count = sum(number for _, number in evidence.undecided)
        sources = _named([f"{source} ({number})" for source, number in evidence.undecided])
        items = "1 item waits" if count == 1 else f"{count} items wait"
        yield Lack(
            Requirement.DECIDED_QUARANTINE,
            f"{items} in quarantine, of {sources}",
            "release or discard them (tieout quarantine list), then run the close again",
        )


def _signed(evidence: Evidence) -> Iterator[Lack]:
    if evidence.unsigned_prices:
        yield Lack(
            Requirement.SIGNED_PRICES,
            f"nobody has signed {_named(evidence.unsigned_prices)}",
            "have product or finance sign (tieout price request PRICE --out FILE; price sign; price "
            "approve), then run the close again",
        )


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED_MAX])
    return shown if len(names) <= NAMED_MAX else f"{shown} and {len(names) - NAMED_MAX} more"
