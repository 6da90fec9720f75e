"""The chain: each batch's digest covers the batch before it and the fate of every item it received.

It is taken over meanings, never over an encoding, so `verify` recomputes it from segments as well as from
bodies.
"""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Final

from tieout.kernel.canonical import token
from tieout.kernel.instant import Instant

BATCH_DIGEST_VERSION: Final = b"tieout/batch/1"
GENESIS_DIGEST: Final = bytes(32)
FATE_BYTES: Final = 35
"""One received row in row order: verdict (1 byte), reason (2 bytes, little-endian), digest (32 bytes).

The digest is the content digest of an accepted event or a duplicate, and the SHA-256 of the raw bytes of an
item that was quarantined or is in conflict.
"""


def batch_digest(
    *, number: int, previous: bytes, received_at: Instant, contracts: str, received: int, fates: bytes
) -> bytes:
    """32 bytes: SHA-256 over format version, batch number, previous digest, arrival, contract versions and
    fates.

    `contracts` is the canonical JSON text of the contract versions that judged the batch.
    """
    assert len(fates) == received * FATE_BYTES, "every received item has exactly one fate"
    assert len(previous) == len(GENESIS_DIGEST)
    header = struct.pack("<qqq", number, received_at, received)
    return sha256(
        token(BATCH_DIGEST_VERSION) + header + previous + token(contracts.encode()) + fates
    ).digest()
