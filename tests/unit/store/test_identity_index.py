"""The identity index as a whole: a dictionary with files, whatever is filed, merged, forgotten, reopened."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.identities import answers, asking, entries, model_of, random_entries
from tieout.store.files import leased
from tieout.store.log.encoding import KeyEntries
from tieout.store.log.index import filing, levels
from tieout.store.log.index import index as index_module
from tieout.store.log.index.filing import LEASE_NAME
from tieout.store.log.index.index import IdentityIndex, IndexBehind
from tieout.store.log.index.run import DamagedRun

Batches = dict[int, KeyEntries]


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "RUN_BATCHES", 2)


def some_batches(count: int) -> Batches:
    """Empty, tiny and larger ones."""
    return {number: random_entries(number, (0, 1, 3, 40)[number % 4]) for number in range(1, count + 1)}


class Loading:
    """The log's key entries, from `first` on, as the index asks for them."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches
        self.first = 1

    def __call__(self, first: int, last: int) -> Iterator[tuple[int, KeyEntries]]:
        for batch in range(max(first, self.first), last + 1):
            yield batch, self.batches[batch]


def holds_just(index: IdentityIndex, batches: Batches, head: int) -> None:
    model = model_of((batch, part) for batch, part in batches.items() if batch <= head)
    later = model_of((batch, part) for batch, part in batches.items() if batch > head)
    questions = [*model, *later]
    np.random.default_rng(head).shuffle(questions)
    assert answers(index.find(asking(questions))) == [model.get((key[0], key[1])) for key in questions]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".run"}


