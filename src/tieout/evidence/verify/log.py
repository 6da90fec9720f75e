"""Events against the log: each is a leaf of a tree, the tree has a stated root, the root is stated with the
digest of a batch, and the heads that were stated at seals follow one another.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tieout.evidence.verify.events_file import DisclosedEvent
from tieout.evidence.verify.head import DIGEST, StatedHead, chained_heads
from tieout.evidence.verify.pack import Members, Pack, Unreadable, json_as_written
from tieout.evidence.verify.report import Report
from tieout.evidence.verify.usage import Usage
from tieout.kernel.canonical import canonical_json
from tieout.kernel.merkle import BadProof, leaf_hash, proven_root, undisclosed

ROOTS = "log/roots.json"
HEADS = "log/heads.json"
ROOTS_FORMAT = "tieout/roots/1"
KEPT = "(the kept head)"
LEAF_DIGEST_BYTES = 16
PROOF_HEAD = "piece,start,end,hash"
PROOF_LINE = re.compile(r'"([^"\n]+)",(0|[1-9][0-9]*),(0|[1-9][0-9]*),(?:"([0-9a-f]{64})")?')


@dataclass(frozen=True, slots=True)
class StatedRoots:
    """`pieces` by name; the log up to `batch` had `digest`."""

    batch: int
    digest: str
    pieces: Mapping[str, Members]


def read_roots(pack: Pack, manifest: Members, document: Members) -> StatedRoots:
    """Of a pack of format 2. What is not as it should be is in the report. Raises `Unreadable`, or what
    reading raises."""
    said, report = pack.json(ROOTS), pack.report
    cutoff = document["cutoff"]
    report.compare(
        ROOTS, [("format", ROOTS_FORMAT, said["format"]), ("home", manifest["home"], said["home"])]
    )
    if said["batch"] < cutoff:
        report.add(ROOTS, "batch", f"the invoice's cutoff, {cutoff}, or later", said["batch"])
    if not DIGEST.match(said["digest"]):
        report.add(ROOTS, "digest", "a SHA-256", said["digest"])
    pieces: dict[str, Members] = {}
    for piece in said["pieces"]:
        first, last = piece["first_batch"], piece["last_batch"]
        name = f"{piece['type']}/v{piece['contract_version']}/{first}-{last}"
        report.compare(ROOTS, [("name of a piece", name, piece["piece"])])
        if name in pieces or not 0 < first <= last <= said["batch"] or not DIGEST.match(piece["root"]):
            report.add(ROOTS, f"piece {name}", f"one piece of the log up to batch {said['batch']}", piece)
        pieces[name] = piece
    return StatedRoots(said["batch"], said["digest"], pieces)


def check_proofs(
    pack: Pack, pieces: Mapping[str, Members], usages: Mapping[str, Usage], *, stated: str
) -> None:
    """Every event of every folder is proven, and no root is stated beside. `stated`: how the roots are."""
    used: set[str] = set()
    proven: dict[tuple[int, int], tuple[str, bytes]] = {}
    for name, usage in sorted(usages.items()):
        file = f"usage/{name}/proof.csv"
        disclosed = _disclosed(pack, file, (*usage.events, *usage.gone, *usage.opening))
        try:
            used |= _check_proof(pack, file, pieces, disclosed)
        except Unreadable:
            continue  # it is in the report, and the others are looked at
        for event in disclosed:
            known = (event.type, event.content_digest)
            if proven.setdefault((event.batch, event.row), known) != known:
                pack.report.add(
                    file, f"event {event.place}", "the same in all folders", "another in one of them"
                )
    pack.report.compare(ROOTS, [("pieces that hold events", sorted(used), sorted(pieces))])
    pack.report.checked.append(f"{len(proven):,} events are leaves under {len(used):,} roots, {stated}.")


def _disclosed(pack: Pack, file: str, events: Iterable[DisclosedEvent]) -> list[DisclosedEvent]:
    """Each position once, by subject, time, batch and row."""
    found: dict[tuple[int, int], DisclosedEvent] = {}
    for event in events:
        there = found.setdefault((event.batch, event.row), event)
        if there.content_digest != event.content_digest or there.type != event.type:
            pack.report.add(file, f"event {event.place}", "the same in all files", "another in one of them")
    return sorted(
        found.values(), key=lambda event: (event.subject.encode(), event.time, event.batch, event.row)
    )


def _check_proof(
    pack: Pack, file: str, stated: Mapping[str, Members], disclosed: Sequence[DisclosedEvent]
) -> set[str]:
    report = pack.report
    covers = read_covers(pack, file)
    for name in sorted(covers.keys() - stated.keys()):
        report.add(file, f"piece {name}", f"one that {ROOTS} states", "none")
    pieces = {name: stated[name] for name in covers if name in stated}
    events, left = _by_piece(report, file, pieces, disclosed)
    for name, piece in pieces.items():
        if not events[name]:
            report.add(file, f"piece {name}", "one that holds events of this folder", "one without any")
        leaves = [leaf_hash(_leaf(event)) for event in events[name]]
        check_root(report, file, covers[name], Tree(name, piece["rows"], piece["root"]), leaves)
    for event in left:
        report.add(file, f"event {event.place}", "in a piece of the log", "in none")
    return set(covers)


def _by_piece(
    report: Report, file: str, pieces: Mapping[str, Members], disclosed: Sequence[DisclosedEvent]
) -> tuple[dict[str, list[DisclosedEvent]], list[DisclosedEvent]]:
    """The events of each piece, in their order, and those of none."""
    ranges = ranges_of(pieces, file=file, report=report)
    found: dict[str, list[DisclosedEvent]] = {name: [] for name in pieces}
    left: list[DisclosedEvent] = []
    for event in disclosed:
        own = ranges.get((event.type, event.contract_version), [])
        place = bisect_right(own, event.batch, key=lambda each: each[0]) - 1
        if place >= 0 and event.batch <= own[place][1]:
            found[own[place][2]].append(event)
        else:
            left.append(event)
    return found, left


def ranges_of(
    pieces: Mapping[str, Members], *, file: str, report: Report
) -> dict[tuple[str, int], list[tuple[int, int, str]]]:
    """First batch, last batch and name of the pieces of each event type and contract version, in order; where
    two of them hold the same batch, the report says so."""
    ranges: dict[tuple[str, int], list[tuple[int, int, str]]] = {}
    for name, piece in pieces.items():
        kind = (piece["type"], piece["contract_version"])
        ranges.setdefault(kind, []).append((piece["first_batch"], piece["last_batch"], name))
    for own in ranges.values():
        own.sort()
        for (_, last, before), (first, _, name) in pairwise(own):
            if first <= last:
                report.add(file, f"piece {name}", f"one that begins after {before}", "one that overlaps it")
    return ranges


Cover = list[tuple[int, int, str]]
"""Start, end, and a hash in hexadecimal digits; empty where the events are disclosed."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree with so many leaves and a stated root, in hexadecimal digits."""

    name: str
    size: int
    root: str


