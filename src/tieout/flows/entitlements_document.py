"""Entitlements as JSON: decimals as strings, instants in RFC 3339, null for what an answer has not."""

from __future__ import annotations

from typing import Any

from tieout.flows.entitlements import Entitlements
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.ports.triggers import Hold
from tieout.trigger.entitlement import AllowanceLeft, Entitlement

Members = dict[str, Any]


def entitlements_document(found: Entitlements) -> Members:
    """Why somebody is held, and by whom, is not told here: a customer reads this too."""
    return {
        "customer": found.customer,
        "at": format_instant(found.at),
        "watermark": found.watermark,
        "as_of": _instant(found.as_of),
        "subscriptions": list(found.subscriptions),
        "holds": [_hold(each) for each in found.holds],
        "entitlements": [_entitlement(each) for each in found.features],
    }


def _entitlement(found: Entitlement) -> Members:
    metering = found.metering
    return {
        "feature": found.feature,
        "allowed": found.allowed,
        "reason": found.reason.value,
        "subscriptions": list(found.subscriptions),
        "meter": None if metering is None else metering.meter,
        "unit": None if metering is None else metering.unit,
        "period": None if metering is None else _period(metering.period),
        "limit": _quantity(found.limit),
        "kind": None if found.kind is None else found.kind.value,
        "used": None if metering is None else _quantity(metering.used),
        "remaining": _quantity(found.remaining),
        "allowances": [] if metering is None else [_allowance(each) for each in metering.allowances],
        "holds": list(found.holds),
        "until": _instant(found.until),
    }


def _allowance(found: AllowanceLeft) -> Members:
    return {
        "price": found.price,
        "period": _period(found.part),
        "included": str(found.included),
        "used": _quantity(found.used),
        "remaining": _quantity(found.remaining),
        "unit": found.unit,
    }


def _hold(held: Hold) -> Members:
    return {
        "id": held.id,
        "features": list(held.features),
        "since": format_instant(held.placed_at),
        "until": _instant(held.until),
    }


def _quantity(found: Quantity | None) -> str | None:
    return None if found is None else str(found)


def _instant(found: Instant | None) -> str | None:
    return None if found is None else format_instant(found)


def _period(period: Period) -> Members:
    return {"start": format_instant(period.start), "end": format_instant(period.end)}