STEPS = st.lists(
    st.sampled_from(["commit", "commit", "commit", "several", "settle", "reopen", "forget", "other"]),
    min_size=5,
    max_size=60,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_it_is_a_dictionary_and_its_files_depend_on_the_batches_only(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, plain = tmp_path_factory.mktemp("index"), tmp_path_factory.mktemp("plain")
    load = Loading(some_batches(300))
    index, other = IdentityIndex(folder), IdentityIndex(folder)
    head = 0
    for step in steps:
        if step in ("commit", "several"):
            head += 1 if step == "commit" else 7
            index.catch_up(head, load)
            index.file_runs()
        elif step == "settle":
            index.settle()
        elif step == "forget":
            index.forget_tail()
            index.catch_up(head, load)
        elif step == "reopen":
            index.settle()
            index = IdentityIndex(folder)
            index.catch_up(head, load)
        else:
            index, other = other, index
            index.catch_up(head, load)
        holds_just(index, load.batches, head)
    index.settle()
    other.catch_up(head, load)
    other.settle()
    once = IdentityIndex(plain)
    once.catch_up(head, load)
    once.settle()
    assert files(folder) == files(plain)
    assert once.filed == head // 2 * 2


def test_eight_runs_become_one_and_eight_of_those_the_next(tmp_path: Path) -> None:
    index = IdentityIndex(tmp_path)
    index.catch_up(2 * 8 * 8 + 2 * 8 + 3, Loading(some_batches(200)))
    index.settle()
    assert sorted(files(tmp_path)) == [
        "000000000001-000000000128.run",
        "000000000129-000000000144.run",
        "000000000145-000000000146.run",
    ]
    holds_just(index, some_batches(200), 147)


def test_two_processes_file_the_same_runs(tmp_path: Path) -> None:
    """The second finds what the first has filed and merged, and drops it from its own memory."""
    load = Loading(some_batches(40))
    first, second = IdentityIndex(tmp_path), IdentityIndex(tmp_path)
    first.catch_up(11, load)
    second.catch_up(17, load)
    first.settle()
    second.settle()
    assert (first.filed, second.filed, second.upto) == (10, 16, 17)
    load.first = 17  # what files hold is no longer among the key entries
    first.catch_up(19, load)
    first.settle()
    assert (first.filed, first.upto) == (18, 19)
    holds_just(first, load.batches, 19)


def test_a_commit_does_not_wait_for_a_run_that_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()
    write_run = filing.write_run

    def slowly(*arguments: object, **named: object) -> None:
        going_on.wait(30)
        write_run(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(filing, "write_run", slowly)
    load = Loading(some_batches(40))
    index = IdentityIndex(tmp_path)
    for head in range(1, 21):
        index.catch_up(head, load)
        index.file_runs()  # would never return if it waited
        holds_just(index, load.batches, head)
    assert files(tmp_path) == {}
    going_on.set()
    index.settle()
    assert index.filed == 20
    holds_just(index, load.batches, 20)


def test_what_becomes_due_during_a_merge_is_written_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long merge must not fill the memory with what waits for it."""
    load = Loading(some_batches(40))
    index = IdentityIndex(tmp_path)
    seen: list[set[str]] = []
    merge_runs = filing.merge_runs

    def long_merge(runs: object, path: Path, *, between) -> None:  # type: ignore[no-untyped-def]
        index.catch_up(20, load)
        index._filing.start(index._full_spans())
        between()
        seen.append(set(files(tmp_path)))
        merge_runs(runs, path, between=between)  # type: ignore[arg-type]

    monkeypatch.setattr(filing, "merge_runs", long_merge)
    index.catch_up(16, load)
    index.settle()
    assert {"000000000017-000000000018.run", "000000000019-000000000020.run"} <= seen[0]
    assert "000000000001-000000000016.run" not in seen[0]
    assert sorted(files(tmp_path))[0] == "000000000001-000000000016.run"


@pytest.mark.parametrize(
    ("head", "waits", "rests"),
    [(16, False, True), (16, True, False), (22, False, True), (24, False, False), (30, False, False)],
)
def test_a_merge_rests_between_stretches_unless_it_is_waited_for_or_falls_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: int, waits: bool, rests: bool
) -> None:
    """Eight runs of two batches are merged, of batches 1 to 16; those up to `head` are filed behind them."""
    load = Loading(some_batches(40))
    index = IdentityIndex(tmp_path)
    rested: list[float] = []
    monkeypatch.setattr(filing.time, "sleep", rested.append)
    told = threading.Event()
    merge_runs = filing.merge_runs

    def stretches(runs: object, path: Path, *, between) -> None:  # type: ignore[no-untyped-def]
        index.catch_up(head, load)
        index._filing.start(index._full_spans())
        while waits and not index._filing._waiting:
            told.wait(0.01)
        between()  # files what was handed over
        rested.clear()
        between()
        seen.append(bool(rested))
        merge_runs(runs, path, between=between)  # type: ignore[arg-type]

    seen: list[bool] = []
    monkeypatch.setattr(filing, "merge_runs", stretches)
    index.catch_up(16, load)
    index.file_runs()
    if waits:
        index.settle()
    else:
        thread = index._filing._thread
        assert thread is not None
        thread.join(30)
    assert seen[0] is rests
    assert all(0 <= each <= filing.REST_SECONDS_MAX for each in rested)


def test_a_commit_waits_where_too_much_waits_to_be_filed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "WAITING_ENTRIES_MAX", 30)
    load = Loading(some_batches(40))
    index = IdentityIndex(tmp_path)
    index.catch_up(5, load)
    filed = threading.Event()
    with leased(tmp_path / LEASE_NAME):  # another process, which files nothing
        committing = threading.Thread(target=lambda: (index.file_runs(), filed.set()))
        committing.start()
        assert not filed.wait(0.3)
    assert filed.wait(30)
    committing.join()
    index.settle()
    assert index.filed == 4


def test_a_full_disk_is_told_to_who_commits_and_filed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Loading(some_batches(40))
    index = IdentityIndex(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(filing, "write_run", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "full")))
        index.catch_up(6, load)
        with pytest.raises(OSError, match="full"):
            index.settle()
    index.settle()
    assert index.filed == 6


def test_files_removed_while_it_is_used_stop_it(tmp_path: Path) -> None:
    """With a gap it would let identities in again."""
    load = Loading(some_batches(40))
    index = IdentityIndex(tmp_path)
    index.catch_up(8, load)
    index.settle()
    for path in tmp_path.glob("*.run"):
        path.unlink()
    index.catch_up(10, load)
    with pytest.raises(IndexBehind):
        index.file_runs()


def test_a_damaged_file_is_named_at_opening(tmp_path: Path) -> None:
    index = IdentityIndex(tmp_path)
    index.catch_up(8, Loading(some_batches(40)))
    index.settle()
    path = tmp_path / "000000000003-000000000004.run"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedRun, match=path.name):
        IdentityIndex(tmp_path)


def test_files_of_the_earlier_format_are_as_if_they_were_not_there(tmp_path: Path) -> None:
    for name in ("000000000001-000000000008.run", "000000000001-000000000512.run"):
        (tmp_path / name).write_bytes(b"TIEOUTR1" + bytes(200))
    index = IdentityIndex(tmp_path)
    assert index.filed == 0
    index.catch_up(2, Loading(some_batches(100)))
    index.settle()
    assert list(files(tmp_path)) == ["000000000001-000000000002.run"]
    index.catch_up(80, Loading(some_batches(100)))
    index.settle()
    assert index.filed == 80
    assert all(content.startswith(b"TIEOUTR2") for content in files(tmp_path).values())
    holds_just(index, some_batches(100), 80)


def test_entries_without_a_row_are_no_special_case(tmp_path: Path) -> None:
    index = IdentityIndex(tmp_path)
    index.catch_up(20, Loading({number: entries([]) for number in range(1, 21)}))
    index.settle()
    assert (index.filed, index.find(asking([(1, 1)])).found.tolist()) == (20, [False])
