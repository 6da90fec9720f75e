"""States what the log is, at a seal, and signs it with the installation's key.

No close fails for want of a key: the head is kept, and signed once there is one.
"""

from __future__ import annotations

from tieout.evidence.head import (
    Head,
    HeadSignature,
    KeptHead,
    StatedRoots,
    digest_of,
    signed_head,
    statement_of,
)
from tieout.flows.home import Home
from tieout.kernel.batch_digest import GENESIS_DIGEST
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import Instant


def keep_head(home: Home, run: int) -> None:
    """Once for each run, before it seals: so every sealed invoice lies under a head of its own run."""
    if home.books.heads.of_run(run) is not None:
        return
    batch, now = home.log.head(), home.clock.now()

    def state(last: KeptHead | None) -> KeptHead:
        return following(home, last, run=run, batch=batch, stated_at=now)

    home.books.heads.keep(run, state)


def following(
    home: Home,
    last: KeptHead | None,
    *,
    run: int | None,
    batch: Watermark,
    stated_at: Instant,
    roots: StatedRoots | None = None,
) -> KeptHead:
    """The head behind `last`, signed where there is a key."""
    digest = home.log.batch_digest(batch) or GENESIS_DIGEST
    number = 1 if last is None else last.number + 1
    previous = None if last is None else digest_of(last.statement)
    head = Head(home.home_id, number, batch, digest.hex(), stated_at, previous, roots)
    statement = statement_of(head)
    return KeptHead(number, run, statement, _signature(home, statement))


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
