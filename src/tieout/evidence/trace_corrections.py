"""Reproduces a commitment's line that corrects a sealed period: the period is worked out again from the
movements before it as they were known, the corrections of earlier periods included, and from what all papers
up to this one settled of its usage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tieout.balance.commitment import METERED, CommitmentLine, Role, account_of
from tieout.balance.movement import Movement
from tieout.balance.reversal import standing_movements
from tieout.close.commitments import commitment_outcome, in_term
from tieout.contract.subscription import Commitment, Subscription
from tieout.correction.carried import (
    Moves,
    before_period,
    corrected_period,
    moved_differently,
    recorded_moves,
)
from tieout.evidence.reproduced import Difference, compared
from tieout.evidence.stored import StoredEvidence, StoredInvoice
from tieout.evidence.stored_corrections import SettledRow
from tieout.invoice.earlier import Correction
from tieout.invoice.invoice import KIND_NOTE
from tieout.kernel.ids import InvoiceId
from tieout.kernel.money import currency
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact
from tieout.rate.charge import Charge
from tieout.rate.commitment import UNIT, commitment_charge
from tieout.rate.withdrawn import withdrawn_charge


@dataclass(frozen=True, slots=True)
class CorrectedBalances:
    """`movements` are the customer's, `rows` the lines of its papers that stand."""

    movements: tuple[Movement, ...]
    rows: tuple[SettledRow, ...]


def known_by(movements: Sequence[Movement], invoice: StoredInvoice) -> tuple[Movement, ...]:
    """What was recorded when the paper was sealed and had not been taken back by then."""
    recorded = (
        each for each in movements if each.recorded_at is not None and each.recorded_at <= invoice.sealed_at
    )
    return standing_movements(recorded)


def corrected_commitment(
    stored: StoredEvidence,
    correction: Correction,
    subscription: Subscription,
    commitment: Commitment,
    evidence: CorrectedBalances,
    found: list[Difference],
) -> Charge:
    """The charge as the correction worked it out; what it moved is compared on the way."""
    invoice, unit, period = stored.invoice, currency(stored.invoice.currency), correction.period
    account = account_of(subscription.key, commitment.key)
    rows = [row for row in evidence.rows if row.invoice.sealed_at <= invoice.sealed_at]
    papers = {row.invoice.id: row.invoice.period for row in rows if row.invoice.kind != KIND_NOTE}
    known = known_by(evidence.movements, invoice)
    mine = [each for each in known if each.invoice == invoice.id and corrected_period(each) is not None]
    before = [each for each in known if each not in mine]
    outcome = commitment_outcome(
        subscription,
        commitment,
        (*before_period(before, papers, period), *_of_earlier(mine, period)),
        usage=_metered(rows, subscription, commitment, period),
        whole=stored.charge.period,
        period=period,
        currency=unit,
    )
    lines, moved = ([], []) if outcome is None else outcome
    asked = {(account + each.suffix, each.kind): each.minor for each in moved}
    found += _movement_differences(account, asked, before, mine, papers, period, invoice)
    return _charge(stored, subscription, commitment, lines)


def _movement_differences(
    account: str,
    asked: Moves,
    before: Sequence[Movement],
    mine: Sequence[Movement],
    papers: Mapping[InvoiceId, Period],
    period: Period,
    invoice: StoredInvoice,
) -> list[Difference]:
    """What the paper moved for the period, against what it had to: what is asked, less what was recorded."""
    own = [paper for paper, of in papers.items() if period.start <= of.start and of.end <= period.end]
    recorded = {
        key: minor
        for key, minor in recorded_moves(before, own, period).items()
        if key[0].removesuffix(METERED) == account
    }
    wanted = moved_differently(
        asked,
        recorded,
        period=period,
        customer=invoice.customer,
        currency=currency(invoice.currency),
        invoice=invoice.id,
        at=invoice.period.last_instant,
    )
    ours = [
        each
        for each in mine
        if each.account.removesuffix(METERED) == account and corrected_period(each) == period
    ]
    return compared("movement", account, ("movements", _said(wanted), _said(ours)))


def _charge(
    stored: StoredEvidence,
    subscription: Subscription,
    commitment: Commitment,
    lines: Sequence[CommitmentLine],
) -> Charge:
    """The line of that role; a charge of zero where there is none any more."""
    role = stored.charge.price.rpartition("/")[2]
    line = next((each for each in lines if each.role.value == role), None)
    named = line or CommitmentLine(Role(role), Exact(0), "")
    charge = commitment_charge(
        named,
        commitment,
        subscription,
        plan=stored.charge.plan,
        plan_version=stored.charge.plan_version,
        currency=stored.invoice.currency,
        period=stored.charge.period,
        segment=stored.charge.segment,
    )
    if line is not None:
        return charge
    return withdrawn_charge(
        subscription.key,
        charge.price,
        plan=charge.plan,
        plan_version=charge.plan_version,
        snapshot=None,
        period=charge.period,
        segment=charge.segment,
        unit=UNIT,
        group=(),
        program=None,
    )


def _of_earlier(mine: Sequence[Movement], period: Period) -> list[Movement]:
    """What this paper itself moved for the periods before."""
    return [
        each
        for each in mine
        if (of := corrected_period(each)) is not None and (of.end, of.start) < (period.end, period.start)
    ]


def _metered(
    rows: Sequence[SettledRow], subscription: Subscription, commitment: Commitment, period: Period
) -> int:
    """Minor units of the period's usage inside the term, as all papers together settled it."""
    return sum(
        row.line.amount_minor
        for row in rows
        if row.charge.subscription == subscription.key
        and row.charge.snapshot is not None
        and period.contains(row.charge.segment.start)
        and in_term(commitment, row.charge.segment.start)
    )


def _said(movements: Sequence[Movement]) -> str:
    return str(sorted((each.id, each.amount.minor) for each in movements))
