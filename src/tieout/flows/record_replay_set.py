"""`tieout replay record`: freezes what a home received, was told and applied into a set.

Everything from the beginning is in it, since a period opens with what earlier ones left; `since` says from
which period on it is compared. What the home sealed goes beside it, for causes; expectations come from
outside.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tieout import __version__
from tieout.contract.catalog import Catalog
from tieout.contract.document import DocumentKind
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.home import Home
from tieout.flows.record_decisions import AT_ONCE, Decisions, record_decisions
from tieout.flows.record_events import Received, record_events
from tieout.flows.replay_found import Papers, papers, starting_from
from tieout.flows.write_replay_set import check_free, expect, freeze, new_set, write_face
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, format_instant
from tieout.ports.books import CloseRun
from tieout.replay.call import CALLS_FILE, Call, CallKind, call_text
from tieout.replay.face import Face, Origin, Recording, What
from tieout.replay.found import RECORDED_LINES, lines_text
from tieout.replay.written import lines_csv, totals_csv

RECORDED_SNAPSHOTS = "recorded/snapshots.csv"
RULES = frozenset({DocumentKind.ALERT, DocumentKind.CHARGE_CONTROL})
ARRIVED, DECIDED, CLOSED, ARRIVED_AFTER = 10, 11, 12, 13
"""The order of what happened at one instant: what was promised, what arrived, what people decided, closes."""

Placed = tuple[tuple[int, int, int], Call]


class NothingToRecord(Refusal):
    """A set without a call is none."""

    code = "nothing-to-record"

    def __init__(self) -> None:
        super().__init__("Nothing happened in this home by then; there is nothing to record.")


@dataclass(frozen=True, slots=True)
class Expectation:
    """A file of expectations from outside, for the new set."""

    file: Path
    what: What
    origin: Origin
    by: str


@dataclass(frozen=True, slots=True)
class RecordedSet:
    """The face of the new set, and how much is in it."""

    face: Face
    calls: int
    items: int
    lines: int


def record(
    home: Home,
    folder: Path,
    *,
    name: str,
    since: Instant | None = None,
    until: Instant | None = None,
    accounts: Collection[CustomerId] | None = None,
    expected: Sequence[Expectation] = (),
) -> RecordedSet:
    """`since`: periods that start then or later are compared. `until`: what happened before it is recorded.
    `accounts`: whose events and closes; catalogs are whole. Without lines from outside, what the home sealed
    is expected, and the set says so. Raises `FolderTaken`, `BadSetName`, `NoSuchCustomer`,
    `NothingToRecord` and `BadReplaySet`; then nothing is left behind.
    """
    catalog = load_catalog(home)
    for customer in accounts or ():
        if customer not in catalog.customers:
            raise NoSuchCustomer(customer)
    check_free(folder)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        done = _record(home, catalog, part, name, since, until, accounts, expected)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return done


def _record(
    home: Home,
    catalog: Catalog,
    folder: Path,
    name: str,
    since: Instant | None,
    until: Instant | None,
    accounts: Collection[CustomerId] | None,
    expected: Sequence[Expectation],
) -> RecordedSet:
    face = Face(name, "tieout replay record", home=home.home_id)
    new_set(folder, face)
    received = record_events(home, catalog, folder, only=accounts, until=until)
    decisions = record_decisions(home, folder, only=accounts)
    runs = [each for each in home.books.closes.runs() if until is None or each.cutoff_at < until]
    calls, out_of_order = _in_order(home, received, decisions, runs, accounts, until=until)
    if not calls:
        raise NothingToRecord
    (folder / CALLS_FILE).write_text("".join(call_text(call) + "\n" for call in calls), encoding="utf-8")
    sealed = starting_from(papers(home, only=accounts, until=until), since)
    _write_sealed(home, folder, sealed)
    recording = Recording(
        software=__version__,
        since=None if since is None else format_instant(since),
        until=None if until is None else format_instant(until),
        accounts=tuple(sorted(accounts or ())),
        left_out=_left_out(received, decisions, out_of_order),
    )
    write_face(folder, replace(face, recording=recording))
    for each in expected:
        content = each.file.read_bytes()
        expect(folder, content, name=each.file.name, what=each.what, origin=each.origin, by=each.by)
    if not any(each.what is What.LINES for each in expected):
        _expect_sealed(folder, sealed)
    items = sum(sum(call.recorded.values()) for call in calls if call.recorded is not None)
    return RecordedSet(freeze(folder), len(calls), items, len(sealed.lines))


def _in_order(
    home: Home,
    received: Received,
    decisions: Decisions,
    runs: Sequence[CloseRun],
    accounts: Collection[CustomerId] | None,
    *,
    until: Instant | None,
) -> tuple[list[Call], int]:
    """All calls in the order in which they happened; and how many closes had another cutoff than that
    gives."""
    has_rules = any(each.kind in RULES for each in home.books.documents.all())
    placed: list[Placed] = []
    for batch, call in received.calls:
        after = any(run.cutoff < batch and run.cutoff_at >= call.at for run in runs)
        rank = ARRIVED_AFTER if after else ARRIVED
        placed.append(((call.at, rank, 2 * batch), call))
        if has_rules:
            placed.append(((call.at, rank, 2 * batch + 1), Call(0, call.at, CallKind.LOOK)))
    for order, call in enumerate(decisions.calls):
        if until is None or call.at < until:
            placed.append(((call.at, AT_ONCE.get(call.kind, DECIDED), order), call))
    closes = []
    for run in runs:
        chosen = tuple(each for each in run.accounts if accounts is None or each in accounts)
        if chosen and not (
            len(chosen) == 1 and (chosen[0], run.cutoff, run.cutoff_at) in decisions.redrafted
        ):
            texts = {"as_of": format_instant(run.as_of)}
            call = Call(0, run.cutoff_at, CallKind.CLOSE, texts, {"accounts": chosen})
            place = (run.cutoff_at, CLOSED, run.id)
            placed.append((place, call))
            closes.append((place, run))
    placed.sort(key=lambda each: each[0])
    arrived = [(place, number) for (number, call), place in _places(received, placed)]
    out_of_order = sum(
        any((number <= run.cutoff) != (place < at) for place, number in arrived) for at, run in closes
    )
    return [call for _, call in placed], out_of_order


def _places(
    received: Received, placed: Sequence[Placed]
) -> list[tuple[tuple[int, Call], tuple[int, int, int]]]:
    by_call = {id(call): place for place, call in placed}
    return [((number, call), by_call[id(call)]) for number, call in received.calls]


def _left_out(received: Received, decisions: Decisions, out_of_order: int) -> tuple[str, ...]:
    counted = {
        **decisions.left_out,
        "items whose bytes are gone": received.gone,
        "events whose personal data was erased": received.erased,
        "closes whose cutoff does not follow from times of arrival": out_of_order,
    }
    return tuple(f"{count} {what}" for what, count in sorted(counted.items()) if count)


def _write_sealed(home: Home, folder: Path, sealed: Papers) -> None:
    (folder / "recorded").mkdir()
    (folder / RECORDED_LINES).write_text(lines_text(sealed.lines), encoding="utf-8")
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    names = ("customer", "subscription", "meter", "meter_version", "meter_digest", "unit", "event_type")
    counts = ("watermark", "quantity", "event_count", "excluded_count", "retracted_count", "fingerprint")
    writer.writerow([*names, "period_start", "period_end", *counts])
    for each in home.books.invoices.snapshots():
        if each.invoice in sealed.ids:
            window = [format_instant(each.period.start), format_instant(each.period.end)]
            row = [getattr(each, name) for name in names] + window + [getattr(each, name) for name in counts]
            writer.writerow(row)
    (folder / RECORDED_SNAPSHOTS).write_text(out.getvalue(), encoding="utf-8")


def _expect_sealed(folder: Path, sealed: Papers) -> None:
    """Says on the set's face that it is the product's own."""
    stated = ((What.LINES, lines_csv(sealed.lines)), (What.TOTALS, totals_csv(sealed.totals)))
    for what, text in stated:
        if len(text.splitlines()) > 1:
            name = f"recorded-{what}.csv"
            expect(folder, text.encode(), name=name, what=what, origin=Origin.RECORDED, by="tieout itself")
