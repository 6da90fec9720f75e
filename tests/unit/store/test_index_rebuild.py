"""The index built again from the log has the same bytes, whatever the log went through before."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, delete, insert, select, update

from tests.logs import NOW, counts, event, ndjson, open_log, send
from tieout.kernel.instant import Instant
from tieout.store.files import leased
from tieout.store.log import schema
from tieout.store.log.encoding import DamagedBody
from tieout.store.log.index import committed, levels, rebuild
from tieout.store.log.index.committed import IdentitiesMissing
from tieout.store.log.index.filing import LEASE_NAME, REBUILT_FOLDER
from tieout.store.log.index.index import IdentityIndex
from tieout.store.log.index.rebuild import IndexInUse, learn_committed
from tieout.store.log.index.run import DamagedRun
from tieout.store.log.log import SqlEventLog
from tieout.store.sqlite import begin_immediate
from tieout.table.packed import packed, unpacked

LATER = Instant(NOW + 3_600_000_000)
BLOCKS = 40
PER_BLOCK = 7


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "RUN_BATCHES", 4)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else None


def block(number: int) -> bytes:
    """Some repeats of earlier blocks, one broken line; every ninth block holds nothing new."""
    if number % 9 == 4:
        return ndjson([event("e0-0"), {"broken": number}])
    new = [event(f"e{number}-{place}", subject=f"team-{place % 3}") for place in range(PER_BLOCK)]
    return ndjson([*new[:3], event(f"e{number // 2}-1"), {"broken": number}, *new[3:]])


def blocks(first: int, last: int) -> list[bytes]:
    return [block(number) for number in range(first, last)]


def tail_only(folder: Path, url: str | None) -> SqlEventLog:
    log, _ = open_log(folder, url=url)
    send(log, *blocks(0, BLOCKS))
    return log


def one_segment(folder: Path, url: str | None) -> SqlEventLog:
    log = tail_only(folder, url)
    log.compact(rows_min=1)
    return log


def segments_and_tail(folder: Path, url: str | None) -> SqlEventLog:
    log, _ = open_log(folder, url=url)
    for first in range(0, BLOCKS - 6, 5):
        send(log, *blocks(first, min(first + 5, BLOCKS - 6)))
        log.compact(rows_min=1)
    send(log, *blocks(BLOCKS - 6, BLOCKS))
    return log


def retired(folder: Path, url: str | None) -> SqlEventLog:
    """Bodies and key entries of what segments hold are gone."""
    segments_and_tail(folder, url)
    log, _ = open_log(folder, url=url, now=LATER)
    log.compact(rows_min=10**6)
    return log


def begun_with_nothing(folder: Path, url: str | None) -> SqlEventLog:
    """The first batch, and so the first segment's first, accepted nothing."""
    log, _ = open_log(folder, url=url)
    send(log, ndjson([{"broken": 0}]), *blocks(0, 4), *blocks(5, BLOCKS))
    log.compact(rows_min=1)
    return log


HISTORIES = [tail_only, one_segment, segments_and_tail, retired, begun_with_nothing]


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__)
def test_it_is_rebuilt_to_the_same_bytes(
    tmp_path: Path, url: str | None, history: Callable[[Path, str | None], SqlEventLog]
) -> None:
    log = history(tmp_path, url)
    before = files(tmp_path)
    assert len(before) == 3
    seen: list[tuple[int, int]] = []
    status = log.rebuild_index(lambda done, total: seen.append((done, total)))
    assert files(tmp_path) == before
    assert seen[-1] == (BLOCKS, BLOCKS) and seen == sorted(seen)
    assert (status.head, status.filed, status.leftover, status.faults) == (BLOCKS, BLOCKS, 0, ())
    for path in (tmp_path / "index").glob("*.run"):
        path.write_bytes(b"damaged")
    log.rebuild_index()
    assert files(tmp_path) == before
    assert log.verify().findings == ()
    again = counts(send(log, *blocks(0, BLOCKS)))
    assert "accepted" not in again and again["duplicate"] > BLOCKS * PER_BLOCK / 2
    assert left_in(tmp_path) == []


def files(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "index").glob("*.run")
    }


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "index").iterdir() if path.suffix not in (".run", ".lock"))


