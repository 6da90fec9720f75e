"""Calls of a written set do what the interface and the command line do: retries answered from receipts, files
of other formats, sources that a key may not speak for, retractions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.replay_sets import ran
from tests.small_home import POLICY, call, catalog_text
from tieout.flows import replay_ingest
from tieout.flows.write_replay_set import freeze, new_set
from tieout.replay.face import Face
from tieout.replay.ran import ReplayRun

SOURCE = """
[[source]]
key = "rows"
version = 1
effective_from = 2025-01-01T00:00:00Z
format = "csv"
event_type = "api.call"
id = { column = "Request" }
subject = { column = "Client", prefix = "key-" }
time = { column = "Time" }
[source.fields]
tokens = { column = "Tokens" }
"""
START = "2026-01-20T00:00:00Z"


def written(folder: Path, *calls: Mapping[str, object], **bodies: str) -> ReplayRun:
    new_set(folder, Face("calls", "a test"))
    for name in ("catalog", "events"):
        (folder / name).mkdir()
    (folder / "catalog" / "all.toml").write_text(catalog_text() + SOURCE)
    (folder / "catalog" / "policy").write_text(POLICY)
    for name, body in bodies.items():
        (folder / "events" / name).write_text(body)
    begun = "2025-12-15T00:00:00Z"
    first = [
        {"at": begun, "call": "catalog", "documents": "catalog/all.toml"},
        {"at": begun, "call": "propose", "policy": "catalog/policy"},
        {"at": begun, "call": "rehearse"},
    ]
    (folder / "calls.jsonl").write_text("".join(json.dumps(each) + "\n" for each in (*first, *calls)))
    freeze(folder)
    return ran(folder)


def sent(name: str, **more: object) -> dict[str, object]:
    return {"at": START, "call": "ingest", "file": f"events/{name}", **more}


def lines(*events: Mapping[str, object]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


EVENTS = lines(call(1, "acme", "2026-01-02T00:00:00Z"), call(2, "acme", "2026-01-03T00:00:00Z"))


def test_a_request_with_its_key_is_answered_again_and_another_body_is_refused(tmp_path: Path) -> None:
    keyed = {"idempotency_key": "k1"}
    run = written(
        tmp_path / "set",
        sent("a", **keyed),
        sent("a", **keyed),
        sent("b", **keyed),
        sent("a"),
        a=EVENTS,
        b=lines(call(3, "acme", "2026-01-02T00:00:00Z")),
    )
    assert run.counts == {"received": 4, "accepted": 2, "duplicate": 2, "conflict": 0, "quarantined": 0}
    assert [(each.line, each.kind.value) for each in run.refused] == [(6, "ingest")]
    assert "came with another body before" in run.refused[0].why
    assert run.result.coverage["retries"] == 3, "two duplicates, and a stored receipt"


def test_rows_of_a_source_foreign_sources_and_retractions(tmp_path: Path) -> None:
    run = written(
        tmp_path / "set",
        sent("rows", format="csv", source="rows"),
        sent("a", sources=["another"]),
        sent(
            "a",
            sources=["gateway"],
            recorded={"accepted": 3, "duplicate": 0, "conflict": 0, "quarantined": 0},
        ),
        {
            "at": START,
            "call": "retract",
            "source": "gateway",
            "id": "e2",
            "by": "Fay",
            "reason": "wrong",
        },
        {
            "at": "2026-02-03T00:00:00Z",
            "call": "close",
            "as_of": "2026-02-03T00:00:00Z",
            "accounts": ["acme"],
        },
        {"at": "2026-02-03T00:00:00Z", "call": "verify-log", "by": "Ada"},
        rows="Request,Client,Time,Tokens\nr1,acme,2026-01-05T00:00:00Z,7\nr2,acme,never,7\n",
        a=EVENTS,
    )
    assert run.refused == ()
    assert run.counts == {"received": 6, "accepted": 3, "duplicate": 0, "conflict": 0, "quarantined": 3}
    assert run.misjudged == ("calls.jsonl:6: 2 accepted (3 recorded)",)
    assert run.lines == 4


def test_a_carriage_return_ends_no_item_however_many_requests_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_ingest, "REQUEST_ITEMS_MAX", 1)
    event = json.dumps(call(1, "acme", "2026-01-02T00:00:00Z")).replace(", ", ",\r ")
    run = written(tmp_path / "set", sent("a"), a=f"{event}\n{EVENTS.splitlines()[1]}\n")
    assert run.counts == {"received": 2, "accepted": 2, "duplicate": 0, "conflict": 0, "quarantined": 0}


def test_a_number_of_a_thousand_digits_is_refused_with_its_line(tmp_path: Path) -> None:
    grant = {"at": START, "call": "grant", "customer": "acme", "amount": "5", "kind": "prepaid", "id": "g1"}
    run = written(tmp_path / "set", {**grant, "by": "Ann", "reason": "r", "priority": "9" * 5_000})
    (refused,) = run.refused
    assert refused.line == 4 and refused.why.endswith("is no whole number of at most 18 digits.")
