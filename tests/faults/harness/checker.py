"""Looks at a log after a fault and says which laws it breaks, by comparison with the model and with what the
senders were told. Nothing is repaired or sent first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import DatabaseError

from tests.faults.harness import journal, tally
from tests.faults.harness.items import BlockName, items_of, named
from tests.faults.harness.journal import Acknowledged
from tests.faults.harness.model import Fate, Model, Place, model_of
from tests.faults.harness.sender import send_block, short_runs
from tests.logs import NOW, contract, open_log
from tieout.ingest.verdict import Verdict
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import EventType, Subject
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.store.log import schema
from tieout.store.log.encoding import decode_dispositions
from tieout.store.log.log import SqlEventLog

SPAN = {Subject("team-1"): [Period(contract().effective_from, NOW)]}
TYPES = frozenset({EventType("llm.request")})
LATER = Instant(NOW + 2 * 3_600_000_000)


@dataclass(frozen=True, slots=True)
class Violation:
    """A law that does not hold, and what shows it. `lost`: acknowledged events that are not stored."""

    law: str
    detail: str
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """A log as its tables and readers show it."""

    model: Model
    fates: dict[Place, Fate]
    events: list[tuple[Place, str, int]]
    batch_of: dict[str, list[int]]


@short_runs()
def broken_laws(folder: Path, acknowledged: Acknowledged, *, url: str | None = None) -> list[Violation]:
    """What is wrong with the log in `folder` as it lies there."""
    engine: Engine | None = None
    violations: list[Violation] = []
    try:
        log, engine = open_log(folder, url=url, now=LATER)
        violations += [Violation("L5", str(finding)) for finding in log.verify().findings]
        violations += _compared(log, engine, _stored(log, engine), acknowledged)
    except TieoutError as error:
        violations.append(Violation("L5", f"the log cannot be read: {error}"))
    except DatabaseError as error:
        everything = sum(len({item.identity for item in items_of(name)} - {None}) for name in acknowledged)
        violations.append(Violation("L2", f"the database cannot be read: {error.orig}", everything))
    except (ValueError, TypeError) as error:  # SQLite hands out what damaged pages say
        violations.append(Violation("L5", f"the database holds what means nothing: {error}"))
    finally:
        if engine is not None:
            engine.dispose()
    return violations


@short_runs()
def broken_by_retry(folder: Path, names: Sequence[BlockName], *, url: str | None = None) -> list[Violation]:
    """What is wrong once every block was sent again, twice: all of it must be stored then, and the second
    time nothing may be accepted any more.
    """
    try:
        _send_again(folder, names, url)
        again = _send_again(folder, names, url)
    except TieoutError as error:
        return [Violation("L2", f"what was not acknowledged cannot be sent again: {error}")]
    if any(told.get("accepted") for told in again):
        return [Violation("L3", f"a retry of what is stored was accepted: {again}")]
    return broken_laws(folder, dict.fromkeys(names), url=url)


def _send_again(folder: Path, names: Sequence[BlockName], url: str | None) -> list[dict[str, int]]:
    log, engine = open_log(folder, url=url, now=LATER)
    try:
        return [send_block(log, name) for name in names]
    finally:
        engine.dispose()


def assert_laws_hold(
    folder: Path, journals: Path, *, url: str | None = None, faults: int = 1, note: str = ""
) -> None:
    """Counts the faults, and fails with every law that does not hold."""
    violations = broken_laws(folder, journal.read(journals), url=url)
    tally.injected(faults, lost=sum(violation.lost for violation in violations))
    assert violations == [], note


def _stored(log: SqlEventLog, engine: Engine) -> Stored:
    batches = schema.batches.c
    query = select(batches.number, batches.origin, batches.received, batches.dispositions)
    fates: dict[Place, Fate] = {}
    batch_of: dict[str, list[int]] = {}
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(batches.number)).all()
    for number, origin, received, blob in rows:
        batch_of.setdefault(origin, []).append(number)
        fates.update({(number, row): Fate("accepted", None) for row in range(received)})
        for disposition in decode_dispositions(blob, f"batch {number}"):
            verdict = Verdict(int(disposition["verdict"]))
            packed = int(disposition["original"])
            repeats = verdict in (Verdict.DUPLICATE, Verdict.CONFLICT)
            original = (packed >> 32, packed & 0xFFFF_FFFF) if repeats else None
            fates[number, int(disposition["row"])] = Fate(verdict.name.lower(), original)
    stored = log.events(SPAN, TYPES, watermark=log.head())
    events = [
        ((item.position.batch, item.position.row), item.event.id, _tokens(item.event.fields["tokens"]))
        for item in stored
    ]
    model = model_of((number, named(origin)) for number, origin, _, _ in rows)
    return Stored(model, fates, events, batch_of)


def _tokens(value: object) -> int:
    return int(str(value))


def _compared(
    log: SqlEventLog, engine: Engine, stored: Stored, acknowledged: Acknowledged
) -> Iterator[Violation]:
    model = stored.model
    yield from _counts(log, stored)
    yield from _acknowledged(stored, acknowledged)
    twice = [identity for identity, count in Counter(id for _, id, _ in stored.events).items() if count > 1]
    if twice:
        yield Violation("L3", f"accepted more than once: {sorted(twice)}")
    for place in sorted(model.fates.keys() | stored.fates.keys()):
        wanted, found = model.fates.get(place), stored.fates.get(place)
        if wanted != found:
            yield Violation("L3", f"row {place} must be {wanted} and is {found}")
            break
    expected = [(place, identity, content) for identity, (place, content) in model.accepted.items()]
    if sorted(stored.events) != sorted(expected):
        wrong = sorted(set(stored.events) ^ set(expected))[:3]
        yield Violation("L4", f"the accepted events are others than the first of each identity: {wrong}")
    with engine.connect() as connection:
        numbers = list(connection.execute(select(schema.batches.c.number).order_by("number")).scalars())
    if numbers != list(range(1, len(numbers) + 1)):
        yield Violation("L4", f"batch numbers have a gap: {numbers}")
    yield from _quarantine(log, model)


def _counts(log: SqlEventLog, stored: Stored) -> Iterator[Violation]:
    tallied: Counter[str] = Counter()
    for tally_ in log.tallies():
        tallied[tally_.verdict.name.lower()] += tally_.items
    expected = Counter(fate.verdict for fate in stored.model.fates.values())
    if tallied != expected:
        yield Violation("L1", f"tallies say {dict(tallied)}, the items were {dict(expected)}")


def _acknowledged(stored: Stored, acknowledged: Acknowledged) -> Iterator[Violation]:
    held = {identity for _, identity, _ in stored.events}
    for name, told in sorted(acknowledged.items()):
        batches = stored.batch_of.get(name.origin, [])
        missing = {item.identity for item in items_of(name) if item.identity} - held
        if not batches or missing:
            lost = len(missing) or 1
            yield Violation("L2", f"{name.origin} was acknowledged; lost: {sorted(missing)}", lost)
        elif told is not None and told not in [stored.model.told[batch] for batch in batches]:
            wanted = [stored.model.told[batch] for batch in batches]
            yield Violation("L1", f"{name.origin} was told {told}, and the log holds {wanted}")


def _quarantine(log: SqlEventLog, model: Model) -> Iterator[Violation]:
    kept = {
        (item.position.batch, item.position.row): item for item in log.quarantine(reason=None, limit=10**6)
    }
    wanted = {at for at, fate in model.fates.items() if fate.verdict in ("quarantined", "conflict")}
    if kept.keys() != wanted:
        yield Violation("L1", f"quarantine and model differ at {sorted(kept.keys() ^ wanted)[:3]}")
        return
    for at in sorted(wanted):
        whole = log.quarantined(kept[at].position)
        if whole is None or whole.raw != model.raw[at]:
            yield Violation("L5", f"the bytes of row {at} are not those that were sent")
            return
