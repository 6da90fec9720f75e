"""The books: everything that is recorded except the events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tieout.aggregate.late import CutoffStep
from tieout.balance.movement import Movement
from tieout.close.account import AccountOutcome, RecordedOutcome
from tieout.close.outcome import OutcomeName
from tieout.contract.api_key import ApiKey
from tieout.contract.document import Document, DocumentKind
from tieout.contract.signature import Signature, SigningKey
from tieout.evidence.stored import LaidOut, SealedRows, StoredEvidence, StoredInvoice, StoredSnapshot
from tieout.kernel.ids import (
    CustomerId,
    HomeId,
    InvoiceId,
    KeyId,
    LineId,
    MeterKey,
    SubscriptionId,
    Watermark,
)
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ledger.entry import Entry
from tieout.ports.breaks import BreakStore, WaiverStore
from tieout.ports.corrections import CorrectionStore
from tieout.ports.disputes import DisputeStore
from tieout.ports.drafts import DraftStore, ManualLineStore
from tieout.ports.folios import FolioStore
from tieout.ports.heads import HeadStore
from tieout.ports.interims import InterimStore
from tieout.ports.leases import Lease
from tieout.ports.ledger import LedgerStore
from tieout.ports.notices import NoticeStore
from tieout.ports.own_settings import OwnSettingsStore
from tieout.ports.readiness import ReadinessStore
from tieout.ports.replay_results import ReplayResultStore
from tieout.ports.triggers import TriggerStore
from tieout.ports.verifications import VerificationStore


class DocumentStore(Protocol):
    """Applied catalog documents: whole, digested, for ever."""

    def revision(self) -> int:
        """Grows with every document added; the same number means the same catalog."""
        ...

    def all(self, *, leaving_out: Collection[DocumentKind] = ()) -> tuple[Document, ...]:
        """In the order in which they were applied; without those of some kinds."""
        ...

    def versions(self, kind: DocumentKind, key: str) -> tuple[Document, ...]:
        """Of one name, in their order."""
        ...

    def applied(self) -> tuple[tuple[Document, Instant], ...]:
        """All, in the order in which they were applied, and when."""
        ...

    def add(self, documents: Sequence[Document], *, applied_at: Instant) -> None: ...


class SignatureStore(Protocol):
    """Registered public keys and recorded signatures."""

    def signing_keys(self) -> tuple[SigningKey, ...]: ...

    def add_key(self, key: SigningKey) -> None: ...

    def revoke_key(self, key_id: KeyId, *, at: Instant) -> None: ...

    def rotate_key(self, old: KeyId, new: SigningKey) -> None:
        """Revokes the one when it registers the other, in one transaction."""
        ...

    def signatures(self) -> tuple[Signature, ...]: ...

    def count(self) -> int:
        """How many signatures there are; it only grows."""
        ...

    def add(self, signature: Signature) -> None: ...


class ApiKeyStore(Protocol):
    """Keys of the HTTP interface, by the digests of their tokens."""

    def all(self) -> tuple[ApiKey, ...]:
        """In the order in which they were made, revoked ones too."""
        ...

    def add(self, key: ApiKey) -> None: ...

    def revoke(self, key_id: KeyId, *, at: Instant) -> None:
        """From `at` on; refuses a key that is not there or is revoked already."""
        ...


@dataclass(frozen=True, slots=True)
class CloseRun:
    """A run of the close, and the accounts that it sealed, held, parked or left in review."""

    id: int
    as_of: Instant
    cutoff: Watermark
    cutoff_at: Instant
    accounts: tuple[CustomerId, ...]


class CloseStore(Protocol):
    """Runs of the close and what became of each account in them."""

    def running(self) -> AbstractContextManager[Lease | None]:
        """The lease for the one process that may close by itself, on whichever machine; None for the others,
        which stand by. It ends with its process. Whether or not it holds, no period is sealed twice. Raises
        `Unavailable` where nobody can say."""
        ...

    def start(self, *, as_of: Instant, cutoff: Watermark, cutoff_at: Instant) -> int: ...

    def record(self, run: int, outcomes: Sequence[AccountOutcome]) -> None: ...

    def end(self, run: int, *, at: Instant) -> None: ...

    def waiting(self) -> Mapping[OutcomeName, int]:
        """How many accounts are held, parked or in review by their latest outcome."""
        ...

    def last_ended(self) -> tuple[int, Instant] | None:
        """The last run that came to its end, and when."""
        ...

    def runs(self) -> tuple[CloseRun, ...]:
        """In their order."""
        ...

    def latest(self) -> tuple[RecordedOutcome, ...]:
        """For each account and period the outcome of the last run that looked at it."""
        ...


@dataclass(frozen=True, slots=True)
class Sealing:
    """An invoice to be sealed: its id, the series that numbers it, and what gives its rows once the ordinal
    of its number is known."""

    id: InvoiceId
    series: str
    issue: Callable[[int], SealedRows]


class InvoiceStore(Protocol):
    """Sealed invoices and all that stands behind their lines."""

    def sealed(self, customer: CustomerId | None = None) -> tuple[StoredInvoice, ...]:
        """By customer, period and number, with empty `document`s (they are large); see `find`."""
        ...

    def find(self, id_or_number: str) -> StoredInvoice | None: ...

    def evidence(self, line: LineId) -> StoredEvidence | None: ...

    def snapshots(
        self,
        customer: CustomerId | None = None,
        *,
        before: Watermark | None = None,
        meeting: Sequence[Period] | None = None,
    ) -> tuple[StoredSnapshot, ...]:
        """Those that hold, all or one customer's, without their groups, which can be many: none of a voided
        paper, none of an interim invoice (its period is open, and is measured again at its end), and of one
        window that corrections measured again, the last. With `before`, those of them that were taken at an
        earlier watermark: where there are none, as while the first close runs, nothing else is read. With
        `meeting`, only those whose period meets one of these, which are in order and disjoint."""
        ...

    def snapshots_of(self, ending_after: Mapping[CustomerId, Instant]) -> tuple[StoredSnapshot, ...]:
        """The same of these customers, each one's whose period ends later than the instant beside it.
        Nothing of anybody else is read."""
        ...

    def snapshots_in(
        self,
        windows: Mapping[CustomerId, Sequence[tuple[Instant, Instant]]],
        *,
        lasting: Collection[MeterKey],
    ) -> tuple[StoredSnapshot, ...]:
        """The same of these customers, whose periods meet one of the windows (both ends belong to it); of
        `lasting` meters all later ones too."""
        ...

    def cutoff_steps(self, *, before: Watermark) -> tuple[CutoffStep, ...]:
        """The cutoffs before this one with which anything was sealed; beside each an instant by which every
        period had ended that was sealed with it."""
        ...

    def billed(
        self, customers: Collection[CustomerId] | None = None, *, ending_after: Instant | None = None
    ) -> Mapping[SubscriptionId, tuple[Period, ...]]:
        """The billing periods that final invoices hold for each subscription, in order; no two overlap. What
        was voided is due again, and a correction on an invoice bills no period of it. Of all, or of these
        customers; with `ending_after`, only those that end later."""
        ...

    def billed_stretches(
        self, customers: Collection[CustomerId]
    ) -> Mapping[SubscriptionId, tuple[Period, ...]]:
        """The same of these customers, with periods that follow one another as one: for whoever asks what is
        billed, not how it was cut."""
        ...

    def last_numbers(self) -> dict[str, int]:
        """The last number that each series has given out."""
        ...

    def recorded_since(
        self, customers: Sequence[CustomerId], since: Instant, *, papers_too: bool
    ) -> Mapping[CustomerId, Instant]:
        """Of whom a balance moved (with `papers_too`: or a paper was sealed) later than `since`, for the
        clock has stepped back: the first instant after that."""
        ...

    def lay_out(self, rows: SealedRows) -> LaidOut:
        """What `seal` would do with these rows; done beforehand, in a worker, it saves the time there. It
        touches no connection."""
        ...

    def seal(self, batch: Sequence[Sealing], *, run: int) -> list[StoredInvoice | None]:
        """Takes the next number of each one's series, asks for its rows and writes them: all of the batch, in
        one transaction, or nothing where anything is raised.

        None for each whose key is sealed already: nothing was written for it and no number was used.
        """
        ...


class MovementStore(Protocol):
    """Movements of balances: only added. A balance is the sum of its movements."""

    def of(self, customers: Sequence[CustomerId]) -> Mapping[CustomerId, tuple[Movement, ...]]:
        """Each customer's, by effective instant and id, in one query; who has none is left out."""
        ...

    def find(self, movement_id: str) -> Movement | None: ...

    def record(self, movements: Sequence[Movement], *, seen: int, entries: Sequence[Entry] = ()) -> None:
        """Adds movements of one customer who has `seen` so far, with what they mean for the ledger; refuses
        where others came in between.

        Those of an invoice are written by `InvoiceStore.seal`, in its transaction, under the same rule.
        """
        ...


