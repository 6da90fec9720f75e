"""DuckDB is kept open by a process, and yet each computation finds it empty."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tieout.engines.duckdb_connection import connected, forget_kept

NUMBERS = pa.table({"number": [1, 2, 3]})


def rows(threads: int | None, sql: str) -> list[tuple[object, ...]]:
    with connected(threads) as connection:
        return connection.execute(sql).fetchall()


def test_what_a_computation_registers_and_creates_goes_with_it() -> None:
    with connected(None) as first:
        first.register("numbers", NUMBERS)
        first.execute("CREATE TEMP TABLE doubled AS SELECT 2 * number AS n FROM numbers")
        with connected(None) as second:  # both at once, as threads of a server do
            second.register("numbers", NUMBERS.slice(2))
            assert second.execute("SELECT number FROM numbers").fetchall() == [(3,)]
            with pytest.raises(duckdb.CatalogException):
                second.execute("SELECT * FROM doubled")
        assert first.execute("SELECT sum(n) FROM doubled").fetchall() == [(12,)]
    assert rows(None, "SELECT count(*) FROM duckdb_views() WHERE NOT internal") == [(0,)]
    assert rows(None, "SELECT count(*) FROM duckdb_tables()") == [(0,)]


def test_a_file_that_changed_is_read_anew_whatever_its_time_of_change(tmp_path: Path) -> None:
    """A segment that somebody changed and gave its old times is found by the next look at it."""
    file = tmp_path / "numbers.parquet"
    pq.write_table(NUMBERS, file)
    before = os.stat(file)
    assert rows(None, f"SELECT sum(number) FROM read_parquet('{file}')") == [(6,)]
    pq.write_table(pa.table({"number": [4, 5, 6]}), file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(file).st_size == before.st_size
    assert rows(None, f"SELECT sum(number) FROM read_parquet('{file}')") == [(15,)]


def test_as_many_threads_as_asked_for() -> None:
    setting = "SELECT current_setting('threads')"
    assert rows(1, setting) == [(1,)]
    assert rows(3, setting) == [(3,)]
    assert rows(1, setting) == [(1,)]


def test_after_a_failure_and_in_a_fork_computations_go_on() -> None:
    with pytest.raises(duckdb.Error):
        rows(None, "SELECT error('the disk is gone')")
    assert rows(None, "SELECT 1") == [(1,)]
    large = "SELECT count(DISTINCT range % 1000) FROM range(3000000)"  # more than one thread takes part
    with connected(None):
        child = os.fork()
        if child == 0:
            os._exit(0 if rows(None, large) == [(1000,)] else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert rows(None, large) == [(1000,)]


def test_a_fork_beside_a_thread_that_opens_computations_leaves_the_child_no_lock() -> None:
    interval = sys.getswitchinterval()
    over = threading.Event()

    def compute() -> None:
        while not over.is_set():
            forget_kept()  # takes the lock, as every computation does that begins

    threads = [threading.Thread(target=compute) for _ in range(4)]
    sys.setswitchinterval(1e-6)  # so that a thread is met inside within few forks
    try:
        for thread in threads:
            thread.start()
        for _ in range(100):
            child = os.fork()
            if child == 0:
                signal.alarm(2)
                forget_kept()
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        over.set()
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()
