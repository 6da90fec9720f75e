"""A piece of the log: the events of one type and contract version in a range of batches, sorted by subject,
time, batch and row, with the root of the tree of hashes over them.

A head states one root over pieces, each of which is a leaf: the text of its name, its number of events and
its root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout.kernel.ids import EventType, Watermark
from tieout.kernel.merkle import leaf_hash, root_of


@dataclass(frozen=True, slots=True, order=True)
class PiecePlace:
    """Which events a piece holds: those in batches `first` to `last`, both included."""

    type: EventType
    contract_version: int
    first: Watermark
    last: Watermark

    @property
    def name(self) -> str:
        """The same events, the same name."""
        return f"{self.type}/v{self.contract_version}/{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Piece:
    """`rows`: how many events; `root`: 32 bytes, of the tree over them."""

    place: PiecePlace
    rows: int
    root: bytes

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def text(self) -> str:
        """What is hashed as a leaf."""
        return f"{self.name} {self.rows} {self.root.hex()}"


def in_order(pieces: Sequence[Piece]) -> list[Piece]:
    """As they are leaves of a head."""
    return sorted(pieces, key=lambda piece: piece.place)


def root_of_pieces(pieces: Sequence[Piece]) -> bytes:
    """32 bytes: the root that a head states over its pieces."""
    return root_of(hashes_of(pieces))


def hashes_of(pieces: Sequence[Piece]) -> list[bytes]:
    """Leaf hashes, in order."""
    return [leaf_hash(piece.text.encode()) for piece in in_order(pieces)]
