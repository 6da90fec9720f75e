"""States what the log is, at a seal, and signs it with the installation's key.

No close fails for want of a key: the head is kept, and signed once there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.evidence.head import Head, HeadSignature, KeptHead, digest_of, head_of, signed_head, statement_of
from tieout.flows.home import Home
from tieout.kernel.batch_digest import GENESIS_DIGEST
from tieout.kernel.errors import NotFound, TieoutError


class NoSuchHead(NotFound):
    """No head has that number, or none was kept yet."""

    code = "no-such-head"

    def __init__(self, number: int | None) -> None:
        super().__init__(
            "No head is kept yet: the first seal states one."
            if number is None
            else f"There is no head {number}; `tieout evidence heads` lists them."
        )


def keep_head(home: Home, run: int) -> None:
    """Once for each run, before it seals: so every sealed invoice lies under a head of its own run."""
    if home.books.heads.of_run(run) is not None:
        return
    batch = home.log.head()
    digest = home.log.batch_digest(batch) or GENESIS_DIGEST
    now = home.clock.now()

    def state(last: KeptHead | None) -> KeptHead:
        number = 1 if last is None else last.number + 1
        previous = None if last is None else digest_of(last.statement)
        statement = statement_of(Head(home.home_id, number, batch, digest.hex(), now, previous))
        return KeptHead(number, run, statement, _signature(home, statement))

    home.books.heads.keep(run, state)


def make_key(home: Home) -> bytes:
    """Makes the installation's key, once, and signs the heads that waited for it; the public half."""
    public_key = home.installation_key.create()
    sign_heads(home)
    return public_key


def sign_heads(home: Home) -> int:
    """Signs those that wait for a key; how many it were. Raises what the key refuses with."""
    waiting = [each for each in home.books.heads.all() if each.signature is None]
    for each in waiting:
        home.books.heads.sign(each.number, _signed(home, each.statement))
    return len(waiting)


@dataclass(frozen=True, slots=True)
class HeadCopy:
    """Two small files for somebody else to keep: the statement, and its signature for minisign."""

    head: Head
    statement: bytes
    signature: bytes


def head_copy(home: Home, number: int | None) -> HeadCopy:
    """That of a number, or the last. Raises `NoSuchHead`, or that there is no key."""
    sign_heads(home)
    heads = home.books.heads.all()
    chosen = heads[-1:] if number is None else [each for each in heads if each.number == number]
    for each in chosen:
        assert each.signature is not None, "they have just been signed"
        return HeadCopy(head_of(each.statement), each.statement.encode(), each.signature.text.encode())
    raise NoSuchHead(number)


def _signature(home: Home, statement: str) -> HeadSignature | None:
    try:
        return _signed(home, statement)
    except (TieoutError, OSError):
        return None  # no key, or one that may not be used: `tieout evidence heads` shows what is unsigned


def _signed(home: Home, statement: str) -> HeadSignature:
    key = home.installation_key
    public_key = key.public_key()
    text = signed_head(statement, public_key=public_key, sign=key.sign)
    return HeadSignature(public_key, text, home.clock.now())
