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
from sqlalchemy import Engine, func, select, update

from tieout.kernel.ids import EventType, Watermark
from tieout.kernel.merkle import leaf_hash, prove, proven_root, root_of
from tieout.ports import SegmentFile
from tieout.store.log import schema
from tieout.store.log.piece_proofs import RowsNotFound, piece_proofs
from tieout.store.log.segments import segment_tree
from tieout.store.log.segments.segment_tree import KeptTrees, RowTree, SegmentRows, tree_of_table
from tieout.store.migrate import prepare_schema
from tieout.store.sqlite import begin_immediate, open_engine

ROWS = 3_333


def rows(count: int = ROWS) -> pa.Table:
    random = np.random.default_rng(7)
    numbers = {
        "batch": pa.array(random.integers(1, 2**40, count), pa.int64()),
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
    """Of a file whose row groups do not begin where groups of leaves do."""
    path = tmp_path_factory.mktemp("segment") / "one.parquet"
    pq.write_table(rows(), path, row_group_size=700)
    found = SegmentRows(str(path))
    return RowTree(found.size, segment_tree._groups(found), found)


def test_the_root_is_that_of_the_rows(tree: RowTree) -> None:
    assert tree.size == ROWS
    assert tree.root == tree_of_table(rows()).root == root_of(leaves(rows()))


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


def test_a_tree_is_kept_once_for_the_bytes_of_its_file(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.parquet"
    pq.write_table(rows(), path)
    kept, made = KeptTrees(engine, tmp_path), []
    monkeypatch.setattr(segment_tree, "_groups", _counting(made))
    digest = b"\x01" * 32
    _name(engine, "one", digest)
    roots = {kept.of_segment(str(path), digest).root for _ in range(3)}
    assert roots == {root_of(LEAVES)} and len(made) == 1
    with begin_immediate(engine) as connection:
        trees = schema.segment_trees
        blob = connection.execute(select(trees.c.groups)).scalar_one()
        connection.execute(update(trees).values(groups=blob[:-1] + b"\x00"))
    assert kept.of_segment(str(path), digest).root == root_of(LEAVES) and len(made) == 2, "damaged: made anew"
    assert kept.of_segment(str(path), b"\x02" * 32).root == root_of(LEAVES) and len(made) == 3
    with begin_immediate(engine) as connection:
        connection.execute(schema.segments.delete())
    kept.of_segment(str(path), b"\x03" * 32)
    with engine.connect() as connection:
        count = connection.execute(select(func.count()).select_from(schema.segment_trees)).scalar_one()
    assert count == 1, "trees of segments that are gone go too"


def _counting(made: list[int]):  # type: ignore[no-untyped-def] # stands for a function
    real = segment_tree._groups

    def groups(found: SegmentRows) -> list[bytes]:
        made.append(1)
        return real(found)

    return groups


def _name(engine: Engine, path: str, digest: bytes) -> None:
    row = {"path": path, "type": "t", "contract_version": 1, "first_batch": 1, "last_batch": 1}
    with begin_immediate(engine) as connection:
        numbers = {"rows": ROWS, "bytes": 1, "sha256": digest, "created_at": 0}
        connection.execute(schema.segments.insert().values(**row, **numbers))


def test_rows_are_found_in_whatever_row_groups_they_lie(engine: Engine, tmp_path: Path) -> None:
    path, table = str(tmp_path / "one.parquet"), rows()
    pq.write_table(table, path, row_group_size=700)
    segment = SegmentFile(path, EventType("t"), 1, 1, 2**40, ROWS, "04" * 32)
    shown = [3, 699, 700, 1_500, 3_332]
    disclosed = table.select(["batch", "row"]).take(pa.array(shown))
    groups = [(segment, [0, 1, 2, 4])]
    (proof,) = piece_proofs(disclosed, groups, [], upto=Watermark(9), trees=KeptTrees(engine, tmp_path))
    assert proof.stretches == ((3, 4), (699, 701), (1_500, 1_501), (3_332, 3_333))
    assert proof.root == root_of(LEAVES)
    leaf = [LEAVES[place] for place in shown]
    assert proven_root(ROWS, proof.stretches, leaf, proof.hashes) == proof.root
    with pytest.raises(RowsNotFound):
        piece_proofs(disclosed, [(segment, [0, 1])], [], upto=Watermark(9), trees=KeptTrees(engine, tmp_path))
