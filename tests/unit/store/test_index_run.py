"""A run file against a dictionary: where first words are equal too, and at every width of its directory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.identities import Key, answers, asking, entries, model_of, nothing_known, random_entries
from tieout.store.log.encoding import KeyEntries
from tieout.store.log.index.entries import Asked, entries_of, joined
from tieout.store.log.index.run import HEADER_BYTES, DamagedRun, OutdatedRun, Run, Shape
from tieout.store.log.index.tail import Span
from tieout.store.log.index.write import merge_runs, write_run

WORDS = st.sampled_from([0, 1, 2, 7, 2**32, 2**63, 2**64 - 1])
KEYS = st.lists(st.tuples(WORDS, WORDS), unique=True, max_size=20)
Batches = list[tuple[int, KeyEntries]]


def written(folder: Path, batches: Batches, *, first: int, last: int) -> Run:
    path = folder / f"{first:012}-{last:012}.run"
    parts = [entries_of(batch, part) for batch, part in batches]
    write_run(joined([entries_of(first, entries([])), *parts]), path, first=first, last=last)
    return Run(path)


def told(run: Run | Span, keys: list[Key]) -> list[tuple[int, int, int] | None]:
    known = nothing_known(len(keys))
    run.find(Asked(asking(keys)), known)
    return answers(known)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=KEYS, asked=KEYS)
def test_a_run_and_a_span_find_just_what_they_hold(tmp_path: Path, held: list[Key], asked: list[Key]) -> None:
    batches = [(3, entries(held))]
    model = model_of(batches)
    span = Span((3, 3))
    span.learn(3, entries(held))
    for one in (written(tmp_path, batches, first=3, last=3), span):
        assert told(one, asked) == [model.get(key) for key in asked]


@pytest.mark.parametrize("count", [1_023, 1_024, 5_000, 262_143, 262_144, 300_000])
def test_at_every_width_of_the_directory(tmp_path: Path, count: int) -> None:
    batches = [
        (batch, random_entries(batch, count // 4 + (batch == 7) * (count % 4))) for batch in (4, 5, 6, 7)
    ]
    same_as_model(written(tmp_path, batches, first=4, last=7), batches, count)


def test_with_the_widest_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real one begins at 67 million identities."""
    monkeypatch.setattr(Shape, "prefix_bytes", property(lambda _: 3))
    batches = [(1, random_entries(1, 40_000))]
    same_as_model(written(tmp_path, batches, first=1, last=1), batches, 40_000)


def same_as_model(run: Run, batches: Batches, count: int) -> None:
    """All that are held and as many that are not, the nearest of others among them, in large and small
    questions.
    """
    model = model_of(batches)
    assert len(model) == len(run) == count
    held = list(model)[:: max(1, count // 40_000)]
    near = [(high, low ^ 1) for high, low in held] + [(high ^ 1, low) for high, low in held]
    questions = [key for pair in zip(held, near, strict=False) for key in pair]
    assert told(run, questions) == [model.get(key) for key in questions]
    for start in range(0, 400, 20):
        few = questions[start : start + 20]
        assert told(run, few) == [model.get(key) for key in few]
    assert run.is_as_written()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=KEYS, cut=st.integers(0, 20))
def test_a_merged_run_has_the_bytes_of_one_made_at_once(tmp_path: Path, held: list[Key], cut: int) -> None:
    early, late = (1, entries(held[:cut])), (2, entries(held[cut:]))
    whole = written(tmp_path, [early, late], first=1, last=2).path.read_bytes()
    runs = [written(tmp_path, [part], first=part[0], last=part[0]) for part in (early, late)]
    path = tmp_path / "000000000001-000000000002.run"
    path.unlink()
    merge_runs(runs, path)
    assert path.read_bytes() == whole


def test_runs_of_unlike_widths_are_merged_in_stretches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From one identity to many, rows beyond one octet, batches beyond one octet: as if made at once."""
    monkeypatch.setattr("tieout.store.log.index.write.MERGED_AT_ONCE", 10_000)
    sizes = {1: 1, 300: 300_000, 301: 0, 600: 2_000, 601: 70_000}
    batches = [(batch, random_entries(batch, size)) for batch, size in sizes.items()]
    ends = (300, 301, 600, 700)
    starts = (1, 301, 302, 601)
    runs = [
        written(tmp_path, [part for part in batches if start <= part[0] <= end], first=start, last=end)
        for start, end in zip(starts, ends, strict=True)
    ]
    path = tmp_path / "000000000001-000000000700.run"
    stretches = []
    merge_runs(runs, path, between=lambda: stretches.append(1))
    merged = path.read_bytes()
    assert len(stretches) > 30
    assert written(tmp_path, batches, first=1, last=700).path.read_bytes() == merged
    same_as_model(Run(path), batches, sum(sizes.values()))


def test_an_entry_takes_35_bytes_at_most_in_a_large_run() -> None:
    shape = Shape(first=1, last=4_096, count=100_000_000, row_bytes=2)
    assert shape.file_bytes / shape.count < 35


def test_a_damaged_run_is_named_and_says_what_to_do(tmp_path: Path) -> None:
    run = written(tmp_path, [(1, entries([(1, 2), (1, 3), (9, 9)]))], first=1, last=1)
    content = run.path.read_bytes()
    run.path.write_bytes(content[:-1])
    with pytest.raises(DamagedRun, match="tieout index rebuild"):
        Run(run.path)
    for place in range(HEADER_BYTES):
        run.path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises((DamagedRun, OutdatedRun)):
            Run(run.path)
    for place in range(HEADER_BYTES, len(content)):
        run.path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert not Run(run.path).is_as_written()


def test_a_directory_that_points_nowhere_is_damage_and_no_answer(tmp_path: Path) -> None:
    run = written(tmp_path, [(1, entries([(1, 2)]))], first=1, last=1)
    content = bytearray(run.path.read_bytes())
    start = run.shape.section_starts[1]
    content[start + 4 : start + 8] = b"\xff\xff\xff\xff"
    run.path.write_bytes(content)
    with pytest.raises(DamagedRun):
        told(Run(run.path), [(1, 2)])


def test_many_tiny_batches_and_large_ones_in_one_span() -> None:
    """Slots are placed again as the table grows."""
    span = Span((1, 64))
    batches = [
        (batch, random_entries(batch, 30_000 if batch % 20 == 5 else batch % 3)) for batch in range(1, 65)
    ]
    model: dict[Key, tuple[int, int, int]] = {}
    for batch, part in batches:
        span.learn(batch, part)
        model |= model_of([(batch, part)])
        questions = [*list(model)[-40:], (batch, batch)]
        assert told(span, questions) == [model.get(key) for key in questions]
    assert span.is_full and len(span) == len(model)
    everything = list(model)
    assert told(span, everything) == [model[key] for key in everything]


def test_keys_that_want_the_same_slot_are_all_found() -> None:
    keys = [(number, 7 << 40) for number in range(600)]
    span = Span((1, 1))
    span.learn(1, entries(keys))
    model = model_of([(1, entries(keys))])
    questions = [*keys, (600, 7 << 40), (3, 8)]
    assert told(span, questions) == [model.get(key) for key in questions]
    assert np.all(span.entries().high == np.arange(600))