def test_a_segment_larger_than_what_is_sorted_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = retired(tmp_path, None)
    before = files(tmp_path)
    monkeypatch.setattr(committed, "ROWS_AT_ONCE", 10)
    monkeypatch.setattr(committed, "_ROWS_READ", 8)
    log.rebuild_index()
    assert files(tmp_path) == before


def test_only_a_missing_file_is_built_again_at_opening(tmp_path: Path) -> None:
    log = retired(tmp_path, None)
    before = files(tmp_path)
    untouched = max((tmp_path / "index").glob("*.run"))
    inode = untouched.stat().st_ino
    missing = min((tmp_path / "index").glob("*.run"))
    missing.unlink()
    (finding,) = log.verify().findings
    assert (finding.what, finding.where) == ("index", "batches 1 to 34")
    assert log.index_status().faults == ("batches 1 to 32 are in no run file",)
    again, _ = open_log(tmp_path, now=LATER)
    assert "accepted" not in counts(send(again, block(0), block(BLOCKS - 1)))
    assert {name: files(tmp_path)[name] for name in before} == before
    assert untouched.stat().st_ino == inode


def test_a_rebuild_that_was_interrupted_leaves_an_index_that_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = retired(tmp_path, None)
    before = files(tmp_path)
    replace = Path.replace
    moved: list[Path] = []

    def fails_at_the_second(path: Path, target: Path) -> Path:
        if path.parent.name == REBUILT_FOLDER and path.suffix == ".run" and target.parent.name == "index":
            moved.append(path)
            if len(moved) == 2:
                raise OSError(28, "No space left on device")
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fails_at_the_second)
        with pytest.raises(OSError, match="No space"):
            log.rebuild_index()
    assert len(moved) == 2
    assert files(tmp_path) == before
    again, _ = open_log(tmp_path, now=LATER)
    assert "accepted" not in counts(send(again, *blocks(0, BLOCKS)))
    again.rebuild_index()
    assert left_in(tmp_path) == []
    assert again.verify().findings == ()


def test_a_rebuild_beside_a_merge_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tail_only(tmp_path, None)
    monkeypatch.setattr(rebuild, "PATIENCE_SECONDS", 0)
    with leased(tmp_path / "index" / LEASE_NAME), pytest.raises(IndexInUse) as refusal:
        log.rebuild_index()
    assert refusal.value.exit_code == 5


def test_a_rebuild_waits_for_who_files_a_run_at_this_moment(tmp_path: Path) -> None:
    log = tail_only(tmp_path, None)
    before = files(tmp_path)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with leased(tmp_path / "index" / LEASE_NAME):
            held.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    threading.Timer(0.2, release.set).start()
    log.rebuild_index()
    holder.join()
    assert files(tmp_path) == before


def test_others_go_on_while_it_is_rebuilt(tmp_path: Path) -> None:
    log = retired(tmp_path, None)
    other, _ = open_log(tmp_path, now=LATER)
    send(other, block(0))
    sent: list[dict[str, int]] = []

    def between(done: int, _: int) -> None:
        if done in (3, 30):
            sent.append(counts(send(other, block(0), block(999 + done))))

    log.rebuild_index(between)
    assert [told["accepted"] for told in sent] == [PER_BLOCK + 1, PER_BLOCK + 1]
    assert "accepted" not in counts(send(other, *blocks(0, BLOCKS), block(1_002), block(1_029)))
    assert log.verify().findings == ()


def test_a_log_that_lost_events_builds_no_index_without_them(tmp_path: Path) -> None:
    log = retired(tmp_path, None)
    (path, *_) = sorted((tmp_path / "segments").rglob("*.parquet"))
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.slice(0, table.num_rows - 1), path)
    with pytest.raises(IdentitiesMissing, match=r"batch \d+: \d of \d accepted"):
        log.rebuild_index()
    assert left_in(tmp_path) in ([], [REBUILT_FOLDER])


