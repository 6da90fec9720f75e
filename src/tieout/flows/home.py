"""A home: one organisation's log and books, with the ports through which flows reach the world."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from tieout.contract.catalog import Catalog
from tieout.contract.document import Document, DocumentKind
from tieout.kernel.ids import HomeId
from tieout.ports import Books, Clock, Entropy, EventLog, HealthFact, Pipeline, Signer, TestClock, UsageEngine
from tieout.ports.live import LiveStore
from tieout.ports.outbound import Egress, Post, Secrets
from tieout.ports.review import LogReview
from tieout.ports.world import InstallationKey, KeptPacks

if TYPE_CHECKING:
    from tieout.flows.own_settings import OwnBook


@dataclass(slots=True)
class CatalogMemory:
    """The catalog as last read, the revision of the documents it was read from, and what customers had set
    for themselves."""

    revision: int = -1
    catalog: Catalog | None = None
    own_book: OwnBook | None = None


class RefuseChange(Protocol):
    """Asked before documents of these kinds are applied or signed; raises where an open item of readiness
    refuses them. `by_correction`: an approved delta report applies them. `fresh`: the documents themselves,
    where they are to be applied now."""

    def __call__(
        self,
        home: Home,
        kinds: frozenset[DocumentKind],
        /,
        *,
        by_correction: bool = False,
        fresh: Sequence[Document] = (),
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Home:
    """Opened by `wiring`; a context manager that releases files and connections at its end."""

    folder: Path
    home_id: HomeId
    books: Books
    log: EventLog
    review: LogReview
    pipeline: Pipeline
    live: LiveStore
    engine: UsageEngine
    clock: Clock
    test_clock: TestClock | None
    """The same clock, if this is a scratch home that was made with one of its own."""
    entropy: Entropy
    signer: Signer
    post: Post
    secrets: Secrets
    egress: Egress
    installation_key: InstallationKey
    kept_packs: KeptPacks
    store_facts: Callable[[], tuple[HealthFact, ...]]
    release: Callable[[], None]
    refuse_change: RefuseChange
    memory: CatalogMemory = field(default_factory=CatalogMemory)

    def close(self) -> None:
        self.release()

    def __enter__(self) -> Home:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
