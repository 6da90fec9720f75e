"""Whether what somebody expects was said beforehand, as far as a home can know.

Known are papers, drafts that were kept, and what closes told. Not known is who looked: a dry run, usage and
exposure are shown and leave nothing behind, and a copy of the home shows them too. But from the instant at
which a period is due a dry run shows what it comes to, so that much is said of what is recorded after it.
"""

from __future__ import annotations

from typing import Final

from tieout.close.outcome import OutcomeName
from tieout.flows.home import Home
from tieout.flows.readiness_papers import papers_of
from tieout.flows.readiness_samples import sealed_papers, shown_from
from tieout.flows.sample_periods import SamplePeriods
from tieout.kernel.instant import Instant, format_instant
from tieout.readiness.documents import ReadinessDocument
from tieout.readiness.facts import Expectation, Paper
from tieout.readiness.papers import expectation_of, expectations
from tieout.readiness.refusals import SampleTooLate
from tieout.readiness.samples import money

SHOWN: Final = {OutcomeName.HELD: "held by a close", OutcomeName.IN_REVIEW: "in review since a close"}
"""Outcomes whose report shows what the period comes to."""


def refuse_late(home: Home, expected: Expectation) -> None:
    """Whoever has seen the paper, or a draft that was kept, expects nothing any more; nor does who has said
    already what they expect, once the paper can be shown: the review lays the two side by side. Raises
    `SampleTooLate`."""
    periods = SamplePeriods(home, expected.account)
    for kind, paper in sealed_papers(home, expected.account, voided_too=True):
        if kind is expected.billed.paper and periods.is_of(expected, paper.period):
            raise SampleTooLate(expected, f"sealed as {paper.number}")
    if expected.billed.paper is not Paper.INVOICE:
        return
    for draft in home.books.drafts.latest(expected.account):
        if periods.is_of(expected, draft.period):
            raise SampleTooLate(expected, "drafted and shown for review")
    for told in home.books.closes.latest():
        if told.customer != expected.account or told.outcome not in SHOWN or told.period is None:
            continue
        if periods.is_of(expected, told.period):
            raise SampleTooLate(expected, SHOWN[told.outcome])
    _refuse_revision(home, expected, periods)


def _refuse_revision(home: Home, expected: Expectation, periods: SamplePeriods) -> None:
    meant = periods.of(expected)
    since = shown_from(home, meant, expected.billed.paper)
    if since is None or home.clock.now() < since:
        return
    for before in expectations(papers_of(home)):
        same = (before.account, before.billed.paper, before.role) == (
            expected.account,
            expected.billed.paper,
            expected.role,
        )
        if same and before.digest != expected.digest and periods.of(before) == meant:
            amount = money(before.amount, before.currency)
            said = f"{before.role.value} ({before.person}) expected {amount} of it"
            raise SampleTooLate(
                expected, f"one that a dry run shows since {format_instant(since)}, and {said} before"
            )


def shown_already(home: Home, document: ReadinessDocument) -> Instant | None:
    """Since when a dry run showed what a sample's paper comes to, where it was recorded after that."""
    expected = expectation_of(document)
    meant = SamplePeriods(home, expected.account).of(expected)
    since = shown_from(home, meant, expected.billed.paper)
    return since if since is not None and expected.at >= since else None
