"""What the checks are given, read by flows: plain values, so that whoever brings replay sets or disputes only
has to say these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from tieout.contract.policy import PolicyRole
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.readiness.finance_export import ExportedTotals
from tieout.replay.terms import Apart


@dataclass(frozen=True, slots=True)
class RulesFact:
    """The policy in force now: its digest, what it says of cadence and of off-cycle invoices, and who signed
    (role and person)."""

    name: str
    digest: str
    cadence: str
    off_cycle: str
    signed_by: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class WaitingPolicy:
    """A policy that was proposed and is not in force; `missing` roles have yet to sign (none: its instant
    comes)."""

    name: str
    missing: tuple[str, ...]


class Paper(StrEnum):
    """Which paper of a period is meant: its invoice, or a note that corrects it."""

    INVOICE = "invoice"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Billed:
    """A paper of a billing period as people say it: days in the zone of the paper, the last one exclusive."""

    start: date
    end: date
    paper: Paper = Paper.INVOICE

    def __str__(self) -> str:
        period = f"{self.start.isoformat()}/{self.end.isoformat()}"
        return period if self.paper is Paper.INVOICE else f"{period} {self.paper.value}"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a person of a role recorded beforehand for an account's period: the invoice's total and the date
    on which it is made. `at` is when the home recorded the signature; `revisions`: what the role had signed
    for it before. `period` is the one that the days named then, in the zone `zone_name`: None of what was
    recorded before these were."""

    account: CustomerId
    billed: Billed
    role: PolicyRole
    person: str
    amount: Fraction
    currency: str
    on: date
    at: Instant
    digest: str
    revisions: int = 0
    period: Period | None = None
    zone_name: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What the run gave for an account's period. `number` None: a draft. `changed_inside`: a subscription
    changed within the period, which so has parts; `late_events` of earlier periods that it bills; `sha256` of
    the sealed document. `on` is the day of `made_at` in the zone of the paper, `zone_name`."""

    account: CustomerId
    billed: Billed
    number: str | None
    amount: Fraction
    currency: str
    on: date
    sealed_at: Instant | None
    changed_inside: bool
    late_events: int
    sha256: str | None = None
    made_at: Instant | None = None
    zone_name: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """An account's period for which expectations were recorded, and its run, if it ran. `shown_from`: since
    when a dry run shows what the paper comes to; None where that is not known."""

    account: CustomerId
    billed: Billed
    expectations: tuple[Expectation, ...]
    run: Run | None
    shown_from: Instant | None = None

    def was_shown(self, expected: Expectation) -> bool:
        """Whether a dry run could show the paper before this was recorded."""
        return self.shown_from is not None and expected.at >= self.shown_from


@dataclass(frozen=True, slots=True)
class EventFact:
    """An event contract in force now, with its examples, and the meters in force that count it."""

    name: str
    digest: str
    valid: int
    invalid: int
    meters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplayFact:
    """The latest run of a replay set that the home keeps, of those that count or of those that do not.
    `difference`: what differed, empty where all agrees; `no_gate`: why it proves too little to be a gate,
    besides differences. `told`: what ran, in words and digests. `apart`: why it does not count; None where
    it does."""

    name: str
    difference: str
    no_gate: tuple[str, ...]
    told: str
    apart: Apart | None = None


@dataclass(frozen=True, slots=True)
class TracedPaper:
    """A sealed sample: how many lines were traced, and which do not come out the same, with the reason."""

    number: str
    sha256: str
    lines: int
    differing: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PaperTotals:
    """What a sealed document says: its total, and what of it is asked for or owed after credits."""

    number: str
    currency: str
    total: Fraction
    after_credits: Fraction


@dataclass(frozen=True, slots=True)
class TotalsFacts:
    """`exported` is what the text of the export for finance adds up to, or why it does not; of `papers` are
    left out those that were sealed before there was a ledger."""

    papers: tuple[PaperTotals, ...]
    exported: ExportedTotals | str


@dataclass(frozen=True, slots=True)
class IncompleteDispute:
    """An open dispute whose evidence lacks something."""

    name: str
    lacks: tuple[str, ...]
    next_action: str


@dataclass(frozen=True, slots=True)
class DisputeFacts:
    """`owners`: who answers, by role; `missing` roles have nobody. `opened`: how many there ever were."""

    owners: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    opened: int
    incomplete: tuple[IncompleteDispute, ...]


@dataclass(frozen=True, slots=True)
class ComplianceFact:
    """A compliance gate of this version: whether this home has it enabled, and when it was validated by
    what."""

    name: str
    enabled: bool
    validated: str | None


@dataclass(frozen=True, slots=True)
class ChangedTotal:
    """A period whose total came to something else after it was sealed, and how that is approved: by a delta
    report (its digest and who approved it), or in advance by the signed policy. `problem` None: it is."""

    account: CustomerId
    period: str
    paper: str
    approval: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class BackfillFacts:
    """`rule`: who approves that late data changes what was shown, by the policy in force. `billed`: changes
    on papers; `waiting`: sealed periods that come to something else as known now."""

    rule: str
    billed: tuple[ChangedTotal, ...]
    waiting: tuple[ChangedTotal, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the items are checked by. None: no item that is looked at asks for it, so it was not read, and
    a check that asks all the same stops: what nobody read passes nothing."""

    rules: RulesFact | None
    waiting_policies: tuple[WaitingPolicy, ...]
    samples: tuple[Sample, ...]
    events: tuple[EventFact, ...]
    replays: tuple[ReplayFact, ...]
    traced: tuple[TracedPaper, ...]
    totals: TotalsFacts | None
    disputes: DisputeFacts | None
    compliance: tuple[ComplianceFact, ...]
    backfill: BackfillFacts | None

    @property
    def sampled(self) -> Mapping[str, Run]:
        """Sealed samples, by the number of their paper."""
        runs = (each.run for each in self.samples)
        return {run.number: run for run in runs if run is not None and run.number is not None}
