"""Reads what the items of the launch review are checked by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from tieout import __version__
from tieout.contract.document import Document
from tieout.dispute.role import Role
from tieout.evidence.stored import StoredInvoice
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.dispute_evidence import incomplete_evidence
from tieout.flows.disputes import all_disputes, owners_named
from tieout.flows.export_ledger import journal_lines
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.flows.policy import PolicyState, governing, policies
from tieout.flows.readiness_backfill import backfill_facts
from tieout.flows.readiness_samples import samples_of
from tieout.flows.replay_results import latest_results
from tieout.flows.trace_line import trace
from tieout.invoice.stored_document import read_document
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import Instant
from tieout.readiness.event import events_counted
from tieout.readiness.facts import (
    ComplianceFact,
    DisputeFacts,
    Expectation,
    Facts,
    IncompleteDispute,
    ReplayFact,
    Sample,
    TotalsFacts,
    TracedPaper,
    WaitingPolicy,
)
from tieout.readiness.finance_export import ExportedTotals, UnreadableExport, totals_of
from tieout.readiness.item import ItemKey
from tieout.readiness.replayed import mends, replay_fact
from tieout.readiness.rules import rules_fact
from tieout.readiness.totals import paper_totals

COMPLIANCE_GATES: Final[tuple[Callable[[Home], ComplianceFact], ...]] = ()
"""Each says of a home whether it has the gate enabled, and how that was validated."""
OF_SAMPLES: Final = frozenset({ItemKey.SAMPLES, ItemKey.TRACE, ItemKey.TOTALS})


def read_facts(home: Home, expected: Sequence[Expectation], wanted: Collection[ItemKey]) -> Facts:
    """`expected`: what was recorded of samples beforehand. What no wanted item asks about is not read:
    None, or empty."""
    now, catalog, states = home.clock.now(), load_catalog(home), policies(home)
    state, asked = governing(states, now), frozenset(wanted)
    samples = samples_of(home, expected) if asked & OF_SAMPLES else ()
    is_disputed = asked & {ItemKey.DISPUTE_OWNERS, ItemKey.DISPUTE_EVIDENCE}
    return Facts(
        rules=None if state is None else rules_fact(state.policy, state.signatures),
        waiting_policies=tuple(_waiting(states, now)),
        samples=samples,
        events=tuple(events_counted(catalog, now)),
        replays=replay_facts(home) if ItemKey.REPLAY in asked else (),
        traced=_traced(home, samples) if ItemKey.TRACE in asked else (),
        totals=_totals(home) if ItemKey.TOTALS in asked else None,
        disputes=dispute_facts(home) if is_disputed else None,
        compliance=tuple(gate(home) for gate in COMPLIANCE_GATES),
        backfill=backfill_facts(home, catalog, states, now) if ItemKey.BACKFILL in asked else None,
    )


def replay_facts(home: Home, fresh: Sequence[Document] = ()) -> tuple[ReplayFact, ...]:
    """Of each set the latest run that counts for the home, and the latest that does not. One by another
    version of this software says nothing of this one. With `fresh`: as it will be once they are applied."""
    try:
        return tuple(
            replay_fact(each.result, each.apart, software=__version__) for each in latest_results(home, fresh)
        )
    except TieoutError as error:
        return (ReplayFact("results", str(error).rstrip("."), (), "cannot be read"),)


def replay_mended(home: Home, fresh: Sequence[Document]) -> bool:
    """Whether a replay has failed here, and each set that did has passed, in a run that is kept, with just
    the terms that there will be once these documents are applied."""
    return mends(replay_facts(home), replay_facts(home, fresh))


def dispute_facts(home: Home) -> DisputeFacts:
    named = owners_named(home)
    return DisputeFacts(
        owners=tuple(
            (role.value, ", ".join(named.persons[role])) for role in Role if role not in named.missing
        ),
        missing=tuple(role.value for role in named.missing),
        opened=len(all_disputes(home)),
        incomplete=tuple(
            IncompleteDispute(each.dispute.id, each.why, each.next_action)
            for each in incomplete_evidence(home)
        ),
    )


def _waiting(states: Sequence[PolicyState], now: Instant) -> list[WaitingPolicy]:
    return [
        WaitingPolicy(f"{each.policy.key} v{each.policy.version}", tuple(role.value for role in each.missing))
        for each in states
        if each.in_force_from is None or each.in_force_from > now
    ]


def _traced(home: Home, samples: Sequence[Sample]) -> tuple[TracedPaper, ...]:
    numbers = dict.fromkeys(
        each.run.number for each in samples if each.run is not None and each.run.number is not None
    )
    return tuple(_traced_paper(home, show_invoice(home, number)) for number in numbers)


def _traced_paper(home: Home, paper: StoredInvoice) -> TracedPaper:
    lines = [line.id for line in read_document(paper.number, paper.document).lines]
    differing = []
    for line in lines:
        try:
            found = trace(home, line, page_size=1).reproduced
        except TieoutError as error:
            differing.append((line, str(error)))
            continue
        if not found.matches:
            first = found.differences[0]
            differing.append((line, f"{first.what} {first.name}: {first.expected}, found {first.found}"))
    return TracedPaper(paper.number, paper.sha256, len(lines), tuple(differing))


def _totals(home: Home) -> TotalsFacts:
    before = home.books.ledger.before_ledger()
    try:
        papers = tuple(
            paper_totals(show_invoice(home, each.id))
            for each in home.books.invoices.sealed()
            if each.id not in before
        )
    except TieoutError as error:
        return TotalsFacts((), str(error))
    return TotalsFacts(papers, _exported(home))


def _exported(home: Home) -> ExportedTotals | str:
    try:
        return totals_of(journal_lines(home))
    except (TieoutError, UnreadableExport) as error:
        return str(error)
