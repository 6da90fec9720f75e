"""Makes and opens the two databases of a home. The books come last and make it a home, so that a creation
which was interrupted is taken up again.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from tieout.kernel.errors import ConflictError, IntegrityViolation, NotFound
from tieout.kernel.ids import TEST_CLOCK_HOME, HomeId
from tieout.kernel.instant import Instant
from tieout.ports import Clock, Entropy, HealthFact
from tieout.store.books.books import BOOKS_FILE, SqlBooks, create_books, home_id_of, open_books
from tieout.store.books.test_clock import SqlTestClock, has_clock
from tieout.store.facts import store_facts
from tieout.store.failure import DamagedStore
from tieout.store.files import write_durably
from tieout.store.live.live_store import SqliteLiveStore
from tieout.store.log.log import SqlEventLog, create_log
from tieout.store.log.meta import log_home_id
from tieout.store.log.pipeline.pipeline import SqlPipeline
from tieout.store.log.review.review import SqlLogReview
from tieout.store.log.segments.place import SegmentsPlace
from tieout.store.migrate import prepare_schema
from tieout.store.sqlite import Engine, open_engine

LOG_FILE = "log.db"
OWNER_FILE = "home.id"
HOME_ID_BYTES = 8


class NotAHome(NotFound):
    """There is no home in the folder."""

    code = "not-a-home"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is not a home of Tieout; `tieout init --home {folder}` makes one.")


class HomeExists(ConflictError):
    """A home is never made over another."""

    code = "home-exists"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is a home already.")


class ForeignBooks(IntegrityViolation):
    """Books and log are of two different homes: one of them was copied or restored from elsewhere."""

    code = "foreign-books"

    def __init__(self, folder: Path, books: HomeId, log: HomeId) -> None:
        super().__init__(f"In {folder} the books belong to home {books} and the log to home {log}.")


class ForeignFolder(IntegrityViolation):
    """Index and segments in the folder belong to another home than the database does; with the index of
    another home, events would be accepted twice.
    """

    code = "foreign-folder"

    def __init__(self, folder: Path, kept: str, home: HomeId) -> None:
        super().__init__(
            f"The folder {folder} is that of {kept}, and the database is that of home {home}: see --home and "
            "TIEOUT_DATABASE_URL. Nothing was changed."
        )


class ForeignClock(IntegrityViolation):
    """The home's id and its books do not agree on whether it has a test clock."""

    code = "foreign-clock"

    def __init__(self, folder: Path, home: HomeId) -> None:
        super().__init__(
            f"In {folder} the id {home} and the books disagree on whether this home has a test clock. A home "
            "has one from `tieout init --test-clock` on, or never. If an `init` was interrupted, repeat it "
            "as it was, or in an empty folder."
        )


@dataclass(frozen=True, slots=True)
class Stores:
    """Books and log of one home, open."""

    books: SqlBooks
    log: SqlEventLog
    log_engine: Engine
    review: SqlLogReview
    pipeline: SqlPipeline
    live: SqliteLiveStore
    clock: Clock
    test_clock: SqlTestClock | None

    def facts(self) -> tuple[HealthFact, ...]:
        place = HealthFact("segments", True, f"at {self.log.segments_place}")
        return (*store_facts(self.books.engine, self.log_engine), place)

    def release(self) -> None:
        self.books.close()
        self.log_engine.dispose()
        self.live.close()


def create_stores(
    folder: Path,
    *,
    url: str | None,
    segments: SegmentsPlace,
    clock: Clock,
    entropy: Entropy,
    test_clock: Instant | None = None,
    as_home: HomeId | None = None,
) -> Stores:
    """New databases for a new home. With `test_clock` it has a clock of its own, which begins there, and
    `clock` is none of its business; `as_home`: a scratch home, under the identity of another, whatever clock
    that has. Raises `HomeExists`, `ForeignClock`, `NewerSchema` or `UntrustworthySqlite`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (url is not None or (folder / BOOKS_FILE).exists()) and home_id_of(folder, url=url) is not None:
        raise HomeExists(folder)
    engine = _log_engine(folder, url)
    home_id = log_home_id(engine)
    if home_id is None:
        prefix = "home_" if test_clock is None else TEST_CLOCK_HOME
        home_id = as_home or HomeId(f"{prefix}{entropy.token(HOME_ID_BYTES).hex()}")
        create_log(engine, home_id=home_id, entropy=entropy)
    if as_home is None and home_id.startswith(TEST_CLOCK_HOME) != (test_clock is not None):
        raise ForeignClock(folder, home_id)
    _own_folder(folder, home_id, url)
    books = create_books(folder, home_id, url=url, test_clock=test_clock)
    return _stores(folder, books, engine, clock, entropy, segments)


def open_stores(
    folder: Path, *, url: str | None, segments: SegmentsPlace, clock: Clock, entropy: Entropy
) -> Stores:
    """A home's own clock goes before `clock`. Raises `NotAHome`, `NewerSchema`, `UntrustworthySqlite`,
    `DamagedStore`, `ForeignBooks`, `ForeignClock` or `ForeignFolder`.
    """
    files = (folder / BOOKS_FILE, folder / LOG_FILE)
    if not folder.is_dir() or (url is None and not all(file.is_file() for file in files)):
        raise NotAHome(folder)
    books = open_books(folder, url=url)
    engine = _log_engine(folder, url)
    owner = log_home_id(engine)
    if owner is None:
        raise DamagedStore(f"the log in {folder} does not say which home it belongs to")
    if owner != books.home_id:
        raise ForeignBooks(folder, books.home_id, owner)
    if owner.startswith(TEST_CLOCK_HOME) != has_clock(books.engine):
        raise ForeignClock(folder, owner)
    _own_folder(folder, owner, url)
    return _stores(folder, books, engine, clock, entropy, segments)


def _stores(
    folder: Path, books: SqlBooks, engine: Engine, clock: Clock, entropy: Entropy, segments: SegmentsPlace
) -> Stores:
    test_clock = SqlTestClock(books.engine) if has_clock(books.engine) else None
    ticking = test_clock or clock
    log = SqlEventLog(engine, folder, clock=ticking, entropy=entropy, segments=segments)
    pipeline = SqlPipeline(engine, folder)
    live = SqliteLiveStore(folder, books.home_id, log)
    review = SqlLogReview(log, engine, folder, entropy=entropy)
    return Stores(books, log, engine, review, pipeline, live, ticking, test_clock)


def _own_folder(folder: Path, home_id: HomeId, url: str | None) -> None:
    """Where the database lies elsewhere, the folder says whose it is. Raises `ForeignFolder`."""
    if url is None:
        return
    if (folder / LOG_FILE).exists():
        raise ForeignFolder(folder, "a home with databases of its own", home_id)
    owner = folder / OWNER_FILE
    try:
        kept = owner.read_text().strip()
    except FileNotFoundError:
        with contextlib.suppress(OSError):  # where nothing can be written, no index is either
            write_durably(owner, home_id.encode())
        return
    if kept != home_id:
        raise ForeignFolder(folder, f"home {kept}", home_id)


def _log_engine(folder: Path, url: str | None) -> Engine:
    engine = open_engine(url or folder / LOG_FILE, schema="log")
    prepare_schema(engine, schema="log", place=str(folder))
    return engine
