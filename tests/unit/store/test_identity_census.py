"""The census of identities against the plainest count, in memory and in files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.identities import random_entries
from tieout.store.log.index import levels
from tieout.store.log.index.entries import entries_of
from tieout.store.log.verify import identities as verify_identities
from tieout.store.log.verify.identities import IdentityCensus

WORDS = st.sampled_from([0, 1, 2**63, 2**64 - 1])
TOLD = st.lists(st.lists(st.tuples(WORDS, WORDS), max_size=12), max_size=8)


def tell(census: IdentityCensus, batch: int, keys: np.ndarray) -> None:
    rows = np.arange(len(keys))
    digests = np.zeros((len(keys), 32), dtype=np.uint8)
    census.add(batch=np.full(len(keys), batch), row=rows, keys=keys, digests=digests)


@pytest.mark.parametrize("buffered", [4, 1 << 22])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=TOLD)
def test_it_counts_what_was_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buffered: int, told: list[list[tuple[int, int]]]
) -> None:
    monkeypatch.setattr(verify_identities, "BUFFERED_MAX", buffered)
    times = Counter(key for keys in told for key in keys)
    with IdentityCensus(tmp_path) as census:
        for number, keys in enumerate(told, 1):
            tell(census, number, np.array(keys, dtype=np.uint64).reshape(-1, 2))
        assert census.repeated() == sum(count - 1 for count in times.values())
    assert list(tmp_path.iterdir()) == []


def test_its_sums_are_those_of_the_batches_of_a_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "RUN_BATCHES", 4)
    parts = {batch: random_entries(batch, batch * 10) for batch in range(1, 30)}
    with IdentityCensus(tmp_path) as census:
        for batch in sorted(parts, key=lambda number: -number):
            part = parts[batch]
            digests = np.zeros((len(part.rows), 4), dtype=np.uint64)
            digests[:, :2] = part.lanes
            octets = digests.view(np.uint8).reshape(-1, 32)
            census.add(batch=np.full(len(part.rows), batch), row=part.rows, keys=part.keys, digests=octets)
        for first, last in ((1, 4), (5, 12), (25, 28), (33, 36)):
            total = 0
            for batch in range(first, last + 1):
                if batch in parts:
                    one = entries_of(batch, parts[batch])
                    columns = (one.high, one.low, one.position, one.lanes[:, 0], one.lanes[:, 1])
                    weighted = zip((1, 3, 5, 7, 11), columns, strict=True)
                    total += sum(weight * sum(column.tolist()) for weight, column in weighted)
            count = sum(len(parts[batch].rows) for batch in range(first, last + 1) if batch in parts)
            assert census.told(first, last) == (count, total % 2**64)
