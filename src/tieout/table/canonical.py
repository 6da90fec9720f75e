"""Canonical form v1, column-wise: the bytes of `kernel.canonical.canonical_event` for a whole table at once.

The kernel's definition is the meaning; golden vectors and a property test hold the two equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.kernel.canonical import token
from tieout.kernel.digest import IDENTITY_KEY_BYTES
from tieout.kernel.quantity import Quantity
from tieout.table.layout import FIELD_PREFIX, ColumnKind, event_type_of, layout_of

ROWS_HASHED: Final = 1024
"""Rows that are Python objects at a time: their memory is used again from the cache, where a whole column's
would be thousands of new pages from the kernel every time.
"""

_COMMA = pa.scalar(b",", pa.binary())
_EMPTY = pa.scalar(b"", pa.binary())


class _Hash(Protocol):
    """What a hash of either kind does."""

    def update(self, content: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


def canonical_column(table: pa.Table) -> list[bytes]:
    """Canonical bytes of each row, in row order. Source: kernel.canonical, form v1."""
    return _joined(canonical_pieces(table))


def content_digests(table: pa.Table, identity_keys: bytes) -> bytes:
    """Content digests of all rows, 32 bytes each: SHA-256 over identity key and canonical form.

    `identity_keys` holds 16 bytes a row in row order.
    """
    keys = pa.Array.from_buffers(pa.binary(16), table.num_rows, [None, pa.py_buffer(identity_keys)])
    joined = _joined_pieces([keys.cast(pa.binary()), *canonical_pieces(table)])
    return _digests(joined, hashlib.sha256(usedforsecurity=False).copy)


def identity_keys(table: pa.Table, secret: bytes) -> bytes:
    """Keyed BLAKE2b-128 of each row's length-prefixed source and id, 16 bytes each, in row order."""
    identities = _joined_pieces(_identity_pieces(table))
    return _digests(identities, hashlib.blake2b(key=secret, digest_size=IDENTITY_KEY_BYTES).copy)


def _digests(contents: pa.Array, fork: Callable[[], _Hash]) -> bytes:
    """The digest of each row, one after the other. `fork` copies a fresh state: cheaper than to make one, and
    a keyed one is keyed only once.
    """
    digests: list[bytes] = []
    for start in range(0, len(contents), ROWS_HASHED):
        some: list[bytes] = []
        for content in contents.slice(start, ROWS_HASHED).to_pylist():
            state = fork()
            state.update(content)
            some.append(state.digest())
        digests.append(b"".join(some))
    return b"".join(digests)


def lanes(digests: bytes) -> np.ndarray:
    """The digests as rows of four little-endian 64-bit words; the first two are the fingerprint's lanes."""
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 4)


def _identity_pieces(table: pa.Table) -> list[pa.Array | pa.Scalar]:
    return [*_token_pieces(_column(table, "source")), *_token_pieces(_column(table, "id"))]


def canonical_pieces(table: pa.Table) -> list[pa.Array | pa.Scalar]:
    event_type, _ = event_type_of(table.schema)
    head = token(b"tieout/1") + token(event_type.encode())
    pieces: list[pa.Array | pa.Scalar] = [pa.scalar(head, pa.binary())]
    pieces += _token_pieces(_column(table, "subject"))
    pieces += _token_pieces(_text(_column(table, "time")))
    for name, kind in layout_of(table.schema):
        pieces += _field_pieces(token(name.encode()), _column(table, FIELD_PREFIX + name), kind)
    extras = _column(table, "extras")
    if _all_empty(extras):
        return [*pieces, pa.scalar(token(b""), pa.binary())]
    return [*pieces, *_token_pieces(extras)]


