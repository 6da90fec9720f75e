"""A draft in review: what is stored of it, what people say about it, and when it may be sealed.

Nothing is overwritten: what is drafted anew is a revision of its own, and what was said of an earlier one
stays with that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tieout.kernel.ids import CustomerId, InvoiceId, Watermark
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.period import Period
from tieout.kernel.person import is_same_person

DIGEST_SHOWN = 12
"""Hexadecimal digits of a digest in a sentence."""


class DraftState(StrEnum):
    """How the revision stood when it was stored."""

    IN_REVIEW = "in review"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class StoredDraft:
    """One revision. `document` is empty where only the row was asked for. It was due as of `as_of`. `person`
    took its cutoff (None: the close), and it was drafted for `reason`. `difference` is the text of what it
    changed of the revision that was shown before; `delta` its digest, where events came or went: then
    another person must approve it. `proposed`: the ledger entries that the seal would post, as a text; None
    where only the row was asked for, or the draft is held.
    """

    invoice: InvoiceId
    revision: int
    customer: CustomerId
    period: Period
    kind: str
    sequence: int
    state: DraftState
    cutoff: Watermark
    cutoff_at: Instant
    as_of: Instant
    person: str | None
    reason: str
    document: bytes
    sha256: str
    drafted_at: Instant
    review_until: Instant | None
    difference: str | None = None
    delta: str | None = None
    proposed: str | None = None


class EntryKind(StrEnum):
    """What a person says about a draft."""

    NOTE = "note"
    APPROVAL = "approval"
    OBJECTION = "objection"
    DELTA_APPROVAL = "delta approval"


@dataclass(frozen=True, slots=True)
class ReviewEntry:
    """`sha256` is what exactly is approved: the bytes of the revision, or of its difference."""

    invoice: InvoiceId
    revision: int
    kind: EntryKind
    person: str
    text: str
    sha256: str | None
    recorded_at: Instant


def said_before(entries: Sequence[ReviewEntry], entry: ReviewEntry) -> ReviewEntry | None:
    """The same decision of the same person in the same words, where it still stands; None where it does not,
    or for a note. Entries are in the order in which they were recorded."""
    if entry.kind is EntryKind.NOTE:
        return None
    for each in reversed([each for each in entries if each.revision == entry.revision]):
        if (each.kind, each.sha256, each.text) == (entry.kind, entry.sha256, entry.text):
            if is_same_person(each.person, entry.person):
                return each
        elif {each.kind, entry.kind} == {EntryKind.APPROVAL, EntryKind.OBJECTION}:
            return None  # it was answered since
    return None


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a revision may be sealed; if not, what it waits for."""

    may_be_sealed: bool
    waits_for: str = ""
    approved_by: str | None = None


def standing(
    draft: StoredDraft, entries: Sequence[ReviewEntry], *, needs_approval: bool, as_of: Instant
) -> Standing:
    """Entries count in the order given, and only for the revision that they are about: a redraft makes
    earlier approvals void. An approval ends the wait, and answers objections made before it.

    `needs_approval`: the end of the review is not enough.
    """
    if draft.state is DraftState.HELD:
        return Standing(False, "its breaks to be repaired")
    ours = [each for each in entries if each.revision == draft.revision]
    approval, objection = None, None
    for each in ours:
        if each.kind is EntryKind.APPROVAL and each.sha256 == draft.sha256:
            approval, objection = each, None
        elif each.kind is EntryKind.OBJECTION:
            approval, objection = None, each
    by = None if approval is None else approval.person
    if draft.delta is not None and not is_delta_approved(draft, ours):
        who = "" if draft.person is None else f" by somebody else than {draft.person}"
        return Standing(False, f"the approval of what changed ({draft.delta[:DIGEST_SHOWN]}){who}", by)
    if objection is not None:
        return Standing(False, f"a redraft or an approval: {objection.person} objects: {objection.text}")
    if approval is not None:
        return Standing(True, approved_by=by)
    if needs_approval:
        return Standing(False, "an approval, which its policy requires")
    assert draft.review_until is not None, "a draft in review has an end of it"
    if as_of < draft.review_until:
        return Standing(False, f"review until {format_instant(draft.review_until)}, or an approval")
    return Standing(True)


def void_approvals(draft: StoredDraft, entries: Sequence[ReviewEntry]) -> list[ReviewEntry]:
    """Approvals of earlier revisions than the latest, which count no more."""
    return [each for each in entries if each.kind is EntryKind.APPROVAL and each.revision < draft.revision]


def is_delta_approved(draft: StoredDraft, entries: Sequence[ReviewEntry]) -> bool:
    """By another person than who drafted it, if a person did."""
    return any(
        each.revision == draft.revision
        and each.kind is EntryKind.DELTA_APPROVAL
        and each.sha256 == draft.delta
        and not (draft.person and is_same_person(each.person, draft.person))
        for each in entries
    )
