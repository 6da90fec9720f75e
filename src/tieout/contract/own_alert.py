"""A warning that a customer has set for itself: it tells targets of that customer, and nothing else (L16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tieout.contract.notice_target import Severity
from tieout.contract.watching import Figure, Watch
from tieout.kernel.ids import AlertKey, CustomerId
from tieout.kernel.instant import Instant

OWN_FIGURES: Final = (Figure.USAGE, Figure.EXPOSURE, Figure.PROJECTED)
"""What a customer may watch of itself."""
OWN_ALERTS_MAX: Final = 20
"""Of one customer at a time."""


@dataclass(frozen=True, slots=True)
class OwnAlert:
    """`targets` are keys of the customer's own targets; empty: all of them."""

    customer: CustomerId
    key: AlertKey
    version: int
    effective_from: Instant
    name: str
    watch: Watch
    severity: Severity
    targets: tuple[str, ...]
