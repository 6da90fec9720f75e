"""Receive what a server's clients send: groups of whole requests, judged by the contracts of the moment."""

from __future__ import annotations

from collections.abc import Sequence

from tieout.contract.event_contract import ContractBook
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant
from tieout.ports import Answer, PreparedGroup, ReceivedRequest

CATALOG_MICROSECONDS_MAX = SECOND_MICROSECONDS // 2
"""A catalog that was applied elsewhere is seen so much later at most."""


class Reception:
    """The receiving side of a home. `prepare` and `commit` may run in two threads, each in one at a time."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._receiver = home.log.receiver()
        self._contracts: ContractBook | None = None
        self._read_at = Instant(0)

    def prepare(self, requests: Sequence[ReceivedRequest]) -> PreparedGroup:
        """Everything that needs no lock."""
        return self._receiver.prepare(requests, self._current_contracts())

    def commit(self, group: PreparedGroup) -> list[Answer]:
        """Durable when it returns; an answer for each request of the group. Raises `Unavailable`."""
        return self._receiver.commit(group)

    def _current_contracts(self) -> ContractBook:
        now = self._home.clock.now()
        if self._contracts is None or abs(now - self._read_at) > CATALOG_MICROSECONDS_MAX:
            self._contracts = load_catalog(self._home).contracts
            self._read_at = now
        return self._contracts
