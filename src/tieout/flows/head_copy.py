"""Copies of heads for somebody else to keep."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.evidence.head import Head, head_of
from tieout.flows.home import Home
from tieout.flows.keep_head import sign_heads
from tieout.flows.keep_roots import keep_roots
from tieout.kernel.errors import NotFound


class NoSuchHead(NotFound):
    """No head has that number, or none was kept yet."""

    code = "no-such-head"

    def __init__(self, number: int | None) -> None:
        super().__init__(
            "No head is kept yet: the first seal states one."
            if number is None
            else f"There is no head {number}; `tieout evidence heads` lists them."
        )


@dataclass(frozen=True, slots=True)
class HeadCopy:
    """Two small files for somebody else to keep: the statement, and its signature for minisign."""

    head: Head
    statement: bytes
    signature: bytes


def head_copy(home: Home, number: int | None) -> HeadCopy:
    """That of a number; or the last, which has roots over every event so far. Raises `NoSuchHead`, or that
    there is no key."""
    home.installation_key.public_key()
    if number is None:
        keep_roots(home)
    sign_heads(home)
    heads = home.books.heads.all()
    chosen = heads[-1:] if number is None else [each for each in heads if each.number == number]
    for each in chosen:
        assert each.signature is not None, "they have just been signed"
        return HeadCopy(head_of(each.statement), each.statement.encode(), each.signature.text.encode())
    raise NoSuchHead(number)
