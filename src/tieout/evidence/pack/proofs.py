"""What a pack says of the log: where its events lie in it, the roots of the pieces that hold them, and the
heads that were stated at seals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tieout.kernel.canonical import JsonNumber, JsonValue
from tieout.kernel.merkle import Stretch, undisclosed

ROOTS: Final = "log/roots.json"
HEADS: Final = "log/heads.json"
PROOF_HEAD: Final = "piece,start,end,hash\n"
ROOTS_FORMAT: Final = "tieout/roots/1"
NOT_LINKED: Final = (
    "that the pieces of the log with the stated roots are those whose digests the stated head covers: only "
    "who may read the log can compute both (tieout verify, tieout evidence roots)"
)
"""What stays the installation's word, in every pack."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The events of one type and contract version in a range of batches, sorted by subject, time, batch and
    row: their number, and the root of the tree over them."""

    type: str
    contract_version: int
    first_batch: int
    last_batch: int
    rows: int
    root: bytes

    @property
    def name(self) -> str:
        """The same events, the same name."""
        return f"{self.type}/v{self.contract_version}/{self.first_batch}-{self.last_batch}"


def proof_csv(found: Iterable[tuple[Piece, Sequence[Stretch], Sequence[bytes]]]) -> bytes:
    """Each piece from its first event to its last: stretches that are disclosed, without a hash, and between
    them subtrees of other events, by their hashes alone. Written as the files of events are: texts quoted,
    numbers not, and what is absent is empty.
    """
    lines = [PROOF_HEAD]
    for piece, stretches, hashes in sorted(found, key=lambda each: each[0].name):
        hidden = zip(undisclosed(piece.rows, stretches), hashes, strict=True)
        whole = [(start, end, "") for start, end in stretches]
        whole += [(start, end, f'"{each.hex()}"') for (start, end), each in hidden]
        lines += [f'"{piece.name}",{start},{end},{each}\n' for start, end, each in sorted(whole)]
    return "".join(lines).encode()


def roots_json(home: str, batch: int, digest: str, pieces: Iterable[Piece]) -> JsonValue:
    """Stated together: the chain's digest at a batch, and roots of pieces up to it."""
    return {
        "format": ROOTS_FORMAT,
        "home": home,
        "batch": _whole(batch),
        "digest": digest,
        "pieces": [
            {
                "piece": each.name,
                "type": each.type,
                "contract_version": _whole(each.contract_version),
                "first_batch": _whole(each.first_batch),
                "last_batch": _whole(each.last_batch),
                "rows": _whole(each.rows),
                "root": each.root.hex(),
            }
            for each in sorted(pieces, key=lambda each: each.name)
        ],
    }


def heads_json(statements: Iterable[str]) -> JsonValue:
    """Each as it was stated: its canonical text is the text that was signed."""
    return [json.loads(each, parse_int=JsonNumber, parse_float=JsonNumber) for each in statements]


def _whole(number: int) -> JsonNumber:
    return JsonNumber(str(number))
