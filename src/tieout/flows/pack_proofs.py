"""The part of a pack that leads from its events to what was stated of the log."""

from __future__ import annotations

from collections.abc import Iterable

from tieout.evidence.pack.members import json_bytes
from tieout.evidence.pack.proof_query import HEAD_PROOF_QUERY, head_proof_sql
from tieout.evidence.pack.proofs import (
    HEAD_PROOF,
    HEADS,
    ROOTS,
    head_proof_csv,
    heads_json,
    proof_csv,
    roots_json,
)
from tieout.evidence.piece import Piece
from tieout.flows.home import Home
from tieout.ports.lineage import PieceProof


def proof_member(proofs: Iterable[PieceProof]) -> bytes:
    """The proofs of one snapshot."""
    return proof_csv((each.piece, each.stretches, each.hashes) for each in proofs)


def log_members(home: Home, used: Iterable[Piece]) -> dict[str, bytes]:
    """The roots of the pieces that hold events of the pack, the heads that state them, and every other head
    so far."""
    pieces, used = home.books.heads.pieces(), list(used)
    members = {
        ROOTS: json_bytes(roots_json(home.home_id, pieces, used)),
        HEADS: json_bytes(heads_json(each.statement for each in home.books.heads.all())),
    }
    if used:
        members |= {HEAD_PROOF: head_proof_csv(pieces, used), HEAD_PROOF_QUERY: head_proof_sql().encode()}
    return members
