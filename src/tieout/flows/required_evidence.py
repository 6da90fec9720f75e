"""The evidence that a signed policy asks for before a seal, gathered for the drafts that are ready.

Where no policy asks for any, this costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tieout.close.account import AccountOutcome
from tieout.close.outcome import Parked
from tieout.close.requirements import Evidence, StatedTotal, VerifiedLog, lacking
from tieout.contract.policy import Requirement
from tieout.flows.approve_price import unsigned_prices
from tieout.flows.draft_accounts import ReadyAccount
from tieout.flows.draft_balances import WAITS
from tieout.flows.due_accounts import DueAccount
from tieout.flows.home import Home
from tieout.flows.pipeline_alerts import NAME_LENGTH_MAX, checked_line
from tieout.flows.read_log import read_log
from tieout.flows.waivers import StandingWaivers, total_statement
from tieout.ingest.control_total import Comparison, ControlTotal, compare
from tieout.kernel.ids import CustomerId, EventType, Watermark
from tieout.kernel.period import Period
from tieout.ports import LogVerification
from tieout.ports.review import ItemState, QuarantineQuery

_Source = tuple[str, EventType]
_Window = tuple[frozenset[EventType], Period, Watermark]
LOOKED_AT_ONCE = 1_000


def asks_for_evidence(accounts: Iterable[DueAccount]) -> bool:
    """Whether any of their policies asks for something beside an approved draft."""
    policies = {id(each.policy): each.policy.policy for each in accounts}.values()
    return any(frozenset(policy.requires) - {Requirement.APPROVED_DRAFT} for policy in policies)


def with_evidence(
    home: Home, ready: Sequence[ReadyAccount], known: EvidenceOnRecord | None = None
) -> tuple[list[ReadyAccount], list[AccountOutcome]]:
    """Those that may be sealed, and the outcome of those whose policies ask for what is not on record; all of
    a customer's at once. `known`: what was looked up for others of the same close."""
    if not asks_for_evidence(each.account for each in ready):
        return list(ready), []
    gathered = EvidenceOnRecord(home) if known is None else known
    kept: list[ReadyAccount] = []
    outcomes: list[AccountOutcome] = []
    stopped: set[CustomerId] = set()
    for each in ready:
        account = each.account
        lacks = lacking(account.policy.policy.requires, gathered.of(each))
        if lacks:
            found = Parked(
                "; ".join(lack.reason for lack in lacks),
                "; ".join(dict.fromkeys(lack.next_action for lack in lacks)),
            )
        elif account.customer in stopped and (each.movements or each.movements_seen):
            found = WAITS
        else:
            kept.append(each)
            continue
        stopped.add(account.customer)
        outcomes.append(AccountOutcome(account.customer, account.period, found))
    return kept, outcomes


def record_verification(home: Home, report: LogVerification, *, person: str, findings: int) -> VerifiedLog:
    """Puts what `verify` found on record, under the name of who ran it."""
    found = VerifiedLog(
        batches=report.batches,
        head_digest=report.head_digest.hex(),
        findings=findings,
        person=checked_line("name", person, NAME_LENGTH_MAX),
        verified_at=home.clock.now(),
    )
    home.books.verifications.add(found)
    return found


@dataclass(slots=True)
class EvidenceOnRecord:
    """What the invoices of one close share is looked up once."""

    home: Home
    waivers: StandingWaivers | None = None
    by_window: dict[_Window, tuple[frozenset[_Source], tuple[StatedTotal, ...]]] = field(default_factory=dict)
    by_cutoff: dict[Watermark, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    unsigned: dict[str, str] | None = None

    def of(self, ready: ReadyAccount) -> Evidence:
        """What the policy of the account asks for; nothing else is looked up."""
        requires, invoice = ready.account.policy.policy.requires, ready.invoice
        evidence = Evidence(invoice.cutoff, invoice.period)
        if Requirement.CONTROL_TOTALS in requires:
            types = frozenset(request.meter.event for request in ready.requests)
            sources, totals = self._stated((types, invoice.period, invoice.cutoff))
            evidence = replace(evidence, sources=sources, totals=totals)
        if Requirement.VERIFIED_LOG in requires:
            evidence = replace(evidence, verified=self.home.books.verifications.latest())
        if Requirement.DECIDED_QUARANTINE in requires:
            evidence = replace(evidence, undecided=self._undecided(invoice.cutoff))
        if Requirement.SIGNED_PRICES in requires:
            digests = {line.charge.price.digest for line in invoice.lines}
            names = {name for digest, name in self._unsigned().items() if digest in digests}
            evidence = replace(evidence, unsigned_prices=tuple(sorted(names)))
        return evidence

    def _stated(self, window: _Window) -> tuple[frozenset[_Source], tuple[StatedTotal, ...]]:
        if window not in self.by_window:
            types, period, cutoff = window
            stated = [
                each.stated
                for each in self.home.pipeline.control_totals(source=None)
                if each.stated.type in types and _window_of(each.stated).overlaps(period)
            ]
            asked = [
                ControlTotal(source, "asked", event_type, period.start, period.end, 0, None, None)
                for source in self.home.pipeline.sources()
                for event_type in sorted(types)
            ]
            both = [*stated, *asked]
            accepted = read_log(
                self.home, lambda manifest: self.home.engine.source_totals(both, manifest), watermark=cutoff
            )
            now = self.home.clock.now()
            totals = tuple(
                self._compared(compare(total, found, now=now))
                for total, found in zip(stated, accepted, strict=False)
            )
            sources = frozenset(
                (total.source, total.type)
                for total, found in zip(asked, accepted[len(stated) :], strict=True)
                if found.events
            )
            self.by_window[window] = sources, totals
        return self.by_window[window]

    def _compared(self, found: Comparison) -> StatedTotal:
        return StatedTotal(
            source=found.stated.source,
            id=found.stated.id,
            type=found.stated.type,
            window=_window_of(found.stated),
            state=found.state,
            waived=self._waivers().standing(total_statement(found)) is not None,
        )

    def _waivers(self) -> StandingWaivers:
        if self.waivers is None:
            self.waivers = StandingWaivers(self.home)
        return self.waivers

    def _undecided(self, cutoff: Watermark) -> tuple[tuple[str, int], ...]:
        """Items in quarantine that arrived up to the cutoff and were neither released nor discarded."""
        if cutoff not in self.by_cutoff:
            counts: dict[str, int] = {}
            query: QuarantineQuery | None = QuarantineQuery(state=ItemState.OPEN, limit=LOOKED_AT_ONCE)
            while query is not None:
                found = self.home.review.items(query)
                for each in found:
                    if each.item.position.batch <= cutoff:
                        counts[each.item.source] = counts.get(each.item.source, 0) + 1
                more = len(found) == LOOKED_AT_ONCE and found[-1].item.position.batch <= cutoff
                query = replace(query, after=found[-1].item.position) if more else None
            self.by_cutoff[cutoff] = tuple(sorted(counts.items()))
        return self.by_cutoff[cutoff]

    def _unsigned(self) -> dict[str, str]:
        if self.unsigned is None:
            self.unsigned = unsigned_prices(self.home)
        return self.unsigned


def _window_of(total: ControlTotal) -> Period:
    return Period(total.start, total.end)
