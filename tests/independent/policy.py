"""The signed policies: which one governs a period, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.independent.documents import Catalog, Document, phase_span, since
from tests.independent.instants import local_date

CALENDAR = date(2024, 1, 1)
"""A Monday, and the first of a year."""


@dataclass(frozen=True)
class Signed:
    """In force from the later of its own instant and the last signature."""

    document: Document
    since: int


def governing(policies: list[Signed], when: int) -> Signed | None:
    """The one that came into force last."""
    holding = [(each.since, place) for place, each in enumerate(policies) if each.since <= when]
    return policies[max(holding)[1]] if holding else None


def calendar_at(
    catalog: Catalog, policies: list[Signed], customer: str, subscription: Document, when: int
) -> dict[str, Any]:
    """Anchor, cadence and zone of the period that starts at an instant."""
    versions = catalog.versions("customer", customer)
    profile = max((each for each in versions if since(each) <= when), key=since, default=versions[0])
    policy = governing(policies, when)
    said: Document = {} if policy is None else policy.document
    return {
        "anchor": _anchor(profile, subscription, said),
        "cadence": cadence_of(catalog, subscription, when) or said.get("cadence", "monthly"),
        "zone": profile["zone"],
    }


def _anchor(profile: Document, subscription: Document, policy: Document) -> date:
    if "anchor" in profile:
        anchor = profile["anchor"]
        assert isinstance(anchor, date)
        return anchor
    if policy.get("anchor", "calendar") == "anniversary":
        return local_date(phase_span(subscription["phase"][0])[0], profile["zone"])
    return CALENDAR.replace(day=policy.get("anchor_day", 1))


def cadence_of(catalog: Catalog, subscription: Document, when: int) -> str | None:
    """That of the plan at an instant, or of the next one where there is none; None: the policy's."""
    for phase in subscription["phase"]:
        start, end = phase_span(phase)
        if when < end:
            at = max(when, start)
            if "plan_version" in phase:
                plan = catalog.kinds["plan"][phase["plan"]][phase["plan_version"]]
            else:
                plan = catalog.at("plan", phase["plan"], at)
            return plan.get("cadence")
    return None
