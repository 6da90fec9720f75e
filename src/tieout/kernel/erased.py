"""What stands for the id of an event whose personal data was erased: its identity key, which no one who lacks
the home's secret can turn back into source and id.
"""

from __future__ import annotations

from typing import Final

from tieout.kernel.digest import IDENTITY_KEY_BYTES

ERASED_PREFIX: Final = "erased-"


def erased_id(identity_key: bytes) -> str:
    """Stable: the same identity has the same marker wherever it stood."""
    assert len(identity_key) == IDENTITY_KEY_BYTES, len(identity_key)
    return f"{ERASED_PREFIX}{identity_key.hex()}"


def looks_erased(id: str) -> bool:
    """Whether the id may be a marker; only the log's erasures say whether it is one."""
    return id.startswith(ERASED_PREFIX) and len(id) == len(ERASED_PREFIX) + 2 * IDENTITY_KEY_BYTES


def identity_key_in(marker: str) -> bytes:
    """The identity key that a marker is made of; zeros where it is none, though it looks like one."""
    digits = marker.removeprefix(ERASED_PREFIX)
    is_one = looks_erased(marker) and not set(digits) - set("0123456789abcdef")
    return bytes.fromhex(digits) if is_one else bytes(IDENTITY_KEY_BYTES)
