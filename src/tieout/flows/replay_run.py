"""`tieout replay run`: a set through the whole path in a scratch home, and what comes out beside what
must."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path

from tieout import __version__
from tieout.close.outcome import OutcomeName
from tieout.flows.home import Home
from tieout.flows.read_replay_set import BadReplaySet, ReplaySet
from tieout.flows.replay_calls import Played, Player
from tieout.flows.replay_candidate import Applied, applied
from tieout.flows.replay_found import Papers, papers, starting_from
from tieout.flows.replay_results import terms_of
from tieout.flows.replay_signing import Signers
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.ids import HomeId
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.kernel.rational import exact_text
from tieout.ports.world import RehearsalDesk, SettableClock
from tieout.replay.cause import Known
from tieout.replay.compare import Outcome, compare, is_copy, without_amount
from tieout.replay.coverage import coverage
from tieout.replay.face import Face, Origin, What
from tieout.replay.found import RECORDED_LINES, FoundLine, line_json, parse_lines
from tieout.replay.gate import Contents, gate_failures
from tieout.replay.ran import ReplayRun
from tieout.replay.result import ReplayResult
from tieout.replay.stated import parse_stated
from tieout.replay.written import lines_csv

Scratch = Callable[[HomeId, bytes, Instant], AbstractContextManager[tuple[Home, SettableClock]]]
"""(identity, seed, now) -> a home that lasts as long as the block."""
Desk = Callable[[Path], RehearsalDesk]
Progress = Callable[[int, int], None]
STOPPED = frozenset({OutcomeName.HELD, OutcomeName.PARKED})
UNSEALED = STOPPED | {OutcomeName.IN_REVIEW}


def replay(
    found: ReplaySet,
    scratch: Scratch,
    desk: Desk,
    *,
    now: Instant,
    candidate: Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> ReplayRun:
    """`now` is when it is run; the scratch home lives at the times of the calls. `workers` decode and draft.

    Raises `BadReplaySet`, `CatalogRefused` and `CandidatePolicy` before anything is run.
    """
    documents = applied(found, candidate)
    recorded = _recorded(found)
    home_id = found.face.home or _own_identity(found.face)
    seed = sha256(f"tieout/replay\0{home_id}\0{found.face.name}".encode()).digest()
    with scratch(home_id, seed, found.calls[0].at) as (home, clock):
        folder = home.folder / "rehearsal"
        signers = Signers(home, desk(folder), folder / "requests")
        player = Player(home, clock, found, documents, signers, workers)
        for done, call in enumerate(found.calls):
            player.play(call)
            if progress is not None:
                progress(done + 1, len(found.calls))
        player.note_late()
        return _compared(found, player, documents, recorded, now=now)


def _compared(
    found: ReplaySet,
    player: Player,
    documents: Applied,
    recorded: tuple[FoundLine, ...] | None,
    *,
    now: Instant,
) -> ReplayRun:
    home, played = player.home, player.played
    kept = _of_interest(found.face, papers(home))
    waiting = _waiting(home)
    counts = {"received": sum(played.counts.values()), **played.counts}
    refused = tuple(f"calls.jsonl:{each.line}: {each.kind} was refused" for each in played.refused)
    known = Known(recorded, documents.changed, waiting, tuple(played.misjudged), refused)
    stated = [(expected.file, each) for expected, each in found.stated]
    differences = tuple(compare(stated, Outcome(kept.lines, kept.totals, counts), known))
    covered = _covered(player, kept.lines, counts)
    contents = Contents(found.face, found.calls, found.edited, found.loose, _copied(found, recorded))
    outside = [each for expected, each in found.stated if expected.origin is not Origin.RECORDED]
    failures = gate_failures(
        contents,
        covered,
        waivers=kept.waivers,
        without_amount=without_amount(outside, kept.lines),
        stopped=_stopped(home),
    )
    result = ReplayResult(
        set_name=found.face.name,
        home=found.face.home,
        set_digest=found.digest,
        catalog_digest=catalog_digest(home),
        terms_digest=terms_of(home),
        outcome_digest=_outcome_digest(home, played, kept, waiting),
        candidate=bool(documents.changed),
        differences=len(differences) + len(played.refused),
        gate_failures=failures,
        coverage=covered,
        ran_at=now,
        software=__version__,
    )
    return ReplayRun(
        face=found.face,
        result=result,
        differences=differences,
        refused=tuple(played.refused),
        misjudged=tuple(played.misjudged),
        waiting=waiting,
        counts=counts,
        lines=len(kept.lines),
        digests=kept.digests,
        changed=tuple(sorted(documents.changed)),
        rehearsed=tuple(player.signers.signed),
        recorded=None if recorded is None else _as_recorded(kept.lines, recorded),
        edited=found.edited,
        loose=found.loose,
    )


def _covered(player: Player, lines: Sequence[FoundLine], counts: Mapping[str, int]) -> dict[str, int]:
    played = player.played
    return coverage(
        repeated=counts["duplicate"] + played.receipts_again,
        conflicts=counts["conflict"],
        late=played.late,
        crossings=played.crossings,
        lines=lines,
    )


def catalog_digest(home: Home) -> str:
    """Over the digests of all documents of a home: equal for equal catalogs, in whichever order they came."""
    return sha256("\n".join(sorted(each.digest for each in home.books.documents.all())).encode()).hexdigest()


def _outcome_digest(home: Home, played: Played, kept: Papers, waiting: Mapping[tuple[str, str], str]) -> str:
    """Of counts, quantities, amounts and bytes: what must come out the same every time (L20)."""
    calls: list[JsonValue] = [
        {"line": JsonNumber(str(line)), **{name: JsonNumber(str(each)) for name, each in counts.items()}}
        for line, counts in played.by_call
    ]
    totals: list[JsonValue] = [
        {**each.keys, **{name: exact_text(value) for name, value in each.values.items()}}
        for each in kept.totals
    ]
    snapshots: list[JsonValue] = [
        f"{each.id} {each.quantity} {each.event_count} {each.fingerprint}"
        for each in home.books.invoices.snapshots()
    ]
    head = home.log.batch_digest(home.log.head())
    whole: dict[str, JsonValue] = {
        "calls": calls,
        "refused": [f"{each.line} {each.why}" for each in played.refused],
        "log": None if head is None else head.hex(),
        "snapshots": snapshots,
        "lines": [line_json(line) for line in kept.lines],
        "totals": totals,
        "papers": dict(kept.digests),
        "waiting": [" ".join((*who, why)) for who, why in sorted(waiting.items())],
    }
    return sha256(canonical_json(whole).encode()).hexdigest()


def _of_interest(face: Face, found: Papers) -> Papers:
    """Of the periods that a recording names; of all where it names none."""
    said = face.recording
    if said is None:
        return found
    return starting_from(found, None if said.since is None else parse_instant(said.since))


def _waiting(home: Home) -> dict[tuple[str, str], str]:
    return {
        (each.customer, "" if each.period is None else format_instant(each.period.start)): (
            f"{each.outcome.value}: {each.reason}"
        )
        for each in home.books.closes.latest()
        if each.outcome in UNSEALED
    }


def _stopped(home: Home) -> list[str]:
    return sorted({each.customer for each in home.books.closes.latest() if each.outcome in STOPPED})


def _recorded(found: ReplaySet) -> tuple[FoundLine, ...] | None:
    file = found.file(RECORDED_LINES)
    if not file.is_file():
        return None
    lines, problems = parse_lines(file.read_text(encoding="utf-8", errors="replace"))
    if problems:
        raise BadReplaySet(found.folder, tuple(problems))
    return lines


def _copied(found: ReplaySet, recorded: tuple[FoundLine, ...] | None) -> tuple[str, ...]:
    """Files under another origin that are what the recording wrote as its own expectation. Whoever worked
    lines out does not name each price, program and segment in the product's own columns."""
    written = parse_stated("", lines_csv(recorded), What.LINES)[0] if recorded else None
    if written is None:
        return ()
    return tuple(
        expected.file
        for expected, each in found.stated
        if expected.origin is not Origin.RECORDED and is_copy(each, written)
    )


def _as_recorded(lines: Sequence[FoundLine], recorded: Sequence[FoundLine]) -> tuple[int, int]:
    """Lines of the same keys, quantity, amount and count of events; and how many either side has at most."""
    found, before = (
        Counter((tuple(sorted(each.keys.items())), each.quantity, each.amount, each.events) for each in side)
        for side in (lines, recorded)
    )
    return (found & before).total(), max(found.total(), before.total())


def _own_identity(face: Face) -> HomeId:
    """Of a set that names no home: one that follows from its name."""
    return HomeId(f"home_{sha256(f'tieout/replay-set/{face.name}'.encode()).hexdigest()[:16]}")
