"""Receiving requests: whole requests in, one committed batch for all of them, a receipt for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tieout.contract.api_key import SourceScope
from tieout.contract.event_contract import ContractBook
from tieout.ingest.parcel import Parcel
from tieout.kernel.errors import Unavailable
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The key a sender gave a request, and the SHA-256 of what the request says."""

    key: str
    request_sha256: bytes


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request whose items are to be received, and whose key it came with."""

    key_id: KeyId
    scope: SourceScope
    parcel: Parcel
    idempotency: Idempotency | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a request, as JSON. `is_replay`: it was stored before, and nothing was received again."""

    text: bytes
    is_replay: bool


@dataclass(frozen=True, slots=True)
class IdempotencyClash:
    """The same Idempotency-Key came with another request before; nothing was received."""


Answer = Receipt | IdempotencyClash


class StoreBroken(Unavailable):
    """The disk failed under the log: whether the commit happened is not known. The process must end, since
    what it would read now may not be what is stored."""

    code = "store-broken"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the log could not be written ({why}); send the same request again, nothing will double"
        )


class PreparedGroup(Protocol):
    """Requests that are decoded and encoded, and wait for the commit."""

    @property
    def items(self) -> int: ...


class Receiver(Protocol):
    """Group commit. `prepare` and `commit` may run in two threads, each in one at a time."""

    def prepare(self, requests: Sequence[ReceivedRequest], book: ContractBook) -> PreparedGroup:
        """All that needs no lock. Requests with a stored receipt are answered from it."""
        ...

    def commit(self, group: PreparedGroup) -> list[Answer]:
        """One batch of everything in the group, durable when it returns; one answer for each request, in
        their order. Raises `Unavailable` if nothing is known to be stored, `StoreBroken` if the process must
        end.
        """
        ...


class RequestLedger(Protocol):
    """Counts of requests that were refused before an item of theirs was received."""

    def count_refused(self, refused: Mapping[tuple[Instant, str, str], int]) -> None:
        """Adds to the stored counts, by (hour, key id, reason); `Pipeline.refused_requests` reads them."""
        ...
