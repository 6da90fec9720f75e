"""What heads and packs state of the log, computed again by who has the log: roots of its pieces, and that the
pieces of heads hold every event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tieout.evidence.head import head_of
from tieout.evidence.piece import Piece, PiecePlace, in_order, root_of_pieces
from tieout.evidence.verify.archive import read_archive
from tieout.evidence.verify.head_roots import NUMBER_MAX, ROOTS_FORMAT
from tieout.evidence.verify.log import HEADS, ROOTS
from tieout.evidence.verify.pack import Pack, Unreadable
from tieout.evidence.verify.report import Report
from tieout.flows.home import Home
from tieout.kernel.batch_digest import GENESIS_DIGEST
from tieout.kernel.errors import Refusal, TieoutError
from tieout.kernel.ids import EventType, Watermark
from tieout.ports import EMPTY_LOG, LogFinding, UnreadableSegment

Members = dict[str, Any]  # an object of a JSON text that has not been looked at yet


class NoRootsThere(Refusal):
    """The file is no pack that states roots, or is of another home."""

    code = "no-roots-there"

    def __init__(self, why: str) -> None:
        super().__init__(f"There are no roots of this log in it: {why}.")


@dataclass(frozen=True, slots=True)
class RootsVerification:
    """How many pieces with how many events were computed again, up to which batch, and what differs."""

    batch: int
    pieces: int
    rows: int
    findings: tuple[LogFinding, ...]


def verify_roots(home: Home, pack: bytes) -> RootsVerification:
    """Raises `NoRootsThere`. That the rows are those of the chain is for `verify_log` to say."""
    report = Report()
    try:
        read = Pack(read_archive(pack, report), report)
        said: Members = read.json(ROOTS)
        if said["home"] != home.home_id:
            raise NoRootsThere(f"it is of home {said['home']}, and this is home {home.home_id}")
        pieces = [_piece(each) for each in said["pieces"]]
        batch, digest = _stated_with(said, read)
    except (Unreadable, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoRootsThere("it is no evidence pack of format 2 or later") from error
    findings = [*_of_chain(home, batch, digest)]
    for piece in pieces:
        findings += _of_piece(home, piece, by="the pack")
    return RootsVerification(batch, len(pieces), sum(piece.rows for piece in pieces), tuple(findings))


def rooted_findings(home: Home) -> Iterator[LogFinding]:
    """The pieces under each head with roots come to its root, hold every event of the batches that it adds,
    and have the roots that are stated of them."""
    stated, after = home.books.heads.pieces(), EMPTY_LOG
    heads = home.books.heads.all()
    for number in sorted(stated.keys() - {kept.number for kept in heads}):
        detail = f"{len(stated[number])} pieces are kept for it, and there is no such head"
        yield LogFinding("head", f"head {number}", detail)
    for kept in heads:
        try:
            roots = head_of(kept.statement).roots
        except (ValueError, KeyError, TypeError, TieoutError):
            continue  # told of as a head
        pieces, where = stated.get(kept.number, ()), f"head {kept.number}"
        if roots is None:
            if pieces:
                yield LogFinding(
                    "head", where, f"it states no root, and {len(pieces)} pieces are kept for it"
                )
            continue
        if (len(pieces), root_of_pieces(pieces).hex()) != (roots.pieces, roots.root):
            yield LogFinding("head", where, "the pieces that are kept for it do not come to its root")
        yield from _of_ranges(home, pieces, where, after=after, upto=roots.upto)
        for piece in pieces:
            yield from _of_piece(home, piece, by=where)
        after = roots.upto


def _of_ranges(
    home: Home, pieces: Sequence[Piece], where: str, *, after: Watermark, upto: Watermark
) -> Iterator[LogFinding]:
    counted: dict[tuple[EventType, int], int] = {}
    reached: dict[tuple[EventType, int], Watermark] = {}
    for piece in in_order(pieces):
        place = piece.place
        kind = place.type, place.contract_version
        if not reached.get(kind, after) < place.first <= place.last <= upto:
            yield LogFinding("head", where, f"piece {piece.name} holds batches that another piece holds")
        reached[kind] = place.last
        counted[kind] = counted.get(kind, 0) + piece.rows
    there = home.log.piece_counts(after=after, upto=upto)
    for kind in sorted(counted.keys() | there.keys()):
        if counted.get(kind, 0) != there.get(kind, 0):
            stated = f"it states {counted.get(kind, 0)} events of {kind[0]}/v{kind[1]}"
            detail = f"{stated} in batches {after + 1} to {upto}, and the log has {there.get(kind, 0)}"
            yield LogFinding("head", where, detail)


def _stated_with(said: Members, pack: Pack) -> tuple[int, str]:
    """A batch, and the digest that the pack states of it: of format 2 beside the roots, later in its last
    head."""
    if said["format"] != ROOTS_FORMAT:
        return _whole(said["batch"], least=0), str(said["digest"])
    heads = pack.json(HEADS)
    if not heads:
        return 0, GENESIS_DIGEST.hex()
    return _whole(heads[-1]["batch"], least=0), str(heads[-1]["digest"])


def _piece(said: Members) -> Piece:
    """Raises `ValueError`, `KeyError` or `TypeError`."""
    first, last = (Watermark(_whole(said[name])) for name in ("first_batch", "last_batch"))
    said["type"].encode()  # a text that can be asked for
    place = PiecePlace(EventType(said["type"]), _whole(said["contract_version"]), first, last)
    return Piece(place, _whole(said["rows"]), bytes.fromhex(said["root"]))


def _whole(number: object, *, least: int = 1) -> int:
    if type(number) is not int or not least <= number <= NUMBER_MAX:
        raise ValueError(f"no log counts to {number!r}")
    return number


def _of_chain(home: Home, batch: int, digest: str) -> Iterator[LogFinding]:
    found = GENESIS_DIGEST if batch == 0 else home.log.batch_digest(Watermark(batch))
    if found is None or found.hex() != digest:
        now = "there is no such batch" if found is None else f"it is {found.hex()}"
        yield LogFinding("chain", f"batch {batch}", f"the pack states digest {digest}, and {now}")


def _of_piece(home: Home, piece: Piece, *, by: str) -> Iterator[LogFinding]:
    try:
        count, found = home.log.piece_again(piece.place)
    except UnreadableSegment as error:
        yield LogFinding("piece", piece.name, str(error))
        return
    if count != piece.rows:
        yield LogFinding("piece", piece.name, f"{by} states {piece.rows} events, and there are {count}")
    if found != piece.root:
        stated = f"{by} states root {piece.root.hex()}"
        yield LogFinding("piece", piece.name, f"{stated}, and it is {found.hex()}")