def read_covers(
    pack: Pack, file: str, *, first_line: str = PROOF_HEAD, line_form: re.Pattern[str] = PROOF_LINE
) -> dict[str, Cover]:
    """By the name of the tree. Raises `Unreadable`."""
    content = pack.members.get(file)
    if content is None:
        pack.report.add(file, "file", "there", "missing")
        raise Unreadable(file)
    try:
        head, *lines = content.decode().split("\n")
    except UnicodeDecodeError:
        head, lines = "", []
    if head != first_line or not lines or lines.pop():
        pack.report.add(file, "form", f"{first_line}, and lines that end", "something else")
        raise Unreadable(file)
    found: dict[str, Cover] = {}
    for number, line in enumerate(lines, 2):
        match = line_form.fullmatch(line)
        if match is None or (found and match[1] != next(reversed(found)) and match[1] in found):
            pack.report.add(file, f"line {number}", "a stretch of a tree, or a subtree with its hash", line)
            raise Unreadable(file)
        found.setdefault(match[1], []).append((int(match[2]), int(match[3]), match[4] or ""))
    return found


def check_root(report: Report, file: str, cover: Cover, tree: Tree, leaves: Sequence[bytes]) -> None:
    """The disclosed leaves and the hashes between them come to the stated root, and there is one way to say
    so."""
    stretches = [(start, end) for start, end, digits in cover if not digits]
    hashes = [bytes.fromhex(digits) for _, _, digits in cover if digits]
    try:
        if not _is_only_way(cover, tree.size, stretches):
            raise BadProof("its subtrees are not the greatest ones between the stretches, in order")
        root = proven_root(tree.size, stretches, leaves, hashes)
    except BadProof as error:
        report.add(file, f"proof of {tree.name}", "one for these leaves", str(error))
        return
    report.compare(file, [(f"root of {tree.name}", tree.root, root.hex())])


