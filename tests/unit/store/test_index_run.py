"""The identity index against a dictionary, where first words are equal too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.ingest.verdict import Known
from tieout.store.log.encoding import KeyEntries
from tieout.store.log.index.index import IdentityIndex
from tieout.store.log.index.run import DamagedRun, UnsortedRun, merged, open_run, run_of, write_run

WORDS = st.sampled_from([0, 1, 2, 7, 2**63, 2**64 - 1])
KEYS = st.lists(st.tuples(WORDS, WORDS), unique=True, max_size=20)


def entries(keys: list[tuple[int, int]], first_row: int = 0) -> KeyEntries:
    """Lanes that tell each key's own from any other's."""
    return KeyEntries(
        np.array(keys, dtype=np.uint64).reshape(-1, 2),
        np.array([(high ^ 5, low ^ 9) for high, low in keys], dtype=np.uint64).reshape(-1, 2),
        np.arange(first_row, first_row + len(keys), dtype=np.uint32),
    )


def unknown(count: int) -> Known:
    return Known(np.zeros(count, dtype=bool), *(np.zeros(count, dtype=np.uint64) for _ in range(3)))


def found(known: Known) -> list[tuple[int, int, int] | None]:
    return [
        (int(known.position[place]), int(known.lane_a[place]), int(known.lane_b[place])) if hit else None
        for place, hit in enumerate(known.found)
    ]


def expected(
    asked: list[tuple[int, int]], held: dict[tuple[int, int], int]
) -> list[tuple[int, int, int] | None]:
    return [(held[key], key[0] ^ 5, key[1] ^ 9) if key in held else None for key in asked]


@settings(max_examples=200)
@given(held=KEYS, asked=KEYS)
def test_a_run_finds_just_what_it_holds(held: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    positions = {key: (3 << 32) | row for row, key in enumerate(held)}
    wanted = np.array(asked, dtype=np.uint64).reshape(-1, 2)
    for run in (run_of([(3, entries(held))], first=3, last=3), UnsortedRun(3, entries(held))):
        known = unknown(len(asked))
        run.find(wanted, known)
        assert found(known) == expected(asked, positions)


@settings(max_examples=60)
@given(held=KEYS, cut=st.integers(0, 20))
def test_a_merged_run_has_the_bytes_of_one_made_at_once(held: list[tuple[int, int]], cut: int) -> None:
    early, late = (1, entries(held[:cut])), (2, entries(held[cut:]))
    whole = run_of([early, late], first=1, last=2)
    parts = merged([run_of([early], first=1, last=1), run_of([late], first=2, last=2)])
    for name in ("high", "low", "position", "lane_a", "lane_b", "filter"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name)), name


def test_a_written_run_is_read_back_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "000000000001-000000000001.run"
    run = run_of([(1, entries([(1, 2), (1, 3), (9, 9)]))], first=1, last=1)
    write_run(run, path)
    known = unknown(2)
    open_run(path).find(np.array([(1, 3), (1, 4)], dtype=np.uint64), known)
    assert found(known) == [((1 << 32) | 1, 1 ^ 5, 3 ^ 9), None]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedRun, match="rebuilt from the log"):
        open_run(path)


def test_two_processes_file_the_same_runs(tmp_path: Path) -> None:
    """The second finds what the first has filed and merged, and drops it from its own memory."""
    parts = {batch: entries([(batch, row) for row in range(5)]) for batch in range(1, 20)}

    def load(first: int, last: int) -> list[tuple[int, KeyEntries]]:
        return [(batch, parts[batch]) for batch in range(first, last + 1)]

    first, second = IdentityIndex(tmp_path), IdentityIndex(tmp_path)
    first.catch_up(10, load)
    second.catch_up(17, load)
    first.file_runs()
    second.file_runs()
    assert (first.filed, second.filed, second.upto) == (8, 16, 17)
    first.catch_up(19, load)
    first.file_runs()
    assert (first.filed, first.upto) == (16, 19)
    known = first.find(np.array([(1, 4), (12, 0), (19, 2), (20, 0)], dtype=np.uint64))
    assert found(known) == [
        ((1 << 32) | 4, 1 ^ 5, 4 ^ 9),
        (12 << 32, 12 ^ 5, 9),
        ((19 << 32) | 2, 19 ^ 5, 2 ^ 9),
        None,
    ]
