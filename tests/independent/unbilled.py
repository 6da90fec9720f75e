"""Usage on no invoice: of nobody, or of a customer who pays no price for it. A policy may hold on it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.independent.documents import phase_span
from tests.independent.instants import Span
from tests.independent.log import Event
from tests.independent.parts import parts_of
from tests.independent.usage import counts
from tests.independent.world import Account, World

TIE = "accepted events = billed or told why not"


def holds(world: World, account: Account) -> bool:
    """Usage of nobody may be anybody's; what has no price is its customer's."""
    found = _unbilled(world, account.period)
    return any(
        kind in account.policy.document.get("hold_on", ()) and owner in (None, account.customer)
        for kind, owner in found
    )


def breaks(world: World, accounts: list[Account]) -> list[dict[str, Any]]:
    """What holds an account of those that a close found due, and then all of it, which is noted."""
    rows = []
    for period in sorted({account.period for account in accounts}):
        asked = {
            kind
            for account in accounts
            if account.period == period
            for kind in account.policy.document.get("hold_on", ())
        }
        due = {None, *(account.customer for account in accounts if account.period == period)}
        found = sorted(_unbilled(world, period).items(), key=lambda row: (row[0][1] or "", row[0]))
        rows += [
            _row(kind, len(events), "account" if owner else "cycle")
            for (kind, owner), events in found
            if kind in asked and owner in due
        ]
        noted: Counter[str] = Counter()
        for (kind, _), events in found:
            noted[kind] += len(events)
        rows += [_row(kind, count, "noted") for kind, count in noted.items()]
    return rows


def _row(kind: str, count: int, reach: str) -> dict[str, Any]:
    size = f"{count} event" + ("" if count == 1 else "s")
    return {"tie": TIE, "class": kind, "size": size, "holds": reach}


def _unbilled(world: World, period: Span) -> dict[tuple[str, str | None], list[Event]]:
    """By class, and whose it is: None where no customer had a subscription for it."""
    found: dict[tuple[str, str | None], list[Event]] = {}
    for event in world.log.counted(world.log.places):
        if not period[0] <= event.time < period[1]:
            continue
        owner = world.catalog.owner(event.subject, event.time)
        for key in _meters(world, event):
            if owner is None:
                found.setdefault(("unmatched", None), []).append(event)
            elif not _priced(world, owner, key, event):
                whose = owner if _subscribed(world, owner, event) else None
                found.setdefault(("unpriced", whose), []).append(event)
    return found


def _meters(world: World, event: Event) -> list[str]:
    return [
        key
        for key in world.catalog.keys("meter")
        if min(world.catalog.changes("meter", key)) <= event.time
        and counts(world.catalog.at("meter", key, event.time), event)
    ]


def _subscribed(world: World, customer: str, event: Event) -> bool:
    return any(
        phase_span(phase)[0] <= event.time < phase_span(phase)[1]
        for subscription in world.catalog.subscriptions_of(customer)
        for phase in subscription["phase"]
    )


def _priced(world: World, customer: str, meter: str, event: Event) -> bool:
    instant = (event.time, event.time + 1)
    return any(
        part.meter is not None and part.meter["key"] == meter
        for subscription in world.catalog.subscriptions_of(customer)
        for part in parts_of(world.catalog, subscription, instant, instant)
    )
