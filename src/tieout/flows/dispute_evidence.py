"""Which open disputes have incomplete evidence, and why: a launch review asks, and has no override."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.dispute.dispute import Dispute
from tieout.dispute.state import State
from tieout.flows.disputes import all_disputes
from tieout.flows.examine_dispute import pack_findings
from tieout.flows.home import Home


@dataclass(frozen=True, slots=True)
class IncompleteEvidence:
    """An open dispute and everything that its evidence lacks; `next_action` is a command."""

    dispute: Dispute
    why: tuple[str, ...]
    next_action: str


def incomplete_evidence(home: Home) -> tuple[IncompleteEvidence, ...]:
    """Open disputes whose pack is missing, does not verify, or was never traced; by when they were opened.
    Each kept pack is verified anew."""
    found = []
    for dispute in all_disputes(home):
        why = lacking(home, dispute) if dispute.is_open else ()
        if why:
            verb = "show" if dispute.state is State.ISOLATED else "examine"
            found.append(IncompleteEvidence(dispute, why, f"tieout dispute {verb} {dispute.id}"))
    return tuple(found)


def lacking(home: Home, dispute: Dispute) -> tuple[str, ...]:
    """What the evidence of one dispute lacks."""
    why = ["it has no pack"] if dispute.pack is None else pack_findings(home, dispute.pack)
    examined = dispute.examined
    if examined is None:
        why.append("its lines were not traced")
    else:
        traced = {each.line for each in examined.lines if each.matches}
        claimed = dispute.claim.line
        if (claimed is not None and claimed not in traced) or not all(
            each.matches for each in examined.lines
        ):
            why.append("its trace differs")
    return tuple(why)
