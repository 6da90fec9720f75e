"""Drafts, as people look at them and speak about them: shown with their history, noted, approved, objected
to, and drafted anew with the difference shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.close.outcome import InReview, Outcome
from tieout.close.review import (
    DIGEST_SHOWN,
    DraftState,
    EntryKind,
    ReviewEntry,
    Standing,
    StoredDraft,
    standing,
    void_approvals,
)
from tieout.contract.policy import Policy, Requirement
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.close_periods import close
from tieout.flows.decision import REASON, decision_now
from tieout.flows.home import Home
from tieout.flows.manual_lines import SamePerson
from tieout.flows.policy import governing, policies
from tieout.flows.review_drafts import Redraft
from tieout.invoice.difference import DraftDifference, draft_difference, parse_difference
from tieout.kernel.errors import ConflictError, NotFound, Refusal, shown
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.person import is_same_person
from tieout.ledger.entry import Entry
from tieout.ledger.entry_text import parse_entries

DIGEST_LENGTH_MIN = 8


class NoSuchDraft(NotFound):
    """Nothing of that id was ever drafted for review, or not in that revision."""

    code = "no-such-draft"

    def __init__(self, name: str, revision: int | None = None) -> None:
        if revision is None:
            super().__init__(
                f"There is no draft {shown(name)} here; `tieout draft list` names those there are."
            )
        else:
            what = f"There is no revision {revision} of draft {shown(name)}"
            super().__init__(f"{what}; `tieout draft history` names those there are.")


class OtherBytes(ConflictError):
    """Somebody approves what the draft is not, or is not any more."""

    code = "other-bytes"

    def __init__(self, what: str, given: str, latest: str | None) -> None:
        is_now = "there is none to approve" if latest is None else f"it is {latest}"
        super().__init__(
            f"{what} {shown(given)} is not that of the latest revision: {is_now}. Read that one before "
            "anything is approved: tieout draft show."
        )


class MalformedDigestPrefix(Refusal):
    """Too short to name one document, or no hexadecimal digits."""

    code = "malformed-digest"

    def __init__(self, text: str) -> None:
        super().__init__(f"{shown(text)} is no digest: at least {DIGEST_LENGTH_MIN} lower-case hex digits.")


class DraftNotOpen(ConflictError):
    """The draft is not one that a person can decide about now."""

    code = "draft-not-open"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"Draft {name}: {why}.")


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft as lists show it. `number` where its invoice is sealed."""

    draft: StoredDraft
    stands: Standing
    number: str | None


@dataclass(frozen=True, slots=True)
class DraftView:
    """One revision with everything said about the draft, and the approvals that a later revision made
    void. `proposed` are the ledger entries that its seal would post."""

    draft: StoredDraft
    latest: int
    stands: Standing
    number: str | None
    entries: tuple[ReviewEntry, ...]
    void: tuple[ReviewEntry, ...]
    difference: DraftDifference | None
    proposed: tuple[Entry, ...]


def list_drafts(home: Home, customer: str | None = None) -> tuple[DraftRow, ...]:
    """The latest revision of each draft that is not sealed; of one customer, of sealed ones too. Raises
    `NoSuchCustomer`."""
    store = home.books.drafts
    found = store.open() if customer is None else store.latest(CustomerId(customer))
    if customer is not None and not found and customer not in load_catalog(home).customers:
        raise NoSuchCustomer(customer)
    entries = store.entries([each.invoice for each in found])
    numbers = {} if customer is None else {each.id: each.number for each in home.books.invoices.sealed()}
    return tuple(
        DraftRow(each, _stands(home, each, entries.get(each.invoice, ())), numbers.get(each.invoice))
        for each in found
    )


def show_draft(home: Home, name: str, revision: int | None = None) -> DraftView:
    """The latest revision, or that one. `name`: an invoice's id. Raises `NoSuchDraft`."""
    revisions = draft_history(home, name)
    latest = revisions[-1]
    chosen = next((each for each in revisions if each.revision == (revision or latest.revision)), None)
    if chosen is None:
        raise NoSuchDraft(name, revision)
    entries = home.books.drafts.entries([latest.invoice]).get(latest.invoice, ())
    sealed = home.books.invoices.find(latest.invoice)
    return DraftView(
        draft=chosen,
        latest=latest.revision,
        stands=_stands(home, latest, entries),
        number=None if sealed is None else sealed.number,
        entries=entries,
        void=tuple(void_approvals(latest, entries)),
        difference=None if chosen.difference is None else parse_difference(chosen.difference),
        proposed=() if chosen.proposed is None else parse_entries(chosen.proposed),
    )


def draft_history(home: Home, name: str) -> tuple[StoredDraft, ...]:
    """Every revision, the first one first. Raises `NoSuchDraft`."""
    revisions = home.books.drafts.revisions(InvoiceId(name))
    if not revisions:
        raise NoSuchDraft(name)
    return revisions


def compare_drafts(home: Home, name: str, before: int, after: int) -> DraftDifference:
    """What changed between two revisions. Raises `NoSuchDraft`."""
    by_number = {each.revision: each for each in draft_history(home, name)}
    for revision in (before, after):
        if revision not in by_number:
            raise NoSuchDraft(name, revision)
    return draft_difference(before, by_number[before].document, by_number[after].document, None)


