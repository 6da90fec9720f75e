"""How a batch's parts are laid out in the log's tables. Digests never cover these bytes, only their
meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tieout.kernel.errors import IntegrityViolation

_CODEC: Final = pa.Codec("zstd", compression_level=1)
_IPC: Final = pa.ipc.IpcWriteOptions(compression=_CODEC, use_threads=False)
_LENGTH_BYTES: Final = 8
_CHECK_BYTES: Final = 16
"""The start of a SHA-256 before a blob of dispositions: finds what the chain does not cover, such as
`original`, and a changed byte that decompresses to the same.
"""
DISPOSITIONS_MAX: Final = 2**24
"""More rows than any batch has, so that a damaged count is not believed."""

FATE: Final = np.dtype([("verdict", "u1"), ("reason", "<u2"), ("digest", "u1", (32,))])
"""One received row as the batch digest covers it; packed, kernel.batch_digest.FATE_BYTES long."""
DISPOSITION: Final = np.dtype(
    [("row", "<u4"), ("verdict", "u1"), ("reason", "<u2"), ("original", "<u8"), ("digest", "u1", (32,))]
)
"""A received row that was not accepted; `original` is batch << 32 | row of what it repeats or contradicts."""


class DamagedBody(IntegrityViolation):
    """Stored bytes cannot be read back as what was written."""

    code = "damaged-body"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} cannot be read: {why}")


@dataclass(frozen=True, slots=True)
class KeyEntries:
    """The accepted identities of one batch: keys (n, 2), content lanes (n, 2), received rows (n,)."""

    keys: npt.NDArray[np.uint64]
    lanes: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.uint32]


def encode_body(table: pa.Table) -> bytes:
    """The table as a compressed Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_IPC) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def decode_body(body: bytes, what: str) -> pa.Table:
    """Raises `DamagedBody`, naming `what`."""
    try:
        table = pa.ipc.open_stream(body).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedBody(what, str(error).splitlines()[0]) from None
    return table


def encode_keys(entries: KeyEntries) -> bytes:
    blob = b"".join(
        [
            len(entries.rows).to_bytes(_LENGTH_BYTES, "little"),
            np.ascontiguousarray(entries.keys, dtype="<u8").tobytes(),
            np.ascontiguousarray(entries.lanes, dtype="<u8").tobytes(),
            np.ascontiguousarray(entries.rows, dtype="<u4").tobytes(),
        ]
    )
    return _check(blob) + blob


def decode_keys(blob: bytes, what: str) -> KeyEntries:
    """Raises `DamagedBody`, naming `what`: from damaged keys an index would let an identity in twice."""
    check, blob = blob[:_CHECK_BYTES], blob[_CHECK_BYTES:]
    if check != _check(blob):
        raise DamagedBody(what, "their bytes are not those that were written")
    count = int.from_bytes(blob[:_LENGTH_BYTES], "little")
    keys = np.frombuffer(blob, dtype="<u8", count=2 * count, offset=_LENGTH_BYTES).reshape(count, 2)
    offset = _LENGTH_BYTES + keys.nbytes
    lanes = np.frombuffer(blob, dtype="<u8", count=2 * count, offset=offset).reshape(count, 2)
    rows = np.frombuffer(blob, dtype="<u4", count=count, offset=offset + lanes.nbytes)
    return KeyEntries(keys, lanes, rows)


def encode_dispositions(dispositions: npt.NDArray[np.void]) -> bytes:
    """Column by column, so that rows, verdicts and positions compress to almost nothing."""
    columns = b"".join(
        [np.ascontiguousarray(dispositions[name]).tobytes() for name in DISPOSITION.names or ()]
    )
    blob = len(dispositions).to_bytes(_LENGTH_BYTES, "little") + _CODEC.compress(columns, asbytes=True)
    return _check(blob) + blob


def decode_dispositions(blob: bytes, what: str) -> npt.NDArray[np.void]:
    """Raises `DamagedBody`, naming `what`."""
    check, blob = blob[:_CHECK_BYTES], blob[_CHECK_BYTES:]
    if check != _check(blob):
        raise DamagedBody(what, "their bytes are not those that were written")
    count = int.from_bytes(blob[:_LENGTH_BYTES], "little")
    if count > DISPOSITIONS_MAX:
        raise DamagedBody(what, f"{count} rows, more than {DISPOSITIONS_MAX}")
    dispositions = np.zeros(count, dtype=DISPOSITION)
    if not count:
        return dispositions
    try:
        columns = _CODEC.decompress(blob[_LENGTH_BYTES:], count * DISPOSITION.itemsize, asbytes=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedBody(what, str(error).splitlines()[0]) from None
    offset = 0
    for name in DISPOSITION.names or ():
        kind = DISPOSITION[name]
        column = np.frombuffer(
            columns, dtype=kind.base, count=count * max(1, kind.itemsize // kind.base.itemsize), offset=offset
        )
        dispositions[name] = column.reshape((count, *kind.shape))
        offset += column.nbytes
    return dispositions


def _check(blob: bytes) -> bytes:
    return sha256(blob).digest()[:_CHECK_BYTES]
