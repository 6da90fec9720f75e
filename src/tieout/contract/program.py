"""A fee table kept apart from other fee tables, with the page to hold it to, and its day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tieout.kernel.cadence import Cadence
from tieout.kernel.ids import PriceKey, ProgramKey
from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True)
class Program:
    """`prices` are its own: no other program has them, and no plan lists one of them beside it.

    `source` is the page of the `provider` to hold the fees to, `as_of` the day for which they are stated;
    `charged_to` says whom and when they are charged, in words. `cadence` is the only one at which they may be
    billed (None: any).
    """

    key: ProgramKey
    version: int
    effective_from: Instant
    name: str
    provider: str
    source: str
    as_of: date
    charged_to: str
    currency: str
    prices: tuple[PriceKey, ...]
    cadence: Cadence | None
    digest: str

    @property
    def reference(self) -> str:
        """`stripe-connect v1`: which version, as charges are stored with it."""
        return f"{self.key} v{self.version}"