@dataclass(frozen=True, slots=True)
class Said:
    """What is recorded of a draft. Not `is_new`: the same person had decided the same before, and it still
    stands; nothing was recorded again."""

    entry: ReviewEntry
    is_new: bool


def note_draft(home: Home, name: str, *, person: str, text: str) -> Said:
    """Raises `NoSuchDraft`, `DecisionIncomplete`, `DraftNotOpen` or `SealedAlready`."""
    return _said(home, name, EntryKind.NOTE, person=person, text=text, what="the note (--text)")


def object_to_draft(home: Home, name: str, *, person: str, reason: str) -> Said:
    """It is not sealed until somebody approves it after this, or it is drafted anew."""
    return _said(home, name, EntryKind.OBJECTION, person=person, text=reason)


def approve_draft(home: Home, name: str, *, sha256: str, person: str, reason: str) -> Said:
    """Of the latest revision, by the first digits of the SHA-256 of what was read. Raises `OtherBytes`
    too."""
    latest = draft_history(home, name)[-1]
    if latest.state is DraftState.HELD:
        why = "its layers do not tie; what is held cannot be approved, only repaired (tieout reconcile list)"
        raise DraftNotOpen(name, why)
    _check_digest(sha256, "SHA-256", latest.sha256)
    return _said(home, name, EntryKind.APPROVAL, person=person, text=reason, sha256=latest.sha256, of=latest)


def approve_delta(home: Home, name: str, *, digest: str, person: str, reason: str) -> Said:
    """What events changed of what was shown before, by another person than who drafted it anew. Raises
    `SamePerson` too."""
    latest = draft_history(home, name)[-1]
    _check_digest(digest, "The digest of the difference", latest.delta)
    if latest.person is not None and is_same_person(person, latest.person):
        raise SamePerson(person, f"revision {latest.revision} of draft {name}")
    return _said(
        home, name, EntryKind.DELTA_APPROVAL, person=person, text=reason, sha256=latest.delta, of=latest
    )


def redraft(
    home: Home, name: str, *, person: str, reason: str, dry_run: bool = False
) -> tuple[Outcome, DraftView | None]:
    """Drafted at the cutoff of now: the outcome, and where it is in review again the new revision with its
    difference (none of it stored in a dry run). Raises `NoSuchDraft` or `DraftNotOpen`."""
    decision = decision_now(home, person=person, reason=reason)
    latest = draft_history(home, name)[-1]
    sealed = home.books.invoices.find(name)
    if sealed is not None:
        raise DraftNotOpen(name, f"it is sealed as {sealed.number}; what is wrong with it is corrected")
    policy = _policy(home, latest)
    if policy is None or not policy.review_hours:
        raise DraftNotOpen(name, "its policy asks for no review: `tieout close` drafts it anew")
    report = close(
        home,
        as_of=home.clock.now(),
        customers=(latest.customer,),
        dry_run=dry_run,
        redraft=Redraft(latest.invoice, decision.person, decision.reason),
    )
    if len(report.outcomes) != 1:
        raise DraftNotOpen(name, _not_due(latest, home.clock.now()))
    outcome = report.outcomes[0][2]
    view = show_draft(home, name) if isinstance(outcome, InReview) and not dry_run else None
    return outcome, view


def _not_due(latest: StoredDraft, now: Instant) -> str:
    if now < latest.drafted_at:
        at, here = format_instant(latest.drafted_at), format_instant(now)
        return f"it was drafted at {at}, and it is {here} here: the clock went back; set it, then draft anew"
    return "its period is not due any more; the catalog has changed its calendar"


def _said(
    home: Home,
    name: str,
    kind: EntryKind,
    *,
    person: str,
    text: str,
    sha256: str | None = None,
    of: StoredDraft | None = None,
    what: str = REASON,
) -> Said:
    decision = decision_now(home, person=person, reason=text, what=what)
    latest = of or draft_history(home, name)[-1]
    entry = ReviewEntry(
        latest.invoice,
        latest.revision,
        kind,
        decision.person,
        decision.reason,
        sha256,
        decision.decided_at,
    )
    recorded = home.books.drafts.say(entry)
    if recorded is None:
        raise DraftNotOpen(name, "it was drafted anew meanwhile; look at it again")
    return Said(recorded, is_new=recorded is entry)


def _check_digest(given: str, what: str, latest: str | None) -> None:
    if len(given) < DIGEST_LENGTH_MIN or not set(given) <= set("0123456789abcdef"):
        raise MalformedDigestPrefix(given)
    if latest is None or not latest.startswith(given):
        raise OtherBytes(what, given, None if latest is None else latest[: max(len(given), DIGEST_SHOWN)])


def _stands(home: Home, draft: StoredDraft, entries: tuple[ReviewEntry, ...]) -> Standing:
    policy = _policy(home, draft)
    needs_approval = policy is not None and Requirement.APPROVED_DRAFT in policy.requires
    return standing(draft, entries, needs_approval=needs_approval, as_of=home.clock.now())


def _policy(home: Home, draft: StoredDraft) -> Policy | None:
    state = governing(policies(home), draft.period.start)
    return None if state is None else state.policy
