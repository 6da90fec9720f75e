"""Roots under heads: each piece that holds events of the pack is a leaf under the root of one head, and lies
in the batches that this head adds to those before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tieout.evidence.verify.head import DIGEST, StatedHead
from tieout.evidence.verify.log import KEPT, ROOTS, Tree, check_root, ranges_of, read_covers
from tieout.evidence.verify.pack import Members, Pack
from tieout.evidence.verify.report import Report
from tieout.kernel.merkle import leaf_hash

ROOTS_FORMAT = "tieout/roots/2"
HEAD_PROOF = "log/proof.csv"
NUMBER_MAX = 2**63 - 1
"""Of batches, rows and versions: what a log can count."""
HEAD_PROOF_HEAD = "head,start,end,hash"
HEAD_PROOF_LINE = re.compile(r'([1-9][0-9]*),(0|[1-9][0-9]*),(0|[1-9][0-9]*),(?:"([0-9a-f]{64})")?')


def read_pieces(pack: Pack, manifest: Members) -> dict[str, Members]:
    """By name. What is not as it should be is in the report. Raises `Unreadable`, or what reading raises."""
    said, report = pack.json(ROOTS), pack.report
    report.compare(
        ROOTS, [("format", ROOTS_FORMAT, said["format"]), ("home", manifest["home"], said["home"])]
    )
    pieces: dict[str, Members] = {}
    for piece in said["pieces"]:
        first, last = piece["first_batch"], piece["last_batch"]
        name = f"{piece['type']}/v{piece['contract_version']}/{first}-{last}"
        report.compare(ROOTS, [("name of a piece", name, piece["piece"])])
        if name in pieces or not _is_piece(piece):
            report.add(ROOTS, f"piece {name}", "one piece of the log", piece)
            continue
        pieces[name] = piece
    ranges_of(pieces, file=ROOTS, report=report)
    return pieces


def _is_piece(piece: Members) -> bool:
    """A text that is hashed as a leaf has one reading only because these are whole numbers and digests."""
    numbers = [piece[name] for name in ("contract_version", "first_batch", "last_batch", "rows", "head")]
    return (
        isinstance(piece["type"], str)
        and all(type(each) is int and 0 < each <= NUMBER_MAX for each in numbers)
        and piece["first_batch"] <= piece["last_batch"]
        and DIGEST.match(piece["root"]) is not None
    )


def check_head_roots(pack: Pack, pieces: Mapping[str, Members], heads: Sequence[StatedHead]) -> None:
    """No piece is stated by no head, and nothing else is proven."""
    report = pack.report
    if not pieces:
        if HEAD_PROOF in pack.members:
            report.add(HEAD_PROOF, "file", "none, where no event is", "there")
        return
    covers = read_covers(pack, HEAD_PROOF, first_line=HEAD_PROOF_HEAD, line_form=HEAD_PROOF_LINE)
    own: dict[int, list[str]] = {}
    for name, piece in pieces.items():
        own.setdefault(piece["head"], []).append(name)
    report.compare(HEAD_PROOF, [("heads", sorted(map(str, own), key=int), sorted(covers, key=int))])
    before = 0
    for head in heads:
        if head.root is None:
            continue
        stated = sorted(own.pop(head.number, []), key=lambda name: _place(pieces[name]))
        for name in stated:
            if not before < pieces[name]["first_batch"] <= pieces[name]["last_batch"] <= head.upto:
                where = f"batches {before + 1} to {head.upto}, which head {head.number} adds"
                report.add(ROOTS, f"piece {name}", where, "others")
        if stated and str(head.number) in covers:
            tree = Tree(f"head {head.number}", head.pieces, head.root)
            leaves = [_leaf(name, pieces[name]) for name in stated]
            check_root(report, HEAD_PROOF, covers[str(head.number)], tree, leaves)
        before = head.upto
    for number, left in sorted(own.items()):
        report.add(ROOTS, f"piece {left[0]}", "one under a head with roots", f"head {number}")
    report.checked.append(f"{len(pieces):,} roots are leaves under signed heads of the log.")


def told_of_kept(kept: StatedHead, pieces: Mapping[str, Members], report: Report) -> None:
    """What a head that somebody kept says about the events: those under it or a head before it were in the
    log when it was stated; about others it says nothing."""
    later = sorted({piece["head"] for piece in pieces.values() if piece["head"] > kept.number})
    if later:
        report.not_derived.append(
            f"{KEPT}: events of this pack lie under {len(later):,} heads up to number {later[-1]}, stated "
            f"after it; only a kept head of number {later[-1]} or later tells that they were in the log."
        )
    elif pieces:
        report.checked.append(
            f"Whoever kept head {kept.number} knows that every event of this pack was in the log when it was "
            f"stated, {kept.stated_at}."
        )


def _place(piece: Members) -> tuple[str, int, int, int]:
    return piece["type"], piece["contract_version"], piece["first_batch"], piece["last_batch"]


def _leaf(name: str, piece: Members) -> bytes:
    return leaf_hash(f"{name} {piece['rows']} {piece['root']}".encode())
