"""`POST /v1/control-totals` and `GET /metrics`: who may, what is refused, and the same document as on the
command line.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.surface.served import Served, event, make_served, ndjson
from tieout.contract.api_key import key_id_in

STATED = {
    "source": "gateway",
    "id": "february",
    "type": "api.call",
    "start": "2026-02-01T00:00:00Z",
    "end": "2026-03-01T00:00:00Z",
    "events": 3,
    "field": "tokens",
    "total": "30",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = make_served(tmp_path_factory.mktemp("watching") / "home")
    served.start(workers=1)
    served.receipt(ndjson([event("one", 10), event("two", 12)]))
    yield served
    assert served.stop() == 0
    assert "Traceback" not in "".join(served.told)


def state(served: Served, statement: object, *, token: str | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {served.token if token is None else token}"}
    return httpx.post(f"{served.address}/v1/control-totals", json=statement, headers=headers, timeout=60)


def test_a_statement_is_answered_as_the_command_line_shows_it(served: Served) -> None:
    answer = state(served, STATED)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["difference"] == {"events": -1, "total": "-8"}
    assert found["accepted"] == {"events": 2, "total": "22"}
    assert state(served, STATED | {"events": "3"}).json() == found, "again, it changes nothing"
    command = [sys.executable, "-m", "tieout.cli", "ingest", "control-totals", "--home", str(served.folder)]
    surroundings = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    listed = subprocess.run([*command, "--json"], capture_output=True, check=True, env=surroundings)
    assert json.loads(listed.stdout) == [found]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"events": 4}, 409, "control-total-conflict"),
        ({"source": "another"}, 403, "source-forbidden"),
        ({"id": "other", "type": "nothing"}, 404, "unknown-event-type"),
        ({"id": "other", "total": "1e5"}, 422, "malformed-control-total"),
        ({"id": "other", "total": 30.0}, 400, "malformed-control-total"),
        ({"id": "other", "more": 1}, 400, "malformed-control-total"),
    ],
)
def test_a_statement_that_cannot_stand_is_a_problem(
    served: Served, change: dict[str, object], status: int, code: str
) -> None:
    state(served, STATED)
    answer = state(served, STATED | change)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_a_refused_statement_is_counted_by_key_and_reason(tmp_path: Path) -> None:
    served = make_served(tmp_path / "home")
    served.start(workers=1)
    assert state(served, STATED | {"source": "another"}).status_code == 403
    assert state(served, STATED, token="nothing").status_code == 401
    too_large = state(served, STATED | {"id": "x" * 10_000_000})
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body-too-large")
    assert served.stop() == 0
    command = [sys.executable, "-m", "tieout.cli", "ingest", "status", "--home", str(served.folder), "--json"]
    surroundings = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    status = json.loads(subprocess.run(command, capture_output=True, check=True, env=surroundings).stdout)
    refused = {(row["key"], row["reason"]): row["requests"] for row in status["refused_requests"]}
    key_id = key_id_in(served.token.encode()).decode()
    assert refused == {
        (key_id, "source-forbidden"): 1,
        ("unknown", "unauthorized"): 1,
        (key_id, "body-too-large"): 1,
    }


def test_metrics_are_for_ops_and_engineering_alone(served: Served) -> None:
    def scraped(token: str) -> httpx.Response:
        return httpx.get(f"{served.address}/metrics", headers={"authorization": f"Bearer {token}"})

    for role in ("ops", "engineering"):
        _, token = served.key(role=role)
        answer = scraped(token)
        assert answer.status_code == 200
        assert 'tieout_items_total{source="gateway",verdict="accepted"} 2.0' in answer.text
    assert scraped(served.token).status_code == 403
    assert scraped("nothing").status_code == 401
