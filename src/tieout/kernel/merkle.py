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
LEAF_TAG: Final = b"\x00"
NODE_TAG: Final = b"\x01"
GROUP_LEAVES: Final = 1_024
"""A power of two: the roots of groups of so many leaves are kept, so that a proof does not read the whole
tree."""

Stretch: TypeAlias = tuple[int, int]


def leaf_hash(content: bytes) -> bytes:
    """32 bytes: SHA-256 of 0x00 and the content."""
    return sha256(LEAF_TAG + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """32 bytes: SHA-256 of 0x01 and both children."""
    return sha256(NODE_TAG + left + right).digest()


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


class BadProof(ValueError):
    """The proof has too few or too many hashes, or its stretches are not stretches of the tree."""


def undisclosed(size: int, disclosed: Sequence[Stretch]) -> Iterator[Stretch]:
    """The greatest subtrees without disclosed leaves, from left to right. Raises `BadProof` where
    `disclosed` are not stretches in order, apart from each other, inside `size` leaves.
    """
    before = 0
    for start, end in disclosed:
        if not before <= start < end <= size:
            raise BadProof(f"there is no stretch {start} to {end} after leaf {before} of {size}")
        yield from _subtrees(before, start, size)
        before = end
    yield from _subtrees(before, size, size)


def prove(size: int, disclosed: Sequence[Stretch], subtree: Callable[[int, int], bytes]) -> list[bytes]:
    """The proof for the leaves in `disclosed`. `subtree(start, end)` gives the root over those leaves; it is
    asked for subtrees without disclosed leaves, from left to right."""
    return [subtree(start, end) for start, end in undisclosed(size, disclosed)]


def proven_root(
    size: int, disclosed: Sequence[Stretch], leaves: Sequence[bytes], proof: Sequence[bytes]
) -> bytes:
    """The root that follows from the disclosed leaf hashes, in order, and the proof. Raises `BadProof`."""
    if sum(max(end - start, 0) for start, end in disclosed) != len(leaves):
        raise BadProof(f"{len(leaves)} leaves are disclosed, and its stretches hold another number")
    stack: list[tuple[int, bytes]] = []
    waiting, shown = iter(proof), 0
    stretches = iter((*disclosed, (size, size)))
    opens, closes = next(stretches)
    for start, end in undisclosed(size, disclosed):
        while opens < start:
            _grow(stack, leaves[shown : shown + closes - opens])
            shown += closes - opens
            opens, closes = next(stretches)
        given = next(waiting, None)
        if given is None:
            raise BadProof("hashes are missing")
        _push(stack, end - start, given)
    _grow(stack, leaves[shown:])
    if next(waiting, None) is not None:
        raise BadProof("hashes are left over")
    return _joined(stack)


def _subtrees(start: int, end: int, size: int) -> Iterator[Stretch]:
    """The greatest subtrees that make up [start, end) in a tree of `size` leaves."""
    while start < end:
        if end == size and start % (1 << (size - start - 1).bit_length()) == 0:
            yield start, size  # the right edge of the tree, of any length
            return
        width = 1 << ((end - start).bit_length() - 1)
        if start:
            width = min(width, start & -start)
        yield start, start + width
        start += width


def _grow(stack: list[tuple[int, bytes]], hashes: Sequence[bytes]) -> None:
    for each in hashes:
        _push(stack, 1, each)


def _push(stack: list[tuple[int, bytes]], width: int, root: bytes) -> None:
    """The next subtree; two of one width beside each other are the halves of a greater one."""
    while stack and stack[-1][0] == width:
        root = sha256(b"\x01" + stack.pop()[1] + root).digest()
        width *= 2
    stack.append((width, root))


def _joined(stack: list[tuple[int, bytes]]) -> bytes:
    """What is left are subtrees that grow smaller to the right edge."""
    if not stack:
        return sha256().digest()
    root = stack.pop()[1]
    while stack:
        root = node_hash(stack.pop()[1], root)
    return root