def _is_only_way(cover: Cover, size: int, stretches: Sequence[tuple[int, int]]) -> bool:
    """No more subtrees are thought of than the proof lists: a great tree has thousands beside one leaf."""
    hidden = iter([(start, end) for start, end, digits in cover if digits])
    expected = undisclosed(size, stretches)
    return cover == sorted(cover) and all(each == next(hidden, None) for each in expected) and not [*hidden]


def _leaf(event: DisclosedEvent) -> bytes:
    """Batch in 8 bytes and row in 4, the least first, and the first 128 bits of the content digest."""
    position = event.batch.to_bytes(8, "little", signed=True) + event.row.to_bytes(4, "little", signed=True)
    return position + event.content_digest[:LEAF_DIGEST_BYTES]


def check_heads(pack: Pack, manifest: Members, document: Members) -> list[StatedHead]:
    """They follow one another, and one of them covers the invoice's cutoff."""
    report = pack.report
    if not isinstance(pack.json(HEADS), list):
        raise TypeError("it is no list of heads")
    whole = json_as_written(pack.members[HEADS].decode())
    heads = chained_heads([canonical_json(each) for each in whole], file=HEADS, report=report)
    for head in heads:
        report.compare(HEADS, [(f"head {head.number}: home", manifest["home"], head.home)])
    over = next((head for head in heads if head.batch >= document["cutoff"]), None)
    if over is None:
        report.not_derived.append(f"{HEADS}: no head was stated for the invoice's cutoff.")
    else:
        report.checked.append(
            f"The invoice's cutoff, batch {document['cutoff']:,}, lies under head {over.number} of "
            f"{over.stated_at}; {len(heads):,} heads follow one another."
        )
    return heads


def check_digest(heads: Sequence[StatedHead], roots: StatedRoots, report: Report) -> None:
    """A head of the batch with which a pack of format 2 states its roots says the same of it."""
    for head in heads:
        if head.batch == roots.batch:
            report.compare(ROOTS, [(f"digest of batch {head.batch}", head.digest, roots.digest)])


def check_kept(kept: StatedHead, heads: Sequence[StatedHead], home: str, report: Report) -> bool:
    """A head that somebody kept is the one of its number here, so that the pack stands by it. False where
    there is none of its number."""
    report.compare(KEPT, [("home", home, kept.home)])
    same = next((head for head in heads if head.number == kept.number), None)
    if same is not None:
        report.compare(
            KEPT,
            [
                (f"digest of batch {kept.batch}, head {kept.number}", kept.digest, same.digest),
                (f"statement of head {kept.number}", kept.sha256, same.sha256),
            ],
        )
        report.checked.append(f"The kept head, number {kept.number} of batch {kept.batch:,}, is one of them.")
        return True
    last = heads[-1].number if heads else 0
    if kept.number < last:
        report.add(KEPT, "number", f"one of 1 to {last}", kept.number)
    else:
        report.not_derived.append(
            f"{KEPT}: number {kept.number} is later than the last head of the pack, {last}, so it says "
            "nothing about this pack; one built now would hold it."
        )
    return False
