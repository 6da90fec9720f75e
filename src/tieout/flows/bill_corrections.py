"""Which corrections a close may bill: what was approved on a delta report, and what the signed policy
approves in advance.

An approved correction is worked out again as of the report's watermark, and billed only where it is what was
approved. What came later stays late.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tieout.balance.commitment import METERED
from tieout.close.account import AccountOutcome
from tieout.close.outcome import Parked
from tieout.contract.catalog import Catalog
from tieout.contract.policy import LateApproval
from tieout.evidence.stored_corrections import StoredReport
from tieout.flows.correct import period_of, section_key, sections_of, stretch
from tieout.flows.delta_report import delta_periods, section_text
from tieout.flows.find_corrections import FoundCorrections, Sought, find_corrections
from tieout.flows.home import Home
from tieout.flows.policy import PolicyState
from tieout.flows.rerate_periods import NOT_YET, PeriodCorrection
from tieout.invoice.billable import Billable
from tieout.invoice.earlier import scope_of
from tieout.kernel.ids import CustomerId, LineId, Watermark
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.money import currency
from tieout.kernel.period import Period
from tieout.kernel.rounding import settle
from tieout.ledger.standing import Standing

BY_POLICY = "late data, which the signed policy corrects without a person's approval"
STALE = (
    "an approved correction is not what it was any more: what was settled for the period has changed since",
    "run `tieout correction preview` again and have the new report approved; the old one is not billed",
)


@dataclass(frozen=True, slots=True)
class Due:
    """A correction that may be billed, as known at `watermark`; `approval` is empty where the policy
    approves. `standing`: what stands in the ledger for the lines that it takes up."""

    approval: str
    watermark: Watermark
    correction: PeriodCorrection
    standing: tuple[Standing, ...] = ()

    @property
    def lines(self) -> tuple[LineId, ...]:
        """The lines that it takes up."""
        return tuple(each.line for billable in self.correction.billables for each in billable.earlier)


@dataclass(frozen=True, slots=True)
class CorrectionsDue:
    """By customer, in order of periods; and what could not be worked out."""

    due: Mapping[CustomerId, tuple[Due, ...]]
    outcomes: tuple[AccountOutcome, ...]


NOTHING_DUE = CorrectionsDue({}, ())


def corrections_due(
    home: Home,
    catalog: Catalog,
    policies: Sequence[PolicyState],
    *,
    customers: Sequence[CustomerId],
    cutoff: Watermark,
) -> CorrectionsDue:
    """Of these customers. Looks at nobody's usage where nothing was approved."""
    found: dict[CustomerId, tuple[Due, ...]] = {}
    outcomes: list[AccountOutcome] = []
    for report, chosen in _approved(home, frozenset(customers)):
        due, stopped = _of_report(home, catalog, policies, report, chosen)
        found.update(due)
        outcomes += stopped
    if any(state.policy.late_approval is LateApproval.POLICY for state in policies):
        rest = tuple(customer for customer in customers if customer not in found)
        sought = Sought(rest, BY_POLICY, mapped=False)
        seen = find_corrections(home, catalog, policies, sought, watermark=cutoff)
        outcomes += seen.stopped
        for customer, corrections in _by_customer(seen).items():
            free, waiting = approved_by_policy(corrections)
            outcomes += waiting
            if free:
                found[customer] = tuple(Due("", seen.watermark, each) for each in free)
    return CorrectionsDue(_with_standing(home, found), tuple(outcomes))


def _with_standing(
    home: Home, found: Mapping[CustomerId, tuple[Due, ...]]
) -> Mapping[CustomerId, tuple[Due, ...]]:
    """Read after the papers were counted: the seal refuses where another paper has come since."""
    by_line: dict[LineId, list[Standing]] = {}
    asked = {customer: [line for each in due for line in each.lines] for customer, due in found.items()}
    for stands in home.books.ledger.standing(asked) if asked else ():
        by_line.setdefault(stands.line, []).append(stands)
    return {
        customer: tuple(
            replace(each, standing=tuple(one for line in each.lines for one in by_line.get(line, ())))
            for each in due
        )
        for customer, due in found.items()
    }


def _approved(
    home: Home, customers: frozenset[CustomerId]
) -> Iterable[tuple[StoredReport, tuple[CustomerId, ...]]]:
    """Approved reports with the customers of whom they are the last, and are not billed."""
    reports = [each for each in home.books.corrections.reports() if each.approvals]
    if not reports:
        return
    billed = _billed(home)
    taken: set[CustomerId] = set()
    for report in sorted(reports, key=_order, reverse=True):
        sections = sections_of(report)
        named = {customer for customer, _ in sections} & customers
        open_ = {customer for customer, period in sections if (report.digest, customer, period) not in billed}
        waiting = tuple(sorted(named & open_ - taken))
        taken |= named
        if waiting:
            yield report, waiting


def _order(report: StoredReport) -> tuple[Instant, int, Instant]:
    """Of two that were approved at one instant, the later one has seen more."""
    return report.approvals[0].approved_at, watermark_of(report), report.previewed_at