class Books(Protocol):
    """Everything that is recorded except the events."""

    @property
    def home_id(self) -> HomeId: ...

    @property
    def documents(self) -> DocumentStore: ...

    @property
    def signatures(self) -> SignatureStore: ...

    @property
    def api_keys(self) -> ApiKeyStore: ...

    @property
    def closes(self) -> CloseStore: ...

    @property
    def invoices(self) -> InvoiceStore: ...

    @property
    def movements(self) -> MovementStore: ...

    @property
    def verifications(self) -> VerificationStore: ...

    @property
    def interims(self) -> InterimStore: ...

    @property
    def drafts(self) -> DraftStore: ...

    @property
    def manual_lines(self) -> ManualLineStore: ...

    @property
    def breaks(self) -> BreakStore: ...

    @property
    def waivers(self) -> WaiverStore: ...

    @property
    def ledger(self) -> LedgerStore: ...

    @property
    def corrections(self) -> CorrectionStore: ...

    @property
    def notices(self) -> NoticeStore: ...

    @property
    def triggers(self) -> TriggerStore: ...

    @property
    def own_settings(self) -> OwnSettingsStore: ...

    @property
    def heads(self) -> HeadStore: ...

    @property
    def disputes(self) -> DisputeStore: ...

    @property
    def readiness(self) -> ReadinessStore: ...

    @property
    def replay_results(self) -> ReplayResultStore: ...

    @property
    def folios(self) -> FolioStore: ...
