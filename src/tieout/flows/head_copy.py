"""Copies of heads for somebody else to keep."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.evidence.head import Head, head_of
from tieout.flows.home import Home
from tieout.flows.keep_head import sign_heads
from tieout.flows.keep_roots import keep_roots
from tieout.kernel.errors import NotFound


class NoSuchHead(NotFound):
    """No head has that number."""

    code = "no-such-head"

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no head {number}; `tieout evidence heads` lists them.")


@dataclass(frozen=True, slots=True)
class HeadCopy:
    """Two small files for somebody else to keep: the statement, and its signature for minisign."""

    head: Head
    statement: bytes
    signature: bytes


def head_copy(home: Home, number: int | None) -> HeadCopy:
    """That of a number; or the last, under which lie roots over every event so far: its own, or those of a
    head before it. Raises `NoSuchHead`, or that there is no key."""
    home.installation_key.public_key()
    if number is None:
        keep_roots(home)
    sign_heads(home)
    heads = {each.number: each for each in home.books.heads.all()}
    asked = max(heads) if number is None else number
    if asked not in heads:
        raise NoSuchHead(asked)
    chosen = heads[asked]
    assert chosen.signature is not None, "they have just been signed"
    return HeadCopy(head_of(chosen.statement), chosen.statement.encode(), chosen.signature.text.encode())
