"""The review in a close: what its policy lets wait for people is drafted and kept, and sealed once it may
be, by computing it again at its own cutoff: the same bytes, or a redraft that shows the difference.

Where no policy asks for a review, this costs one query and stores nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from tieout.close.account import AccountOutcome
from tieout.close.outcome import Held, InReview, Sealed
from tieout.close.review import DraftState, ReviewEntry, StoredDraft, is_delta_approved, standing
from tieout.contract.policy import Requirement
from tieout.evidence.stored import ReviewedDraft
from tieout.flows.draft_accounts import ReadyAccount
from tieout.flows.due_accounts import DueAccount
from tieout.flows.home import Home
from tieout.flows.invoices import InvoiceRow
from tieout.invoice.difference import difference_digest, difference_text, draft_difference
from tieout.invoice.document import document_bytes
from tieout.invoice.invoice import Invoice
from tieout.invoice.stored_document import read_document
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId, InvoiceId, Watermark
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, format_instant
from tieout.kernel.period import Period
from tieout.ledger.entry_text import entries_text
from tieout.rate.manual_line import is_manual

AccountKey = tuple[CustomerId, Period]
DraftKey = tuple[CustomerId, Period, str, int]
Drafted = tuple[list[ReadyAccount], list[AccountOutcome]]
Drafter = Callable[[Sequence[DueAccount], Watermark, frozenset[AccountKey]], Drafted]
Sealer = Callable[[Sequence[ReadyAccount]], tuple[list[AccountOutcome], list[InvoiceRow]]]

PERIOD_ENDED = "the period ended"
OFF_CYCLE = "a condition of the off-cycle rule was met"
REPAIRED = "drafted again after it was held"
MOVED = "what it rests on has changed since it was drafted"


@dataclass(frozen=True, slots=True)
class Redraft:
    """A person asks for a draft to be made anew, at the cutoff of now."""

    invoice: InvoiceId
    person: str
    reason: str


@dataclass(slots=True)
class Reviews:
    """The due accounts by what a close does with them, and what is stored about each so far.

    `fresh` are drafted at the close's cutoff, `ripe` at that of their draft; `outcomes` are those that wait.
    """

    as_of: Instant
    fresh: list[DueAccount] = field(default_factory=list)
    ripe: list[tuple[DueAccount, StoredDraft]] = field(default_factory=list)
    outcomes: list[AccountOutcome] = field(default_factory=list)
    latest: dict[DraftKey, StoredDraft] = field(default_factory=dict)
    entries: dict[InvoiceId, tuple[ReviewEntry, ...]] = field(default_factory=dict)
    unsealed: set[AccountKey] = field(default_factory=set)
    redraft: Redraft | None = None

    def stored(self, account: DueAccount) -> StoredDraft | None:
        return self.latest.get((account.customer, account.period, account.kind, account.sequence))

    def behind(self, accounts: Sequence[DueAccount]) -> frozenset[AccountKey]:
        """The accounts whose customers have an earlier period that is not sealed."""
        ends: dict[CustomerId, Instant] = {}
        for customer, period in self.unsealed:
            ends[customer] = min(period.end, ends.get(customer, period.end))
        return frozenset(
            (account.customer, account.period)
            for account in accounts
            if account.customer in ends and ends[account.customer] < account.period.end
        )


def look(home: Home, due: Sequence[DueAccount], *, as_of: Instant, redraft: Redraft | None = None) -> Reviews:
    """Which accounts are to be drafted, sealed as they were drafted, or left to wait."""
    reviews = Reviews(as_of, redraft=redraft)
    if redraft is None and not any(_is_reviewed(account) for account in due):
        reviews.fresh = list(due)
        return reviews
    stored = home.books.drafts.open()
    reviews.latest = {(each.customer, each.period, each.kind, each.sequence): each for each in stored}
    if redraft is not None:
        reviews.fresh = [
            account
            for account in due
            if (found := reviews.stored(account)) is not None and found.invoice == redraft.invoice
        ]
        return reviews
    asked = [found.invoice for account in due if (found := reviews.stored(account)) is not None]
    reviews.entries = dict(home.books.drafts.entries(asked))
    first_fresh: dict[CustomerId, Instant] = {}
    for account in sorted(due, key=lambda each: (each.customer, each.period.end, each.period.start)):
        found = reviews.stored(account)
        if found is None or found.state is DraftState.HELD:
            reviews.fresh.append(account)
            first_fresh.setdefault(account.customer, account.period.start)
        else:
            _place(home, reviews, account, found, first_fresh.get(account.customer))
    return reviews


def finish(
    home: Home, reviews: Reviews, drafted: Drafter, seal: Sealer, *, run: int | None
) -> tuple[list[AccountOutcome], list[InvoiceRow]]:
    """Seals what may be sealed, the earliest cutoff first; what comes out otherwise now is a redraft."""
    outcomes: list[AccountOutcome] = []
    invoices: list[InvoiceRow] = []
    for cutoff in _cutoffs(reviews.ripe):
        group = [(account, found) for account, found in reviews.ripe if found.cutoff == cutoff]
        accounts = [account for account, _ in group]
        ready, stopped = drafted(accounts, cutoff, reviews.behind(accounts))
        same, other = _compared(ready, reviews)
        sealed, rows = seal(same)
        again = [_kept(home, reviews, each, MOVED, drafted, run=run) for each in other]
        stopped = keep_held(home, stopped, as_of=reviews.as_of, run=run)
        outcomes += [*sealed, *again, *stopped]
        invoices += rows
        for outcome in (*sealed, *again, *stopped):
            if not isinstance(outcome.outcome, Sealed) and outcome.period is not None:
                reviews.unsealed.add((outcome.customer, outcome.period))
    return outcomes, invoices


def keep_for_review(
    home: Home, reviews: Reviews, ready: Sequence[ReadyAccount], drafted: Drafter, *, run: int | None
) -> tuple[list[ReadyAccount], list[AccountOutcome]]:
    """Those that may be sealed at once, and the outcome of those that were stored to wait for people."""
    at_once: list[ReadyAccount] = []
    outcomes: list[AccountOutcome] = []
    for each in ready:
        if not _is_reviewed(each.account):
            at_once.append(each)
            continue
        begun = PERIOD_ENDED if each.account.running is None else OFF_CYCLE
        reason = begun if reviews.stored(each.account) is None else REPAIRED
        outcomes.append(_kept(home, reviews, each, reason, drafted, run=run))
    return at_once, outcomes


def keep_held(
    home: Home, stopped: Sequence[AccountOutcome], *, as_of: Instant, run: int | None
) -> list[AccountOutcome]:
    """Stores what does not tie for people to look at; the same again is not stored again. What another close
    has sealed meanwhile is sealed: it was held against what had been read before."""
    return [_held(home, each, as_of, run) for each in stopped]


def _held(home: Home, each: AccountOutcome, as_of: Instant, run: int | None) -> AccountOutcome:
    if run is None or not isinstance(each.outcome, Held) or each.outcome.draft is None:
        return each
    invoice = each.outcome.draft
    revisions = home.books.drafts.revisions(invoice.id)
    last = revisions[-1] if revisions else None
    reason = "; ".join(f"{found.tie}: {found.expected}, {found.found}" for found in each.outcome.breaks)
    draft = _stored(home, invoice, last, DraftState.HELD, reason, as_of)
    if last is None or (last.state, last.reason) != (DraftState.HELD, reason):
        try:
            home.books.drafts.add(draft, run=run)
        except ConflictError:
            return _sealed_meanwhile(home, each.customer, each.period, invoice.id)
    return each


def _sealed_meanwhile(
    home: Home, customer: CustomerId, period: Period | None, invoice: InvoiceId
) -> AccountOutcome:
    """Another close was faster."""
    stored = home.books.invoices.find(invoice)
    assert stored is not None, "only what is sealed refuses a draft"
    return AccountOutcome(customer, period, Sealed(stored.id, stored.number))


def _place(
    home: Home, reviews: Reviews, account: DueAccount, found: StoredDraft, first_fresh: Instant | None
) -> None:
    """A draft that may be sealed is ripe, unless an earlier period of the customer is not even drafted. So
    is one that lacks a line which was approved since: it comes out otherwise, and is a redraft.
    """
    needs_approval = Requirement.APPROVED_DRAFT in account.policy.policy.requires
    said = reviews.entries.get(found.invoice, ())
    stands = standing(found, said, needs_approval=needs_approval, as_of=reviews.as_of)
    waits_for = stands.waits_for
    if stands.may_be_sealed and first_fresh is not None:
        waits_for = f"the earlier period from {format_instant(first_fresh)} to be drafted and sealed"
    if waits_for and _has_all_lines(home, account, found):
        reviews.outcomes.append(
            AccountOutcome(
                account.customer, account.period, InReview(found.invoice, found.revision, waits_for)
            )
        )
        reviews.unsealed.add((account.customer, account.period))
    else:
        reviews.ripe.append((_as_drafted(account, found), found))


def _as_drafted(account: DueAccount, found: StoredDraft) -> DueAccount:
    """What is billed inside a period is worked out as of the instant at which it was drafted."""
    if account.running is None:
        return account
    return replace(account, running=replace(account.running, as_of=found.as_of))


def _has_all_lines(home: Home, account: DueAccount, found: StoredDraft) -> bool:
    """Approvals are final, so a draft can only lack lines."""
    asked = {each.charge.price.key for each in account.additions if is_manual(each.charge.price.key)}
    if not asked:
        return True
    drafted = read_document(found.invoice, home.books.drafts.revisions(found.invoice)[-1].document)
    return asked <= {line.price for line in drafted.lines}


def _is_reviewed(account: DueAccount) -> bool:
    return account.policy.policy.review_hours > 0


def _cutoffs(ripe: Sequence[tuple[DueAccount, StoredDraft]]) -> list[Watermark]:
    return sorted({found.cutoff for _, found in ripe})


def _compared(
    ready: Sequence[ReadyAccount], reviews: Reviews
) -> tuple[list[ReadyAccount], list[ReadyAccount]]:
    """Those that are their drafts to the byte, bound to the revision and what was said of it; and the
    others."""
    same: list[ReadyAccount] = []
    other: list[ReadyAccount] = []
    for each in ready:
        found = reviews.stored(each.account)
        assert found is not None, "it is ripe because of its draft"
        if sha256(document_bytes(each.invoice)).hexdigest() == found.sha256:
            said = len(reviews.entries.get(found.invoice, ()))
            same.append(replace(each, reviewed=ReviewedDraft(found.invoice, found.revision, said)))
        else:
            other.append(each)
    return same, other


def _kept(
    home: Home, reviews: Reviews, ready: ReadyAccount, reason: str, drafted: Drafter, *, run: int | None
) -> AccountOutcome:
    """Stores the next revision, with what it changes of the last one that was shown and is accepted."""
    account, invoice = ready.account, ready.invoice
    revisions = home.books.drafts.revisions(invoice.id)
    last = revisions[-1] if revisions else None
    draft = _stored(home, invoice, last, DraftState.IN_REVIEW, reason, reviews.as_of)
    hours = account.policy.policy.review_hours
    until = Instant(draft.drafted_at + hours * HOUR_MICROSECONDS)
    draft = replace(draft, review_until=until, proposed=entries_text(ready.entries))
    if last is not None and last.cutoff == draft.cutoff:
        draft = replace(draft, person=last.person)  # who took the cutoff stays who confirms nothing of it
    if reviews.redraft is not None:
        draft = replace(draft, person=reviews.redraft.person, reason=reviews.redraft.reason)
    basis = _basis(revisions, home.books.drafts.entries([invoice.id]).get(invoice.id, ()))
    if basis is not None:
        between = None
        if basis.cutoff != invoice.cutoff:
            again, _ = drafted([account], basis.cutoff, reviews.behind([account]))
            between = document_bytes(again[0].invoice) if again else None
        found = draft_difference(basis.revision, basis.document, draft.document, between)
        text = difference_text(found)
        draft = replace(draft, difference=text, delta=difference_digest(text) if found.by_events else None)
    seen = reviews.stored(account)
    try:
        if draft.revision != (1 if seen is None else seen.revision + 1):
            draft = revisions[-1]  # another close was faster: what it stored is what people look at
        elif run is not None and not home.books.drafts.add(draft, run=run):
            draft = home.books.drafts.revisions(invoice.id)[-1]
    except ConflictError:
        return _sealed_meanwhile(home, account.customer, account.period, invoice.id)
    needs_approval = Requirement.APPROVED_DRAFT in account.policy.policy.requires
    stands = standing(draft, (), needs_approval=needs_approval, as_of=reviews.as_of)
    waits_for = stands.waits_for or "the next close"
    return AccountOutcome(account.customer, account.period, InReview(invoice.id, draft.revision, waits_for))


def _basis(revisions: Sequence[StoredDraft], entries: Sequence[ReviewEntry]) -> StoredDraft | None:
    """The last revision that people were shown and whose own difference, if it needed that, was approved.
    What was not approved is part of the next difference, however often it is drafted again.
    """
    accepted = [
        each
        for each in revisions
        if each.state is DraftState.IN_REVIEW and (each.delta is None or is_delta_approved(each, entries))
    ]
    return accepted[-1] if accepted else None


def _stored(
    home: Home,
    invoice: Invoice,
    last: StoredDraft | None,
    state: DraftState,
    reason: str,
    as_of: Instant,
) -> StoredDraft:
    document, now = document_bytes(invoice), home.clock.now()
    return StoredDraft(
        invoice=invoice.id,
        revision=1 if last is None else last.revision + 1,
        customer=invoice.key.customer,
        period=invoice.period,
        kind=invoice.key.kind,
        sequence=invoice.key.sequence,
        state=state,
        cutoff=invoice.cutoff,
        cutoff_at=now,
        as_of=as_of,
        person=None,
        reason=reason,
        document=document,
        sha256=sha256(document).hexdigest(),
        drafted_at=now,
        review_until=None,
    )
