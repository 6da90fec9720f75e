"""Why a period that still runs was billed: the rule of the signed policy, and the facts that met it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tieout.kernel.canonical import JsonValue
from tieout.kernel.instant import Instant, format_instant, parse_instant


class Condition(StrEnum):
    """A condition of [policy.off_cycle], by its member."""

    EXPOSURE = "exposure_over"
    COMMITMENT = "commitment_used_percent"
    CONTRACT_END = "contract_end"


@dataclass(frozen=True, slots=True)
class OffCycleFact:
    """A condition that held: `found` was compared with `threshold`, as they are printed. `of` is what was
    looked at: a currency, the account of a commitment, a subscription. `since` is where what was looked at
    begins (the period, the commitment's term) or, of a contract, when it ended: with it, each crossing of a
    threshold is a crossing of its own."""

    condition: Condition
    of: str
    found: str
    threshold: str
    since: Instant
    text: str

    @property
    def crossing(self) -> tuple[Condition, str, str, Instant]:
        """What is billed once: the rule, what it looks at, and the term."""
        return self.condition, self.of, self.threshold, self.since


@dataclass(frozen=True, slots=True)
class OffCycleReason:
    """Evaluated as of `as_of`; at least one fact."""

    as_of: Instant
    facts: tuple[OffCycleFact, ...]


def off_cycle_json(reason: OffCycleReason) -> JsonValue:
    """As a document prints it."""
    return {
        "as_of": format_instant(reason.as_of),
        "conditions": [
            {
                "condition": fact.condition.value,
                "of": fact.of,
                "found": fact.found,
                "threshold": fact.threshold,
                "since": format_instant(fact.since),
                "text": fact.text,
            }
            for fact in reason.facts
        ],
    }


def parse_off_cycle(document: bytes) -> OffCycleReason | None:
    """Of a sealed document; None where it was billed by the calendar. Raises `ValueError`, `KeyError` or
    `TypeError` where the document is not ours."""
    if b'"off_cycle"' not in document:  # so it is of nearly all: canonical JSON writes a key in one way
        return None
    said: dict[str, Any] | None = json.loads(document).get("off_cycle")
    if said is None:
        return None
    return OffCycleReason(
        parse_instant(said["as_of"]),
        tuple(
            OffCycleFact(
                Condition(each["condition"]),
                str(each["of"]),
                str(each["found"]),
                str(each["threshold"]),
                parse_instant(each["since"]),
                str(each["text"]),
            )
            for each in said["conditions"]
        ),
    )
