"""DuckDB for one computation. An instance is opened once in a process and kept, since opening it takes 15 ms
of computing, more than most questions to it do.

What a computation registers and creates (views and temporary tables) is its own connection's and goes with
it. Nothing that an instance read of files is kept, so that every computation sees what lies there now.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
from duckdb import DuckDBPyConnection

_lock = threading.Lock()
_kept: dict[int | None, DuckDBPyConnection] = {}


@contextmanager
def connected(threads: int | None) -> Iterator[DuckDBPyConnection]:
    """An empty in-memory DuckDB that loads nothing from the network. `threads` None leaves them to DuckDB."""
    with _lock:
        if threads not in _kept:
            _kept[threads] = _opened(threads)
        connection = _kept[threads].cursor()
    try:
        yield connection
    except duckdb.Error:
        forget_kept()  # one that failed badly would answer nothing any more
        raise
    finally:
        connection.close()


def forget_kept() -> None:
    """The next computation opens DuckDB anew; what runs now goes on."""
    with _lock:
        _kept.clear()


def _opened(threads: int | None) -> DuckDBPyConnection:
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
            "enable_external_file_cache": False,
        },
    )
    if threads is not None:
        connection.execute(f"SET threads TO {threads:d}")
    return connection


def _before_fork() -> None:
    """The threads of what is kept would be missing in the child. The lock is held over the fork: another
    thread that held it then would hold it in the child for ever."""
    _lock.acquire()
    _kept.clear()


os.register_at_fork(before=_before_fork, after_in_parent=_lock.release, after_in_child=_lock.release)
