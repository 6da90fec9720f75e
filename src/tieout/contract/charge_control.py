"""A limit of exposure: what is done when a figure crosses it. It can hold, ask a person, or ask the invoice
rules to look; it bills nothing (L16)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tieout.contract.watching import Watch, Whom
from tieout.kernel.ids import ChargeControlKey
from tieout.kernel.instant import Instant


class ControlAction(StrEnum):
    """`hold`: features are refused until it is released; events that still arrive are accepted and billed.
    `review`: a person is asked. `interim`: the invoice rules are asked to look at the account; what the
    signed policy does not allow stays unbilled."""

    HOLD = "hold"
    REVIEW = "review"
    INTERIM = "interim"


class HoldEnds(StrEnum):
    """By a named person alone; or also by the next period; or also as soon as the figure is below again."""

    PERSON = "person"
    PERIOD = "period"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class ChargeControl:
    """`features` are what a hold refuses; empty: all. `ends` only for holds."""

    key: ChargeControlKey
    version: int
    effective_from: Instant
    name: str
    whom: Whom
    watch: Watch
    action: ControlAction
    features: tuple[str, ...]
    ends: HoldEnds | None
    enabled: bool
    digest: str
