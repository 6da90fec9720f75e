"""A tree of hashes (RFC 6962, section 2.1): that some leaves lie under a root is shown with a few hashes of
the others, and says nothing else about them.

Leaves are numbered from 0. A stretch is `(start, end)`, half open. A proof is the hashes of the greatest
subtrees that hold none of the disclosed leaves, from left to right; it is as short for a million neighbours
as for one leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

HASH_BYTES: Final = 32
GROUP_LEAVES: Final = 1_024
"""A power of two: the roots of groups of so many leaves are kept, so that a proof does not read the whole
tree."""

Stretch: TypeAlias = tuple[int, int]


def leaf_hash(content: bytes) -> bytes:
    """32 bytes: SHA-256 of 0x00 and the content."""
    return sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """32 bytes: SHA-256 of 0x01 and both children."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, or over the roots of whole groups of a power of two (the last may be
    shorter).

    Of none: SHA-256 of nothing.
    """
    if not hashes:
        return sha256().digest()
    level = list(hashes)
    while len(level) > 1:
        paired = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


def groups_of(hashes: Sequence[bytes]) -> list[bytes]:
    """The roots of groups of `GROUP_LEAVES` leaf hashes, in order."""
    return [root_of(hashes[start : start + GROUP_LEAVES]) for start in range(0, len(hashes), GROUP_LEAVES)]


def prove(size: int, disclosed: Sequence[Stretch], subtree: Callable[[int, int], bytes]) -> list[bytes]:
    """The proof for the leaves in `disclosed`: stretches in order, apart from each other, inside `size`
    leaves.

    `subtree(start, end)` gives the root over those leaves. It is asked for subtrees without disclosed leaves.
    """
    return [subtree(start, end) for start, end in _undisclosed(0, size, disclosed)]


class BadProof(ValueError):
    """The proof has too few or too many hashes, or its stretches are not stretches of the tree."""


def proven_root(
    size: int, disclosed: Sequence[Stretch], leaves: Sequence[bytes], proof: Sequence[bytes]
) -> bytes:
    """The root that follows from the disclosed leaf hashes, in order, and the proof. Raises `BadProof`."""
    _check_stretches(size, disclosed)
    if sum(end - start for start, end in disclosed) != len(leaves):
        raise BadProof(f"{len(leaves)} leaves are disclosed, and its stretches hold another number")
    waiting = iter(proof)
    root = _folded(0, size, _Disclosed(disclosed, leaves), waiting)
    if next(waiting, None) is not None:
        raise BadProof("hashes are left over")
    return root


def _check_stretches(size: int, disclosed: Sequence[Stretch]) -> None:
    before = 0
    for start, end in disclosed:
        if not before <= start < end <= size:
            raise BadProof(f"there is no stretch {start} to {end} after leaf {before} of {size}")
        before = end


class _Disclosed:
    """Disclosed leaf hashes by their number in the tree."""

    def __init__(self, stretches: Sequence[Stretch], leaves: Sequence[bytes]) -> None:
        self.stretches = stretches
        self._leaves = leaves
        self._before: list[int] = []
        total = 0
        for start, end in stretches:
            self._before.append(total)
            total += end - start

    def within(self, start: int, end: int) -> Sequence[bytes] | None:
        """Those of a stretch that is disclosed whole; None where it is not."""
        place = _last_beginning(self.stretches, start)
        if place < 0 or self.stretches[place][1] < end:
            return None
        first = self._before[place] + start - self.stretches[place][0]
        return self._leaves[first : first + end - start]


def _folded(start: int, end: int, disclosed: _Disclosed, proof: Iterator[bytes]) -> bytes:
    if not _touched(start, end, disclosed.stretches):
        if start == end:
            return sha256().digest()
        given = next(proof, None)
        if given is None:
            raise BadProof("hashes are missing")
        return given
    whole = disclosed.within(start, end)
    if whole is not None:
        return root_of(whole)
    middle = start + _split(end - start)
    left = _folded(start, middle, disclosed, proof)
    return node_hash(left, _folded(middle, end, disclosed, proof))


def _undisclosed(start: int, end: int, disclosed: Sequence[Stretch]) -> Iterator[Stretch]:
    if start == end:
        return
    if not _touched(start, end, disclosed):
        yield start, end
        return
    place = _last_beginning(disclosed, start)
    if place >= 0 and disclosed[place][1] >= end:
        return
    middle = start + _split(end - start)
    yield from _undisclosed(start, middle, disclosed)
    yield from _undisclosed(middle, end, disclosed)


def _touched(start: int, end: int, stretches: Sequence[Stretch]) -> bool:
    """Whether a disclosed leaf lies in [start, end)."""
    place = _last_beginning(stretches, end - 1)
    return place >= 0 and stretches[place][1] > start


def _last_beginning(stretches: Sequence[Stretch], leaf: int) -> int:
    """The place of the last stretch that begins at `leaf` or before it; -1 where none does."""
    low, high = 0, len(stretches)
    while low < high:
        middle = (low + high) // 2
        if stretches[middle][0] <= leaf:
            low = middle + 1
        else:
            high = middle
    return low - 1


def _split(size: int) -> int:
    """The greatest power of two below `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)
