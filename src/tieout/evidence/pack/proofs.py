"""What a pack says of the log: where its events lie in it, the roots of the pieces that hold them, and the
heads that were stated, with proofs that these pieces lie under their roots.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tieout.evidence.piece import Piece, hashes_of, in_order
from tieout.kernel.canonical import JsonNumber, JsonValue
from tieout.kernel.merkle import Stretch, root_of, undisclosed

ROOTS: Final = "log/roots.json"
HEADS: Final = "log/heads.json"
HEAD_PROOF: Final = "log/proof.csv"
PROOF_HEAD: Final = "piece,start,end,hash\n"
HEAD_PROOF_HEAD: Final = "head,start,end,hash\n"
ROOTS_FORMAT: Final = "tieout/roots/2"
NOT_LINKED: Final = (
    "that the digest of the chain in each head is of the same log as the roots in it: only who may read the "
    "log can compute both (tieout verify)"
)
"""What stays the installation's word, in every pack."""

Cover = Iterable[tuple[int, int, str]]


def proof_csv(found: Iterable[tuple[Piece, Sequence[Stretch], Sequence[bytes]]]) -> bytes:
    """Each piece from its first event to its last: stretches that are disclosed, without a hash, and between
    them subtrees of other events, by their hashes alone. Written as the files of events are: texts quoted,
    numbers not, and what is absent is empty.
    """
    lines = [PROOF_HEAD]
    for piece, stretches, hashes in sorted(found, key=lambda each: each[0].name):
        lines += [f'"{piece.name}",{line}' for line in _cover(piece.rows, stretches, hashes)]
    return "".join(lines).encode()


def head_proof_csv(pieces: Mapping[int, Sequence[Piece]], used: Iterable[Piece]) -> bytes:
    """The same over pieces: for each head with roots under which a used one lies, what leads from these to
    the head's root. `pieces`: of each head, all of them.
    """
    lines, wanted = [HEAD_PROOF_HEAD], {piece.place for piece in used}
    for head, own in sorted(pieces.items()):
        listed, hashes = in_order(own), hashes_of(own)
        shown = [(place, place + 1) for place, piece in enumerate(listed) if piece.place in wanted]
        if shown:
            proof = [root_of(hashes[start:end]) for start, end in undisclosed(len(hashes), shown)]
            lines += [f"{head},{line}" for line in _cover(len(hashes), shown, proof)]
    return "".join(lines).encode()


def _cover(size: int, stretches: Sequence[Stretch], hashes: Sequence[bytes]) -> list[str]:
    """A tree from its first leaf to its last, in order."""
    hidden = zip(undisclosed(size, stretches), hashes, strict=True)
    whole = [(start, end, "") for start, end in stretches]
    whole += [(start, end, f'"{each.hex()}"') for (start, end), each in hidden]
    return [f"{start},{end},{each}\n" for start, end, each in sorted(whole)]


def roots_json(home: str, pieces: Mapping[int, Sequence[Piece]], used: Iterable[Piece]) -> JsonValue:
    """The pieces that hold the pack's events, each with the number of the head that states it."""
    wanted = {piece.place for piece in used}
    found = [(piece, head) for head, own in pieces.items() for piece in own if piece.place in wanted]
    return {
        "format": ROOTS_FORMAT,
        "home": home,
        "pieces": [
            {
                "piece": piece.name,
                "type": piece.place.type,
                "contract_version": _whole(piece.place.contract_version),
                "first_batch": _whole(piece.place.first),
                "last_batch": _whole(piece.place.last),
                "rows": _whole(piece.rows),
                "root": piece.root.hex(),
                "head": _whole(head),
            }
            for piece, head in sorted(found, key=lambda each: each[0].name)
        ],
    }


def heads_json(statements: Iterable[str]) -> JsonValue:
    """Each as it was stated: its canonical text is the text that was signed."""
    return [json.loads(each, parse_int=JsonNumber, parse_float=JsonNumber) for each in statements]


def _whole(number: int) -> JsonNumber:
    return JsonNumber(str(number))