def test_an_erased_event_keeps_its_identity(tmp_path: Path) -> None:
    """Its source and id may be gone from the segment; the digests that stood for it are kept."""
    log = retired(tmp_path, None)
    engine: Engine = log._engine
    before = files(tmp_path)
    (path, *_) = sorted((tmp_path / "segments").rglob("*.parquet"))
    table = unpacked(pq.read_table(path, partitioning=None))
    key, digest = identity_of(log, table, 0)
    ids = ["erased", *table.column("id").to_pylist()[1:]]
    place = table.schema.get_field_index("id")
    erased = table.set_column(place, table.schema.field(place), pa.array(ids, table.schema.field(place).type))
    pq.write_table(packed(erased), path)
    row = {"batch": table.column("batch")[0].as_py(), "row": table.column("row")[0].as_py()}
    told = {"residue_sha256": b"", "person": "dpo", "reason": "asked", "erased_at": 1}
    with begin_immediate(engine) as connection:
        values = row | told | {"identity_key": key, "content_digest": digest}
        connection.execute(insert(schema.erasures).values(values))
    log.rebuild_index()
    assert files(tmp_path) == before


def identity_of(log: SqlEventLog, table: pa.Table, place: int) -> tuple[bytes, bytes]:
    from tieout.table.canonical import content_digests, identity_keys

    one = table.slice(place, 1)
    key = identity_keys(one, log.identity_secret)
    return key, content_digests(one, key)


def test_the_status_names_what_cannot_be_used(tmp_path: Path) -> None:
    log = tail_only(tmp_path, None)
    first, second, _ = sorted((tmp_path / "index").glob("*.run"))
    first.write_bytes(b"TIEOUTR1" + bytes(100))
    second.write_bytes(b"x")
    status = log.index_status()
    assert [fault.split(" ")[0] for fault in sorted(status.faults)] == [str(first), str(second), "batches"]
    assert status.filed == 0
    with pytest.raises(DamagedRun):
        second.rename(first.with_name("000000000001-000000000004.run"))
        open_log(tmp_path)[0].compact(rows_min=1)


def test_verify_finds_a_run_that_is_whole_and_wrong(tmp_path: Path) -> None:
    """A file with its own right digests that says something else than the log."""
    log = tail_only(tmp_path, None)
    other, _ = open_log(tmp_path / "other")
    send(other, *blocks(0, BLOCKS))
    (name, *_) = sorted(files(tmp_path))
    (tmp_path / "index" / name).write_bytes((tmp_path / "other" / "index" / name).read_bytes())
    assert [finding.what for finding in log.verify().findings] == ["index"]


def test_verify_finds_that_an_identity_was_accepted_twice(tmp_path: Path) -> None:
    log = tail_only(tmp_path, None)
    engine: Engine = log._engine
    for path in (tmp_path / "index").glob("*"):
        path.unlink()
    with begin_immediate(engine) as connection:  # a process that forgot the first batches
        connection.execute(update(schema.keys).values(entries=no_entries()))
    again, _ = open_log(tmp_path)
    assert counts(send(again, block(0)))["accepted"] == PER_BLOCK
    said = [finding.detail for finding in again.verify().findings if finding.what == "identities"]
    assert said == [f"{PER_BLOCK} identities were accepted more than once"]


def no_entries() -> bytes:
    from tests.identities import entries
    from tieout.store.log.encoding import encode_keys

    return encode_keys(entries([]))


def test_a_batch_whose_row_is_gone_is_named(tmp_path: Path) -> None:
    log = retired(tmp_path, None)
    engine: Engine = log._engine
    with begin_immediate(engine) as connection:
        connection.execute(delete(schema.batches).where(schema.batches.c.number == 3))
    with pytest.raises(DamagedBody, match="batch 3"):
        log.rebuild_index()


def test_key_entries_that_are_gone_too_early_are_not_made_up(tmp_path: Path) -> None:
    log = tail_only(tmp_path, None)
    engine: Engine = log._engine
    for path in (tmp_path / "index").glob("*.run"):
        path.unlink()
    with begin_immediate(engine) as connection:
        connection.execute(delete(schema.keys).where(schema.keys.c.batch == 2))
    with engine.connect() as connection:
        assert connection.execute(select(schema.keys.c.batch)).first() is not None
    with pytest.raises(IdentitiesMissing, match="batch 2: 0 of 7"):
        log.rebuild_index()


def test_an_index_that_stood_still_while_others_filed_everything_catches_up(tmp_path: Path) -> None:
    """A process that was stopped finds whole runs from where its own knowledge ends."""
    log, _ = open_log(tmp_path)
    asleep = IdentityIndex(tmp_path / "index")
    send(log, *blocks(0, BLOCKS))
    learn_committed(asleep, log._committed())
    assert asleep.upto == log.head() == BLOCKS
    assert counts(send(log, block(3))) == {"duplicate": 8, "quarantined": 1}