def _of_report(
    home: Home,
    catalog: Catalog,
    policies: Sequence[PolicyState],
    report: StoredReport,
    customers: tuple[CustomerId, ...],
) -> tuple[dict[CustomerId, tuple[Due, ...]], list[AccountOutcome]]:
    billed = _billed(home)
    stated = {
        (customer, period): text
        for (customer, period), text in sections_of(report).items()
        if (report.digest, customer, period) not in billed  # a close that broke off billed some of them
    }
    repriced = _repriced(report, customers)
    papers = {
        each.invoice: each.period for each in home.books.corrections.billed() if each.digest == report.digest
    }
    sought = Sought(customers, report.reason, approval=report.digest, repriced=repriced, billed=papers)
    found = find_corrections(home, catalog, policies, sought, watermark=watermark_of(report))
    now: dict[CustomerId, dict[str, str]] = {}
    for _, delta in delta_periods(home, catalog, found):
        customer, period = section_key(delta)
        now.setdefault(customer, {})[period] = section_text(delta)
    corrections = _by_customer(found)
    due: dict[CustomerId, tuple[Due, ...]] = {}
    outcomes = list(found.stopped)
    stopped = {outcome.customer for outcome in found.stopped}
    for customer in customers:
        approved = {period: text for (owner, period), text in stated.items() if owner == customer}
        if customer in stopped or customer not in now:
            continue  # said already; or nothing is left to correct
        if now[customer] == approved:
            due[customer] = tuple(Due(report.digest, found.watermark, each) for each in corrections[customer])
        else:
            outcomes.append(AccountOutcome(customer, corrections[customer][0].sealed.period, Parked(*STALE)))
    return due, outcomes


def _billed(home: Home) -> set[tuple[str, CustomerId, str]]:
    """Reports with the customers' periods that papers carry."""
    return {(each.digest, each.customer, stretch(each.period)) for each in home.books.corrections.billed()}


def watermark_of(report: StoredReport) -> Watermark:
    """The end of the log as the report saw it."""
    return Watermark(int(json.loads(report.report)["watermark"]))


def _repriced(
    report: StoredReport, customers: Sequence[CustomerId]
) -> Mapping[CustomerId, frozenset[Period]]:
    """The periods that the report names: it may be about them for a price alone."""
    found: dict[CustomerId, set[Period]] = {}
    for customer, named in sections_of(report):
        if customer in customers:
            found.setdefault(customer, set()).add(period_of(named))
    return {customer: frozenset(periods) for customer, periods in found.items()}


def _by_customer(found: FoundCorrections) -> dict[CustomerId, list[PeriodCorrection]]:
    by_customer: dict[CustomerId, list[PeriodCorrection]] = {}
    for each in found.corrections:
        by_customer.setdefault(each.sealed.customer, []).append(each)
    return by_customer


def approved_by_policy(
    corrections: Sequence[PeriodCorrection],
) -> tuple[list[PeriodCorrection], list[AccountOutcome]]:
    """Of a customer's, in order: those that a policy approves in advance, and an outcome for each of these
    that waits all the same, since it was worked out from a balance that a correction before it moves, and
    that one needs a person."""
    free: list[PeriodCorrection] = []
    outcomes: list[AccountOutcome] = []
    waits_for: dict[str, PeriodCorrection] = {}
    for each in corrections:
        on = next((waits_for[name] for name in sorted(each.sealed.carries) if name in waits_for), None)
        approved = each.sealed.account.policy.policy.late_approval is LateApproval.POLICY
        again = [line for line in each.billables if approved and _bills_credit_again(each, line)]
        if again:
            outcomes.append(AccountOutcome(each.sealed.customer, each.sealed.period, _again(each, again)))
            approved = False
        if approved and on is None:
            free.append(each)
            continue
        if approved and on is not None:
            outcomes.append(AccountOutcome(each.sealed.customer, each.sealed.period, _waits(each, on)))
        for moved in each.movements(NOT_YET):
            waits_for.setdefault(moved.account.removesuffix(METERED), each if on is None else on)
    return free, outcomes


def _bills_credit_again(correction: PeriodCorrection, line: Billable) -> bool:
    """Whether it asks for what was credited as a billing error: usage or price say otherwise still."""
    charge = line.charge
    whole = settle(charge.amount, currency(charge.price.currency), charge.price.rounding)
    more = whole.minor - sum(each.amount.minor for each in line.earlier)
    credits_ = [each for each in correction.settled.get(scope_of(charge), ()) if each.is_credit]
    return more > 0 and bool(credits_)


def _again(correction: PeriodCorrection, lines: Sequence[Billable]) -> Parked:
    named = ", ".join(sorted({each.number for line in lines for each in line.earlier}))
    return Parked(
        f"the correction of invoice {correction.sealed.invoice.number} would ask again for what was credited "
        f"as a billing error (of {named}): the usage and prices of the period are still what they were",
        "mend them at their source (retract, amend, correct the price), or run `tieout correction preview "
        f"--customer {correction.sealed.customer}` and have the report approved; nothing was billed",
    )


def _waits(correction: PeriodCorrection, on: PeriodCorrection) -> Parked:
    start = format_instant(on.sealed.period.start)
    return Parked(
        f"the correction of invoice {correction.sealed.invoice.number} starts from balances that the "
        f"correction of {on.sealed.invoice.number} (the period from {start}) moves, and the policy of that "
        "period wants a person's approval",
        f"run `tieout correction preview --customer {correction.sealed.customer}` and have the report "
        "approved: it holds both; nothing of this correction is billed until then",
    )
