"""Trees over segments: the root is that of the rows in their order, whatever row groups they lie in; proofs
of any rows lead to it; what is kept is derived and made anew where it was damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update

from tieout.kernel.merkle import leaf_hash, prove, proven_root, root_of
from tieout.ports import UnreadableSegment
from tieout.store.log import schema
from tieout.store.log.segments import segment_tree
from tieout.store.log.segments.segment_tree import (
    KeptTrees,
    LeafRows,
    RowTree,
    SegmentRows,
    TableRows,
    tree_of,
)
from tieout.store.migrate import prepare_schema
from tieout.store.sqlite import begin_immediate, open_engine
from tieout.table.position_words import position_words

ROWS = 3_333
LAST = 2**40


def rows(count: int = ROWS, seed: int = 7) -> pa.Table:
    random = np.random.default_rng(seed)
    numbers = {
        "batch": pa.array(random.integers(1, LAST, count), pa.int64()),
        "row": pa.array(random.integers(0, 2**31 - 1, count), pa.int32()),
        "lane_a": pa.array(random.integers(0, 2**64, count, dtype=np.uint64)),
        "lane_b": pa.array(random.integers(0, 2**64, count, dtype=np.uint64)),
    }
    return pa.table({"subject": pa.array(["s"] * count), **numbers})


def leaves(table: pa.Table) -> list[bytes]:
    """As the kernel says it, one by one."""
    found = []
    for row in table.to_pylist():
        digest = row["lane_a"].to_bytes(8, "little") + row["lane_b"].to_bytes(8, "little")
        position = row["batch"].to_bytes(8, "little") + row["row"].to_bytes(4, "little")
        found.append(leaf_hash(position + digest))
    return found


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = tmp_path_factory.mktemp("trees")
    made = open_engine(folder / "log.db", schema="log")
    prepare_schema(made, schema="log", place=str(folder))
    return made


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> RowTree:
    """Of a file whose row groups do not begin where groups of leaves do, and that holds other batches too."""
    path = tmp_path_factory.mktemp("segment") / "one.parquet"
    beside = rows(5 * ROWS, seed=8).set_column(1, "batch", pa.array(np.arange(5 * ROWS) % 50 + LAST + 1))
    whole = pa.concat_tables([rows(), beside])
    order = np.random.default_rng(9).permutation(whole.num_rows)
    own = np.flatnonzero(order < ROWS)
    order[own] = np.arange(ROWS)  # the rows of the piece keep their order among the others
    pq.write_table(whole.take(pa.array(order)), path, row_group_size=700)
    return tree_of(SegmentRows(str(path), first=1, last=LAST))


def test_the_root_is_that_of_the_rows(tree: RowTree) -> None:
    assert tree.size == ROWS
    assert tree.root == tree_of(TableRows(rows())).root == root_of(leaves(rows()))


@settings(max_examples=30)
@given(st.sets(st.integers(0, ROWS - 1), max_size=60), st.sampled_from([1, 7, 400]))
def test_any_rows_are_proven(tree: RowTree, starts: set[int], length: int) -> None:
    shown = sorted({place for start in starts for place in range(start, min(start + length, ROWS))})
    stretches: list[tuple[int, int]] = []
    for place in shown:
        if stretches and stretches[-1][1] == place:
            stretches[-1] = (stretches[-1][0], place + 1)
        else:
            stretches.append((place, place + 1))
    whole = LEAVES
    proof = prove(ROWS, stretches, tree.subtree)
    assert proven_root(ROWS, stretches, [whole[place] for place in shown], proof) == tree.root


LEAVES = leaves(rows())


def test_a_tree_is_kept_by_its_root_and_made_anew_where_it_is_damaged(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, made, root = KeptTrees(engine, tmp_path), [], root_of(LEAVES)
    real = segment_tree.tree_of

    def counting(found: LeafRows) -> RowTree:
        made.append(1)
        return real(found)

    monkeypatch.setattr(segment_tree, "tree_of", counting)
    for _ in range(3):
        found = kept.tree(TableRows(rows()), root)
        assert found is not None and found.root == root
    assert len(made) == 1
    with begin_immediate(engine) as connection:
        trees = schema.segment_trees
        blob = connection.execute(select(trees.c.groups)).scalar_one()
        connection.execute(update(trees).values(groups=blob[:-1] + b"\x00"))
    found = kept.tree(TableRows(rows()), root)
    assert found is not None and found.root == root and len(made) == 2, "damaged: made anew"
    assert kept.tree(TableRows(rows(ROWS - 1_024)), root) is None, "other rows do not have that root"


def test_rows_are_found_in_whatever_row_groups_they_lie(tmp_path: Path) -> None:
    path, table = str(tmp_path / "one.parquet"), rows()
    pq.write_table(table, path, row_group_size=700)
    shown = [3, 699, 700, 1_500, 3_332]
    chosen = table.take(pa.array(shown))
    wanted = np.sort(position_words(chosen.column("batch").to_numpy(), chosen.column("row").to_numpy()))
    found = SegmentRows(path, first=1, last=LAST)
    assert found.places(wanted, lambda _: [0, 1, 2, 4]).tolist() == shown
    assert found.places(wanted, lambda _: [0, 1]).tolist() == shown[:3]
    assert found.places(wanted, lambda _: []).tolist() == []
    assert TableRows(table).places(wanted, lambda _: []).tolist() == shown
    nothing = SegmentRows(path, first=LAST + 1, last=LAST + 9)
    assert (nothing.size, tree_of(nothing).root) == (0, root_of([]))
    with pytest.raises(UnreadableSegment):
        SegmentRows(str(tmp_path / "none.parquet"), first=1, last=2)
