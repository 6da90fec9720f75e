"""Identity for rows whose source gives them none: what they say, and the how-manieth row of the file says it.

Two equal rows of one file may be two real requests, so both count; a file that has grown and is read again
repeats the same identities from its first row on, so nothing doubles.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from hashlib import sha256

from tieout.contract.event_contract import EventContract
from tieout.ingest.event import Event, canonical_of
from tieout.kernel.canonical import token

CONTENT_HEX_DIGITS = 32


class Occurrences:
    """Counts the rows of one file by content. Memory grows with the number of different rows, 100 bytes
    each.
    """

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def identified(self, event: Event, contract: EventContract) -> Event:
        """The event with the id `content-ordinal`, ordinals counting from 0 within the file."""
        content = _content(event, contract)
        ordinal = self._seen[content]
        self._seen[content] += 1
        return replace(event, id=_id(content, ordinal))


def identified(event: Event, contract: EventContract, ordinal: int) -> Event:
    """The event with the id of the `ordinal`-th row of a file that says the same, counting from 0."""
    return replace(event, id=_id(_content(event, contract), ordinal))


def _content(event: Event, contract: EventContract) -> bytes:
    digest = sha256(token(event.source.encode()) + canonical_of(event, contract)).digest()
    return digest[: CONTENT_HEX_DIGITS // 2]


def _id(content: bytes, ordinal: int) -> str:
    return f"{content.hex()}-{ordinal}"
