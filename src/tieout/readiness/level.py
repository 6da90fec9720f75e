"""How far an installation is open: not under readiness (as if there were none), narrow, or wide.

Narrow: only the accounts of its list are billed, at the end of their periods and at no other time. Once one
of the two was set there is no way back to neither: an open item then refuses what would change amounts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tieout.contract.document import DocumentKind
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant

OF_AN_ACCOUNT: Final = frozenset(
    {
        DocumentKind.CUSTOMER,
        DocumentKind.SUBSCRIPTION,
        DocumentKind.SUBJECT,
        DocumentKind.BUDGET,
        DocumentKind.NOTICE_TARGET,
    }
)
"""Documents that say who an account is, what it has taken, and who is told. They change no terms of others,
and a sample account needs them: nothing refuses these."""


class Level(StrEnum):
    """The words of the command line."""

    NARROW = "narrow"
    WIDE = "wide"


@dataclass(frozen=True, slots=True)
class RecordedLevel:
    """A level as it was set, by whom and why; `seq` counts them from 1. `accounts`: who is billed while it is
    narrow, sorted; empty of a wide one."""

    seq: int
    level: Level
    accounts: tuple[CustomerId, ...]
    person: str
    reason: str
    recorded_at: Instant

    def bills(self, account: CustomerId) -> bool:
        return self.level is Level.WIDE or account in self.accounts

    @property
    def bills_inside(self) -> bool:
        """Whether anybody may be billed before the end of a period."""
        return self.level is Level.WIDE


def widens(before: RecordedLevel | None, level: Level, accounts: Collection[CustomerId]) -> bool:
    """Whether it opens more than stands now. Without a level everything is open, but wide is said only by
    those who have passed; one more account on the list of a narrow one is a step to wide."""
    if level is Level.WIDE:
        return before is None or before.level is Level.NARROW
    if before is None or before.level is Level.WIDE:
        return False
    return not set(accounts) <= set(before.accounts)


def level_text(level: RecordedLevel | None) -> str:
    """`narrow (acme, birch)`."""
    if level is None:
        return "not started"
    if level.level is Level.WIDE:
        return Level.WIDE.value
    return f"{level.level.value} ({', '.join(level.accounts)})"


def governed(kinds: Collection[DocumentKind]) -> frozenset[DocumentKind]:
    """Of the kinds of documents that are to be applied, those that an open item may refuse."""
    return frozenset(kinds) - OF_AN_ACCOUNT
