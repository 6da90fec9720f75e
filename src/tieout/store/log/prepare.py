"""Everything about a batch that needs no lock: digests, identity keys, and the encoded bodies. Runs in any
process.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tieout.ingest.block import Block, Refused
from tieout.ingest.layout import with_lanes
from tieout.store.log.encoding import encode_body
from tieout.table.canonical import content_digests, identity_keys, lanes
from tieout.table.layout import event_type_of, is_text_field, plain, plain_schema


@dataclass(frozen=True, slots=True)
class EncodedBody:
    """The decoded rows of one event type and contract version, encoded; rows are received rows."""

    type: str
    contract_version: int
    rows: npt.NDArray[np.int32]
    body: bytes | memoryview
    sha256: bytes

    def __reduce_ex__(self, _protocol: object) -> tuple[object, ...]:
        """Lets the body, like the arrays, travel beside a pickle instead of being copied into it."""
        parts = (self.type, self.contract_version, self.rows, pickle.PickleBuffer(self.body), self.sha256)
        return EncodedBody, parts


@dataclass(frozen=True, slots=True)
class Prepared:
    """A block ready to be judged and appended. The decoded rows are in ascending received row.
    `physical_lines` counts the lines that the block was read from, blank ones included.

    rows (n,), keys (n, 2), digests (n, 32) bytes, times (n,) of the events, part (n,) index into `bodies`,
    sources (n,) index into `source_names`.
    """

    received: int
    physical_lines: int
    rows: npt.NDArray[np.int32]
    keys: npt.NDArray[np.uint64]
    digests: npt.NDArray[np.uint8]
    times: npt.NDArray[np.int64]
    part: npt.NDArray[np.int16]
    sources: npt.NDArray[np.int32]
    source_names: tuple[str, ...]
    bodies: tuple[EncodedBody, ...]
    refused: tuple[Refused, ...]

    @property
    def lanes(self) -> npt.NDArray[np.uint64]:
        """(n, 2): the first two words of each content digest."""
        return lanes(self.digests.tobytes())[:, :2]


def prepare(block: Block, secret: bytes, *, physical_lines: int) -> Prepared:
    """Digests and encodes a decoded block. `secret` is the home's identity secret."""
    keys: list[npt.NDArray[np.uint64]] = []
    digests: list[npt.NDArray[np.uint8]] = []
    bodies: list[EncodedBody] = []
    sources: list[pa.Array] = []
    times: list[npt.NDArray[np.int64]] = []
    for table in _by_contract(block.tables):
        table_keys = identity_keys(table, secret)
        table_digests = content_digests(table, table_keys)
        keys.append(np.frombuffer(table_keys, dtype="<u8").reshape(-1, 2))
        digests.append(np.frombuffer(table_digests, dtype=np.uint8).reshape(-1, 32))
        bodies.append(_encoded(with_lanes(table, lanes(table_digests))))
        sources.append(plain(table.column("source")))
        times.append(table.column("time").to_numpy())
    return _assembled(block, physical_lines, keys, digests, times, sources, bodies)


def _assembled(
    block: Block,
    physical_lines: int,
    keys: list[npt.NDArray[np.uint64]],
    digests: list[npt.NDArray[np.uint8]],
    times: list[npt.NDArray[np.int64]],
    sources: list[pa.Array],
    bodies: list[EncodedBody],
) -> Prepared:
    if not bodies:
        keys, digests = [np.empty((0, 2), dtype=np.uint64)], [np.empty((0, 32), dtype=np.uint8)]
    rows = np.concatenate([body.rows for body in bodies] or [np.empty(0, dtype=np.int32)])
    parts = [np.full(len(body.rows), index, dtype=np.int16) for index, body in enumerate(bodies)]
    part = np.concatenate(parts or [np.empty(0, dtype=np.int16)])
    named = pa.concat_arrays(sources or [pa.array([], pa.string())]).dictionary_encode()
    codes = named.indices.to_numpy()
    all_keys, all_digests = np.concatenate(keys), np.concatenate(digests)
    all_times = np.concatenate([*times, np.empty(0, dtype=np.int64)])
    if (rows[1:] < rows[:-1]).any():
        order = np.argsort(rows, kind="stable")
        rows, part, codes = rows[order], part[order], codes[order]
        all_keys, all_digests, all_times = all_keys[order], all_digests[order], all_times[order]
    return Prepared(
        received=block.received,
        physical_lines=physical_lines,
        rows=rows,
        keys=all_keys,
        digests=all_digests,
        times=all_times,
        part=part,
        sources=codes,
        source_names=tuple(named.dictionary.to_pylist()),
        bodies=tuple(bodies),
        refused=block.refused,
    )


def _encoded(table: pa.Table) -> EncodedBody:
    event_type, version = event_type_of(table.schema)
    body = encode_body(_with_dictionaries(table))
    rows = table.column("row").to_numpy()
    return EncodedBody(event_type, version, rows, body, hashlib.sha256(body).digest())


def _with_dictionaries(table: pa.Table) -> pa.Table:
    """Repeating texts as dictionaries, others plain: a body of a few customers and models shrinks to a
    third.
    """
    for place, column in enumerate(table.schema):
        if column.name in ("source", "subject") or is_text_field(column):
            encoded = table.column(place).combine_chunks().dictionary_encode()
            repeats = len(encoded.dictionary) * 4 <= len(encoded)
            chosen = encoded if repeats else encoded.dictionary_decode()
            table = table.set_column(place, column.with_type(chosen.type), chosen)
    return table


def _by_contract(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """One table for each event type and contract version."""
    groups: dict[tuple[str, int], list[pa.Table]] = {}
    for table in tables:
        groups.setdefault(event_type_of(table.schema), []).append(table)
    return [_united(group) for _, group in sorted(groups.items())]


def _united(tables: list[pa.Table]) -> pa.Table:
    if len(tables) == 1:
        return tables[0]
    target = plain_schema(tables[0].schema)
    return pa.concat_tables([table.cast(target) for table in tables]).combine_chunks()
