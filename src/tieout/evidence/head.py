"""A head: what the installation states that its log was: the last batch and its digest; and, where it is a
head with roots, one root over the pieces of the log since the last such head, and the last folio of the
books.

The digest covers every batch before, so who keeps a copy can tell whether the log was rewritten later. Each
head names the one before it, so none can be left out unseen; and who keeps any one has the roots of all
before it, under which anybody proves an event without the log.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tieout.evidence.pack.minisign import Sign, signature_text
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.ids import HomeId, Watermark
from tieout.kernel.instant import Instant, format_instant, parse_instant

HEAD_FORMAT: Final = "tieout/head/1"
HEAD_FORMAT_WITH_ROOTS: Final = "tieout/head/2"
SIGNED_AS: Final = "signature of a head of an event log"


@dataclass(frozen=True, slots=True)
class StatedRoots:
    """`root`: in hexadecimal digits, over so many `pieces` of the log (`evidence.piece`), which hold every
    event of the batches behind the `upto` of the last head with roots, and up to this one. `folio` and its
    digest: the last of the books before the head itself, which covers every row of theirs."""

    upto: Watermark
    pieces: int
    root: str
    folio: int
    folio_digest: str


@dataclass(frozen=True, slots=True)
class Head:
    """`number` counts a home's heads from 1; `digest` is of `batch`, in hexadecimal digits (zeros where the
    log was empty); `previous`: SHA-256 of the statement of the head before, None of the first. Raises
    `ValueError` where its roots reach beyond `batch`, or are over no piece."""

    home: HomeId
    number: int
    batch: Watermark
    digest: str
    stated_at: Instant
    previous: str | None
    roots: StatedRoots | None = None

    def __post_init__(self) -> None:
        roots = self.roots
        if roots is not None and not (0 <= roots.upto <= self.batch and roots.pieces >= 0):
            raise ValueError(f"its root is over nothing that it covers: {roots}")

    @property
    def format(self) -> str:
        return HEAD_FORMAT if self.roots is None else HEAD_FORMAT_WITH_ROOTS


@dataclass(frozen=True, slots=True)
class HeadSignature:
    """By the installation's key of then; `text` is a minisign signature file."""

    public_key: bytes
    text: str
    signed_at: Instant


@dataclass(frozen=True, slots=True)
class KeptHead:
    """As it lies in the books. `statement` is what is signed, byte for byte; a head may wait for a key.
    `run`: before whose seals it was stated; None of one with roots."""

    number: int
    run: int | None
    statement: str
    signature: HeadSignature | None


def statement_of(head: Head) -> str:
    """Canonical JSON."""
    said: dict[str, JsonValue] = {
        "format": head.format,
        "home": head.home,
        "number": JsonNumber(str(head.number)),
        "batch": JsonNumber(str(head.batch)),
        "digest": head.digest,
        "stated_at": format_instant(head.stated_at),
        "previous": head.previous,
    }
    if head.roots is not None:
        said["upto"] = JsonNumber(str(head.roots.upto))
        said["pieces"] = JsonNumber(str(head.roots.pieces))
        said["root"] = head.roots.root
        said["folio"] = JsonNumber(str(head.roots.folio))
        said["folio_digest"] = head.roots.folio_digest
    return canonical_json(said)


def digest_of(statement: str) -> str:
    """What the next head names as `previous`."""
    return sha256(statement.encode()).hexdigest()


def head_of(statement: str) -> Head:
    """Raises `ValueError`, `KeyError` or `TypeError` where it is no statement of a head, or is written in
    another way."""
    said = json.loads(statement)
    head = Head(
        HomeId(said["home"]),
        int(said["number"]),
        Watermark(int(said["batch"])),
        str(said["digest"]),
        parse_instant(said["stated_at"]),
        said["previous"],
        _roots(said) if said["format"] == HEAD_FORMAT_WITH_ROOTS else None,
    )
    if statement_of(head) != statement:
        raise ValueError("it is not written as a head is")
    return head


def _roots(said: dict[str, JsonValue]) -> StatedRoots:
    upto, pieces, folio = (int(str(said[name])) for name in ("upto", "pieces", "folio"))
    return StatedRoots(Watermark(upto), pieces, str(said["root"]), folio, str(said["folio_digest"]))


def signed_head(statement: str, *, public_key: bytes, sign: Sign) -> str:
    """The minisign signature file of a statement."""
    return signature_text(
        statement.encode(), comment_of(statement), about=SIGNED_AS, public_key=public_key, sign=sign
    )


def comment_of(statement: str) -> str:
    """The trusted comment: format, home, number, batch and digest."""
    head = head_of(statement)
    return f"{head.format} {head.home} {head.number} {head.batch} {head.digest}"
