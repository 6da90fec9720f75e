"""Whether what became of a source's items shifted in an hour from its hours before: an open alert holds."""

from __future__ import annotations

from typing import Any

from tests.independent.instants import HOUR, Span
from tests.independent.world import World

TIE = "no open pipeline alert"
RATES = (("acceptance", "missing", 0), ("duplicates", "duplicate", 1))
"""Kind, class of its break, and which count it is a rate of."""
LEAST, BEFORE, BACK, SIGMAS = 100, 24, 35 * 24 * HOUR, 5


def holds(world: World, period: Span) -> bool:
    """What arrived by then may be of any period that had started."""
    return any(period[0] < alert["hour"] + HOUR for alert in open_alerts(world))


def breaks(world: World) -> list[dict[str, Any]]:
    return [alert["row"] for alert in open_alerts(world)]


def open_alerts(world: World) -> list[dict[str, Any]]:
    found = []
    for source, hour in sorted(world.log.arrived):
        earlier = sorted(
            when for who, when in world.log.arrived if who == source and hour - BACK <= when < hour
        )
        n = sum(world.log.arrived[source, hour])
        m = sum(sum(world.log.arrived[source, when]) for when in earlier[-BEFORE:])
        for kind, word, which in RATES:
            a = world.log.arrived[source, hour][which]
            b = sum(world.log.arrived[source, when][which] for when in earlier[-BEFORE:])
            if (kind, source, hour) not in world.closed_alerts and _shifted(a, n, b, m):
                size, said = f"{n} items in the hour", f"{kind} {a} of {n}, before {b} of {m}"
                row = {"tie": TIE, "class": word, "size": size, "holds": "cycle", "found": said}
                found.append({"kind": kind, "source": source, "hour": hour, "row": row})
    return found


def _shifted(a: int, n: int, b: int, m: int) -> bool:
    """By a tenth or more, and by five standard deviations or more of two pooled shares."""
    if min(n, m) < LEAST or 10 * abs(a * m - b * n) < n * m:
        return False
    pooled = (a + b) * (n + m - a - b)
    return (a * m - b * n) ** 2 * (n + m) >= SIGMAS**2 * n * m * pooled


def close_alerts(world: World, kinds: list[str]) -> None:
    alerts = open_alerts(world)
    assert sorted(alert["kind"] for alert in alerts) == kinds, alerts
    world.closed_alerts |= {(alert["kind"], alert["source"], alert["hour"]) for alert in alerts}
