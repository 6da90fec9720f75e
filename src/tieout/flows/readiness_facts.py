"""Reads what the items of the launch review are checked by."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Final

from tieout import __version__
from tieout.contract.catalog import Catalog
from tieout.contract.document import Document
from tieout.contract.policy_members import member_text, policy_members
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
from tieout.flows.replay_results import KeptRun, latest_results
from tieout.flows.trace_line import trace
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import LineId
from tieout.kernel.instant import Instant
from tieout.kernel.rational import exact
from tieout.readiness.facts import (
    ComplianceFact,
    DisputeFacts,
    EventFact,
    Expectation,
    Facts,
    IncompleteDispute,
    PaperTotals,
    ReplayFact,
    RulesFact,
    Sample,
    TotalsFacts,
    TracedPaper,
    WaitingPolicy,
)
from tieout.readiness.finance_export import ExportedTotals, UnreadableExport, totals_of
from tieout.readiness.item import ItemKey, Passed
from tieout.readiness.replayed import check_replays

COMPLIANCE_GATES: Final[tuple[Callable[[Home], ComplianceFact], ...]] = ()
"""Each says of a home whether it has the gate enabled, and how that was validated."""
OF_SAMPLES: Final = frozenset({ItemKey.SAMPLES, ItemKey.TRACE, ItemKey.TOTALS})


def read_facts(home: Home, expected: Sequence[Expectation], wanted: Collection[ItemKey]) -> Facts:
    """`expected`: what was recorded of samples beforehand. What no wanted item asks about is not read:
    None, or empty."""
    now, catalog, states = home.clock.now(), load_catalog(home), policies(home)
    asked = frozenset(wanted)
    samples = samples_of(home, expected) if asked & OF_SAMPLES else ()
    is_disputed = asked & {ItemKey.DISPUTE_OWNERS, ItemKey.DISPUTE_EVIDENCE}
    return Facts(
        rules=_rules(states, now),
        waiting_policies=tuple(_waiting(states, now)),
        samples=samples,
        events=tuple(_events(catalog, now)),
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
        return tuple(_replayed(each) for each in latest_results(home, fresh))
    except TieoutError as error:
        return (ReplayFact("results", str(error).rstrip("."), (), "cannot be read"),)


def replay_mended(home: Home, fresh: Sequence[Document]) -> bool:
    """Whether a replay has failed here, and each set that did has passed, in a run that is kept, with just
    the terms that there will be once these documents are applied."""
    failed = {each.name for each in replay_facts(home) if each.apart is None and each.difference}
    then = replay_facts(home, fresh)
    passed = {each.name for each in then if each.apart is None and not each.difference}
    return bool(failed) and failed <= passed and isinstance(check_replays(then), Passed)


def _replayed(kept: KeptRun) -> ReplayFact:
    found = kept.result
    counted = f"{found.differences} difference{'' if found.differences == 1 else 's'}"
    difference = counted if found.differences else ""
    if found.software != __version__:
        difference = difference or f"it was run by version {found.software}, this is {__version__}"
    candidate = ", with a candidate catalog" if found.candidate else ""
    replaced = "".join(f"; replaced, {each}" for each in found.replaced)
    told = (
        f"set {found.set_digest[:16]}, terms {found.terms_digest[:16]}, outcome {found.outcome_digest[:16]}, "
        f"{counted}{candidate}, by version {found.software}{replaced}"
    )
    no_gate = found.gate_failures
    if kept.forgets is not None:
        said = f"what was declared in it when result {kept.forgets} was kept is not in it any more"
        no_gate = (*no_gate, f"{said}; a set that is made anew gets another name")
    return ReplayFact(found.set_name, difference, no_gate, told, kept.apart)


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


def _rules(states: Sequence[PolicyState], now: Instant) -> RulesFact | None:
    state = governing(states, now)
    if state is None:
        return None
    members = policy_members(state.policy)
    cadence = ", ".join(
        f"{name.replace('_', ' ')} {member_text(members[name])}"
        for name in ("cadence", "anchor", "anchor_day", "grace_hours", "review_hours")
    )
    told = [
        f"{name.removeprefix('off_cycle.').replace('_', ' ')} {member_text(value)}"
        for name, value in members.items()
        if name.startswith("off_cycle.") and value not in (None, [], False)
    ]
    off_cycle = "; ".join(told) if state.policy.off_cycle else "nobody is billed inside a period"
    signed_by = tuple((each.role.value, each.person) for each in state.signatures)
    name = f"{state.policy.key} v{state.policy.version}"
    return RulesFact(name, state.policy.digest, cadence, off_cycle, signed_by)


def _waiting(states: Sequence[PolicyState], now: Instant) -> list[WaitingPolicy]:
    return [
        WaitingPolicy(f"{each.policy.key} v{each.policy.version}", tuple(role.value for role in each.missing))
        for each in states
        if each.in_force_from is None or each.in_force_from > now
    ]


def _events(catalog: Catalog, now: Instant) -> list[EventFact]:
    counted: dict[str, list[str]] = {}
    for key in catalog.meters.keys:
        meter = catalog.meters.at(key, now)
        if meter is not None:
            counted.setdefault(meter.event, []).append(key)
    found = []
    for event_type in catalog.contracts.types:
        contract = catalog.contracts.find(event_type, now)
        if contract is None:
            continue
        valid = sum(each.valid for each in contract.examples)
        name = f"{contract.type} v{contract.version}"
        meters = tuple(counted.get(contract.type, ()))
        found.append(EventFact(name, contract.digest, valid, len(contract.examples) - valid, meters))
    return found


def _traced(home: Home, samples: Sequence[Sample]) -> tuple[TracedPaper, ...]:
    numbers = dict.fromkeys(
        each.run.number for each in samples if each.run is not None and each.run.number is not None
    )
    return tuple(_traced_paper(home, show_invoice(home, number)) for number in numbers)


def _traced_paper(home: Home, paper: StoredInvoice) -> TracedPaper:
    lines = [LineId(line["id"]) for line in json.loads(paper.document)["lines"]]
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
            _paper_totals(show_invoice(home, each.id))
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


def _paper_totals(paper: StoredInvoice) -> PaperTotals:
    """From the sealed bytes; documents of format 1 know no credits."""
    document = json.loads(paper.document)
    total = exact(document["total"])
    credits_ = sum((exact(each["amount"]) for each in document.get("credits", ())), exact(0))
    return PaperTotals(paper.number, document["currency"], total, total - credits_)
