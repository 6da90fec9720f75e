"""The part of a pack that leads from its events to what was stated of the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tieout.evidence.pack.members import json_bytes
from tieout.evidence.pack.proofs import HEADS, ROOTS, Piece, heads_json, proof_csv, roots_json
from tieout.flows.home import Home
from tieout.kernel.batch_digest import GENESIS_DIGEST
from tieout.kernel.ids import Watermark
from tieout.ports.lineage import PieceProof


def proof_member(proofs: Iterable[PieceProof], pieces: dict[str, Piece]) -> bytes:
    """The proofs of one snapshot; what they lead to is added to `pieces`."""
    found = [(_piece(each), each.stretches, each.hashes) for each in proofs]
    pieces.update((piece.name, piece) for piece, _, _ in found)
    return proof_csv(found)


def log_members(home: Home, pieces: Mapping[str, Piece], *, cutoff: Watermark) -> dict[str, bytes]:
    """The roots, stated with the chain's digest at the last batch that they or the invoice reach; and every
    head that was stated so far."""
    batch = max([int(cutoff), *(piece.last_batch for piece in pieces.values())])
    digest = home.log.batch_digest(Watermark(batch)) or GENESIS_DIGEST
    statements = [each.statement for each in home.books.heads.all()]
    return {
        ROOTS: json_bytes(roots_json(home.home_id, batch, digest.hex(), pieces.values())),
        HEADS: json_bytes(heads_json(statements)),
    }


def _piece(proof: PieceProof) -> Piece:
    return Piece(
        proof.type, proof.contract_version, proof.first_batch, proof.last_batch, proof.rows, proof.root
    )