def _field_pieces(name: bytes, column: pa.Array, kind: ColumnKind) -> list[pa.Array | pa.Scalar]:
    """token(name) + token(tag + text), or nothing at all where the value is absent."""
    if column.null_count == len(column):
        return []
    if pa.types.is_dictionary(column.type):
        whole = _joined_pieces(_field_pieces(name, column.dictionary, kind))
        return [pc.fill_null(whole.take(column.indices), _EMPTY)]
    tag, text = _tagged(column, kind)
    lengths = pc.add(pc.binary_length(text), pa.scalar(1, pa.int32()))
    pieces = [pa.scalar(name, pa.binary()), *_length_pieces(lengths, b":" + tag), text, _COMMA]
    return pieces if column.null_count == 0 else [pc.fill_null(_joined_pieces(pieces), _EMPTY)]


def _tagged(column: pa.Array, kind: ColumnKind) -> tuple[bytes, pa.Array]:
    match kind:
        case ColumnKind.STRING | ColumnKind.ENUM:
            return b"s", column.cast(pa.binary())
        case ColumnKind.INTEGER:
            return b"n", _text(column)
        case ColumnKind.DECIMAL:
            return b"n", _plain_decimal(column)
        case ColumnKind.TIMESTAMP:
            return b"t", _text(column)
        case ColumnKind.BOOLEAN:
            return b"b", column.cast(pa.string()).cast(pa.binary())


def _plain_decimal(column: pa.Array) -> pa.Array:
    """Plain text without trailing zeros. Arrow writes tiny values (and zero) with an exponent: those go by
    hand.
    """
    text = column.cast(pa.string())
    scientific = pc.fill_null(pc.match_substring(text, "E"), False)
    plain = pc.replace_substring_regex(text, r"\.?0+$", "")
    if not pc.any(scientific).as_py():
        return plain.cast(pa.binary())
    rows = plain.to_pylist()
    for index in np.flatnonzero(scientific.to_numpy(zero_copy_only=False)):
        value = column[int(index)].as_py()
        rows[index] = str(Quantity.parse(format(value, "f")))
    return pa.array(rows, pa.binary())


def _token_pieces(text: pa.Array) -> list[pa.Array | pa.Scalar]:
    """A netstring for each row; of a repeating text each is written once."""
    if pa.types.is_dictionary(text.type):
        whole = _joined_pieces(_token_pieces(text.dictionary))
        return [whole.take(text.indices)]
    text = text.cast(pa.binary())
    return [*_length_pieces(pc.binary_length(text), b":"), text, _COMMA]


def _length_pieces(lengths: pa.Array, after: bytes) -> list[pa.Array | pa.Scalar]:
    """The lengths in digits, then `after`; one constant where all are equal, as of ids and times."""
    bounds = pc.min_max(lengths)
    if bounds["min"].as_py() == bounds["max"].as_py() is not None:
        return [pa.scalar(b"%d%b" % (bounds["min"].as_py(), after), pa.binary())]
    return [_text(lengths), pa.scalar(after, pa.binary())]


def _joined(pieces: list[pa.Array | pa.Scalar]) -> list[bytes]:
    rows: list[bytes] = _joined_pieces(pieces).to_pylist()
    return rows


def _joined_pieces(pieces: list[pa.Array | pa.Scalar]) -> pa.Array:
    return pc.binary_join_element_wise(*_merged_scalars(pieces), _EMPTY)


def _merged_scalars(pieces: list[pa.Array | pa.Scalar]) -> list[pa.Array | pa.Scalar]:
    """Constant pieces that stand next to each other as one."""
    merged: list[pa.Array | pa.Scalar] = []
    for piece in pieces:
        if merged and isinstance(piece, pa.Scalar) and isinstance(merged[-1], pa.Scalar):
            merged[-1] = pa.scalar(merged[-1].as_py() + piece.as_py(), pa.binary())
        else:
            merged.append(piece)
    return merged


def _text(numbers: pa.Array) -> pa.Array:
    return numbers.cast(pa.string()).cast(pa.binary())


def _all_empty(column: pa.Array) -> bool:
    longest = pc.max(pc.binary_length(column)).as_py()
    return not longest


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def field_text(column: pa.Array, kind: ColumnKind) -> pa.Array:
    """A field column as canonical texts without their tags; absent stays absent."""
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return _tagged(plain, kind)[1].cast(pa.string())
