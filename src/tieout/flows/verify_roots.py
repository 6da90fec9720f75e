"""What a pack states of the log, computed again by who has the log: the roots of its pieces and the digest
that is stated with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tieout.evidence.verify.archive import read_archive
from tieout.evidence.verify.log import ROOTS
from tieout.evidence.verify.pack import Pack, Unreadable
from tieout.evidence.verify.report import Report
from tieout.flows.home import Home
from tieout.kernel.batch_digest import GENESIS_DIGEST
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import EventType, Watermark
from tieout.ports import LogFinding, UnreadableSegment

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
        said: Members = Pack(read_archive(pack, report), report).json(ROOTS)
        if said["home"] != home.home_id:
            raise NoRootsThere(f"it is of home {said['home']}, and this is home {home.home_id}")
        pieces = [(_place(each), str(each["root"]), int(each["rows"])) for each in said["pieces"]]
        batch, digest = int(said["batch"]), str(said["digest"])
    except (Unreadable, ValueError, KeyError, TypeError) as error:
        raise NoRootsThere("it is no evidence pack of format 2 or later") from error
    findings = [*_of_chain(home, batch, digest)]
    for place, root, rows in pieces:
        findings += _of_piece(home, place, root, rows)
    return RootsVerification(batch, len(pieces), sum(rows for _, _, rows in pieces), tuple(findings))


Place = tuple[EventType, int, Watermark, Watermark]


def _place(said: Members) -> Place:
    first, last = Watermark(int(said["first_batch"])), Watermark(int(said["last_batch"]))
    return EventType(str(said["type"])), int(said["contract_version"]), first, last


def _of_chain(home: Home, batch: int, digest: str) -> Iterator[LogFinding]:
    found = GENESIS_DIGEST if batch == 0 else home.log.batch_digest(Watermark(batch))
    if found is None or found.hex() != digest:
        now = "there is no such batch" if found is None else f"it is {found.hex()}"
        yield LogFinding("chain", f"batch {batch}", f"the pack states digest {digest}, and {now}")


def _of_piece(home: Home, place: Place, root: str, rows: int) -> Iterator[LogFinding]:
    event_type, version, first, last = place
    where = f"{event_type}/v{version}/{first}-{last}"
    try:
        count, found = home.log.piece_root(event_type, version, first=first, last=last)
    except UnreadableSegment as error:
        yield LogFinding("piece", where, str(error))
        return
    if count != rows:
        yield LogFinding("piece", where, f"the pack states {rows} events, and there are {count}")
    if found.hex() != root:
        yield LogFinding("piece", where, f"the pack states root {root}, and it is {found.hex()}")
