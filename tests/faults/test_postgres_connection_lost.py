"""The connection to PostgreSQL breaks at the COMMIT or before it: the outcome is asked for by the commit's
id, and what is then acknowledged is exactly what is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import Engine, make_url, text

from tests.faults.harness import tally
from tests.faults.harness.checker import broken_by_retry, broken_laws
from tests.faults.harness.effort import times
from tests.faults.harness.items import BlockName
from tests.faults.harness.journal import Acknowledged
from tests.faults.harness.model import model_of
from tests.faults.harness.sender import send_block
from tests.faults.network.cutting import Cut, CuttingProxy, cutting_proxy
from tests.logs import open_log
from tieout.kernel.errors import Unavailable
from tieout.store.log import append
from tieout.store.log.append import CommitUnknown
from tieout.store.log.log import SqlEventLog
from tieout.store.sqlite import open_engine

CUT_AT = (0, 3, 7, 8)


@dataclass(frozen=True)
class Far:
    """A log whose database is reached through the proxy, and the same database without it."""

    folder: Path
    log: SqlEventLog
    engine: Engine
    proxy: CuttingProxy
    url: str


@pytest.fixture
def far(tmp_path: Path, postgres_url: str) -> Iterator[Far]:
    url = make_url(postgres_url)
    socket = Path(str(url.query["host"])) / f".s.PGSQL.{url.port or 5432}"
    with cutting_proxy(socket) as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port, query={})
        folder = tmp_path / "log"
        log, engine = open_log(folder, url=through.render_as_string(hide_password=False))
        yield Far(folder, log, engine, proxy, postgres_url)
        engine.dispose()


def sent_until_acknowledged(log: SqlEventLog, name: BlockName) -> tuple[dict[str, int], int]:
    """What was acknowledged in the end, and how often the sender was told to send again."""
    for refused in range(5):
        try:
            return send_block(log, name), refused
        except Unavailable:
            continue
    raise AssertionError("never acknowledged")


@pytest.mark.parametrize("how", ["before", "after", "at once"])
def test_a_connection_cut_at_the_commit_loses_and_doubles_nothing(far: Far, how: Cut) -> None:
    names = [BlockName(0, number) for number in range(times(quick=10, long=40))]
    acknowledged: Acknowledged = {}
    for name in names:
        if name.number in CUT_AT or name.number % 4 == 3:
            far.proxy.cut_next(how)
        acknowledged[name], refused = sent_until_acknowledged(far.log, name)
        if how == "after":
            assert refused == 0, "the batch is stored, and its id says so"
        if name.number in CUT_AT and how == "before":
            assert refused == 1
    violations = broken_laws(far.folder, acknowledged, url=far.url)
    tally.injected(far.proxy.cuts, lost=sum(violation.lost for violation in violations))
    assert far.proxy.cuts >= len(CUT_AT)
    assert violations == []
    if how != "at once":  # no batch twice: each was either stored and found, or not stored
        assert list(acknowledged.values()) == list(
            model_of([(n, name) for n, name in enumerate(names, start=1)]).told.values()
        )
    assert broken_by_retry(far.folder, names, url=far.url) == []


def test_a_backend_that_is_terminated_in_the_transaction_stores_nothing(far: Far) -> None:
    direct = open_engine(far.url, schema="log")
    acknowledged: Acknowledged = {BlockName(0, 0): send_block(far.log, BlockName(0, 0))}

    def terminate(point: str) -> None:
        if point == "ingest-before-commit":
            with direct.begin() as connection:
                query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                others = "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                connection.execute(text(f"{query} {others}"))

    for number in (1, 7):
        name = BlockName(0, number)
        with patch.object(append, "crash_point", terminate), pytest.raises(CommitUnknown) as refusal:
            send_block(far.log, name)
        assert refusal.value.exit_code == 5
        acknowledged[name] = send_block(far.log, name)
        assert acknowledged[name].get("accepted"), "nothing had been stored, and the retry is"
        violations = broken_laws(far.folder, acknowledged, url=far.url)
        tally.injected(lost=sum(violation.lost for violation in violations))
        assert violations == []
    direct.dispose()
