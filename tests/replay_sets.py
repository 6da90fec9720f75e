"""A small replay set, written as an outsider would: two months of three customers, with a retry, a conflict,
a plan change, a late event, and a rule that is crossed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from tests.small_home import POLICY, call, catalog_text
from tieout import __version__
from tieout.flows.read_replay_set import read_set
from tieout.flows.replay_results import terms_of
from tieout.flows.replay_run import replay
from tieout.flows.write_replay_set import expect, freeze, new_set
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import HomeId
from tieout.kernel.instant import Instant, parse_instant
from tieout.replay.face import Face, Origin, What
from tieout.replay.ran import ReplayRun
from tieout.replay.result import ReplayResult
from tieout.wiring import FileRehearsalDesk, Home, scratch_home

RAN_AT = parse_instant("2026-06-01T00:00:00Z")
DEAR_PLAN = """
[[price]]
key = "fee-dear-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
currency = "USD"
description = "Monthly fee, dear"
shape = "flat"
amount = "25.00"

[[plan]]
key = "dear"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Dear"
currency = "USD"
prices = ["fee-dear-usd", "calls-usd"]

[[alert]]
key = "many"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Many calls"
everyone = true
watch = "usage"
meter = "calls"
at = ["3"]
targets = []
"""
CHANGED_PLAN = """
[[subscription]]
key = "acme-main"
version = 2
effective_from = 2026-01-15T00:00:00Z
customer = "acme"
[[subscription.phase]]
plan = "basic"
from = "2026-01-01T00:00:00Z"
until = "2026-02-01T00:00:00Z"
[[subscription.phase]]
plan = "dear"
from = "2026-02-01T00:00:00Z"
"""
LINES = """\
customer,period_start,currency,price,events,quantity,amount
acme,2026-01-01T00:00:00Z,USD,fee-usd,,,10.00
acme,2026-01-01T00:00:00Z,USD,calls-usd,3,3,0.05
acme,2026-01-01T00:00:00Z,USD,tokens-usd,3,6000,11.50
acme,2026-01-01T00:00:00Z,USD,stored-usd,0,0,0
acme,2026-02-01T00:00:00Z,USD,fee-dear-usd,,,25.00
acme,2026-02-01T00:00:00Z,USD,calls-usd,4,4,0.06
birch,2026-01-01T05:00:00Z,USD,fee-usd,,,10.00
birch,2026-01-01T05:00:00Z,USD,calls-usd,1,1,0.02
birch,2026-01-01T05:00:00Z,USD,tokens-usd,1,100,0.20
birch,2026-01-01T05:00:00Z,USD,stored-usd,0,0,0
birch,2026-02-01T05:00:00Z,USD,fee-usd,,,10.00
birch,2026-02-01T05:00:00Z,USD,calls-usd,0,0,0
birch,2026-02-01T05:00:00Z,USD,tokens-usd,0,0,0
birch,2026-02-01T05:00:00Z,USD,stored-usd,0,0,0
"""
"""Worked out by hand: 3 calls at 0.015 are 0.045; of 6,000 tokens 5,000 cost 2 a thousand and 1,000 cost 1.5;
4 calls are 0.06; one call is 0.015, half away from zero 0.02. No event says a size, so none counts for
storage. What came late is on no paper yet."""
COUNTS = "received,accepted,duplicate,conflict,quarantined\n12,9,1,1,1\n"


def small_set(
    folder: Path,
    *,
    lines: str = LINES,
    policy: str = POLICY,
    tail: Iterable[str] = (),
    home: HomeId | None = None,
) -> Path:
    """Frozen, with the expectations of a script. `tail`: more calls; `home`: whose calls they are."""
    new_set(folder, Face("small", "tests/replay_sets.py", home))
    for name in ("catalog", "events", "policy"):
        (folder / name).mkdir()
    (folder / "catalog" / "1.toml").write_text(catalog_text() + DEAR_PLAN)
    (folder / "catalog" / "2.toml").write_text(CHANGED_PLAN)
    (folder / "policy" / "policy.toml").write_text(policy)
    january = [call(1, "acme", "2026-01-05T00:00:00Z", tokens=4000), call(2, "acme", "2026-01-06T00:00:00Z")]
    january += [
        call(3, "acme", "2026-01-07T00:00:00Z", tokens=1900),
        call(4, "birch", "2026-01-08T00:00:00Z"),
    ]
    again = [january[0], call(2, "acme", "2026-01-06T00:00:00Z", tokens=7)]
    _events(folder, "1", january)
    _events(folder, "2", again)
    (folder / "events" / "2.ndjson").open("a").write("no event\n")
    february = [call(number, "acme", f"2026-02-0{number}T00:00:00Z") for number in (5, 6, 7, 8)]
    _events(folder, "3", [*february, call(9, "birch", "2026-01-09T00:00:00Z")])
    calls = [
        {"at": "2025-12-15T00:00:00Z", "call": "catalog", "documents": "catalog/1.toml"},
        {"at": "2025-12-15T00:00:00Z", "call": "propose", "policy": "policy/policy.toml"},
        {"at": "2025-12-15T00:00:00Z", "call": "rehearse"},
        {"at": "2026-01-01T00:00:00Z", "call": "look"},
        {"at": "2026-01-10T00:00:00Z", "call": "ingest", "file": "events/1.ndjson"},
        {"at": "2026-01-10T00:01:00Z", "call": "ingest", "file": "events/2.ndjson"},
        {"at": "2026-01-11T00:00:00Z", "call": "look"},
        {"at": "2026-01-20T00:00:00Z", "call": "catalog", "documents": "catalog/2.toml"},
        _close("2026-02-03T00:00:00Z"),
        {"at": "2026-02-20T00:00:00Z", "call": "ingest", "file": "events/3.ndjson"},
        _close("2026-03-03T00:00:00Z"),
    ]
    lines_of_calls = [*(json.dumps(each) for each in calls), *tail]
    (folder / "calls.jsonl").write_text("".join(line + "\n" for line in lines_of_calls))
    freeze(folder)
    stated = ((What.LINES, lines), (What.COUNTS, COUNTS))
    for what, content in stated:
        expect(folder, content.encode(), name=f"{what}.csv", what=what, origin=Origin.SCRIPT, by="by hand")
    return folder


def gate_result(home: Home) -> ReplayResult:
    """As a run of a set of the home would give it, with its terms, and passing as a gate."""
    return ReplayResult(
        set_name="january",
        home=home.home_id,
        set_digest="ab" * 32,
        catalog_digest="cd" * 32,
        terms_digest=terms_of(home),
        outcome_digest="ef" * 32,
        candidate=False,
        differences=0,
        gate_failures=(),
        coverage={},
        ran_at=RAN_AT,
        software=__version__,
    )


def ran(folder: Path, *, candidate: Path | None = None, workers: int = 1) -> ReplayRun:
    return replay(
        read_set(folder), scratch, FileRehearsalDesk, now=RAN_AT, candidate=candidate, workers=workers
    )


def scratch(as_home: HomeId, seed: bytes, now: Instant) -> AbstractContextManager[tuple[Home, SteppedClock]]:
    return scratch_home(as_home, seed, now)


def _close(at: str) -> Mapping[str, object]:
    return {"at": at, "call": "close", "as_of": at, "accounts": ["acme", "birch"]}


def _events(folder: Path, name: str, events: Iterable[object]) -> None:
    text = "".join(json.dumps(event) + "\n" for event in events)
    (folder / "events" / f"{name}.ndjson").write_text(text)
