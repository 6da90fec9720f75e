"""The form in which a segment stores ids: a canonical UUID takes 16 bytes, any other id stays text.

In the stored form `id` is two columns, of which each row has one: `id_uuid` (16 bytes) and `id_text`. The
text of a UUID comes back exactly, so only lower-case UUIDs with their four dashes are taken. Segments that
were written before have `id` itself, and stay readable.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

ID: Final = "id"
ID_UUID: Final = "id_uuid"
ID_TEXT: Final = "id_text"
UUID_BYTES: Final = 16
TEXT_BYTES: Final = 36
DASHES: Final = (8, 13, 18, 23)
DIGIT_PLACES: Final = np.array([place for place in range(TEXT_BYTES) if place not in DASHES])
"""Where the 32 digits stand in the text."""

NO_DIGIT: Final = 255
_VALUE_OF: Final = np.full(256, NO_DIGIT, dtype=np.uint8)
_VALUE_OF[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)
_TEXT_OF: Final = np.frombuffer(bytes(range(256)).hex().encode(), dtype=np.uint8).reshape(256, 2)


def packed(table: pa.Table) -> pa.Table:
    """The table in the stored form; one that is in it already is returned as it is."""
    if ID not in table.column_names:
        return table
    texts = _one(table.column(ID))
    uuids, is_uuid = _uuids_of(texts)
    none = pa.scalar(None, pa.string())
    texts = texts if not is_uuid.any() else pc.if_else(pa.array(is_uuid), none, texts)
    buffers = [_bitmap(is_uuid), pa.py_buffer(uuids.tobytes())]
    coded = pa.FixedSizeBinaryArray.from_buffers(pa.binary(UUID_BYTES), len(texts), buffers)
    place = table.schema.get_field_index(ID)
    without = table.remove_column(place).add_column(place, pa.field(ID_TEXT, pa.string()), texts)
    return without.add_column(place, pa.field(ID_UUID, pa.binary(UUID_BYTES)), coded)


def unpacked(table: pa.Table) -> pa.Table:
    """The table with `id` as text again, where both stored columns were read."""
    if ID_UUID not in table.column_names or ID_TEXT not in table.column_names:
        return table
    place = table.schema.get_field_index(ID_UUID)
    uuids, texts = (_one(table.column(name)) for name in (ID_UUID, ID_TEXT))
    ids = texts
    if uuids.null_count < len(uuids):
        ids = pc.coalesce(_texts_of(uuids), texts)
    without = table.drop_columns([ID_UUID, ID_TEXT])
    return without.add_column(place, pa.field(ID, pa.string(), nullable=False), ids)


def columns_of(names: list[str]) -> list[str]:
    """The stored columns that these columns are read from."""
    return [stored for name in names for stored in ((ID_UUID, ID_TEXT) if name == ID else (name,))]


def _uuids_of(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """(n, 16) bytes, and which rows are canonical UUIDs; the bytes of other rows are zero."""
    count = len(texts)
    uuids = np.zeros((count, UUID_BYTES), dtype=np.uint8)
    candidates = np.flatnonzero(pc.equal(pc.binary_length(texts), TEXT_BYTES).to_numpy(zero_copy_only=False))
    is_uuid = np.zeros(count, dtype=np.bool_)
    if not candidates.size:
        return uuids, is_uuid
    chosen = texts if candidates.size == count else texts.take(pa.array(candidates))
    content = chosen.cast(pa.binary()).cast(pa.binary(TEXT_BYTES))
    letters = np.frombuffer(content.buffers()[1], dtype=np.uint8)
    letters = letters[content.offset * TEXT_BYTES :][: len(content) * TEXT_BYTES].reshape(-1, TEXT_BYTES)
    values = _VALUE_OF[letters[:, DIGIT_PLACES]]
    fits = (values != NO_DIGIT).all(axis=1)
    for place in DASHES:
        fits &= letters[:, place] == ord("-")
    own = candidates[fits]
    uuids[own] = (values[fits, 0::2] << 4) | values[fits, 1::2]
    is_uuid[own] = True
    return uuids, is_uuid


def _texts_of(uuids: pa.Array) -> pa.Array:
    """The canonical texts, null where there is no UUID."""
    raw = np.frombuffer(uuids.buffers()[1], dtype=np.uint8)
    raw = raw[uuids.offset * UUID_BYTES :][: len(uuids) * UUID_BYTES].reshape(-1, UUID_BYTES)
    letters = np.full((len(uuids), TEXT_BYTES), ord("-"), dtype=np.uint8)
    letters[:, DIGIT_PLACES] = _TEXT_OF[raw].reshape(-1, 2 * UUID_BYTES)
    offsets = np.arange(0, (len(uuids) + 1) * TEXT_BYTES, TEXT_BYTES, dtype=np.int32)
    valid = uuids.is_valid().to_numpy(zero_copy_only=False)
    return pa.StringArray.from_buffers(
        len(uuids), pa.py_buffer(offsets.tobytes()), pa.py_buffer(letters.tobytes()), _bitmap(valid)
    )


def _bitmap(valid: npt.NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())


def _one(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
