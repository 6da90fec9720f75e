"""How the price of another system reads as a document of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

from tests.vectors.account import Members
from tieout.kernel.rational import exact, exact_text

Facts = Mapping[str, Any]

ROUNDINGS = {
    "round": "half_away_from_zero",
    "half_up": "half_away_from_zero",
    "none": "half_away_from_zero",
    "ceil": "ceiling",
    "ceiling": "ceiling",
    "floor": "floor",
}
"""How peers call the rules by which a quantity is rounded."""


def price_members(price: Facts, discounts: Facts | None = None) -> Members:
    """Shape and modifiers. What a peer leaves out as null costs nothing."""
    off = discounts or {}
    percent = off.get("percentage")
    modifiers = {
        "allowance": above_zero(off.get("usage_quantity", price.get("free_units"))),
        "discount": None if percent is None else [{"name": "Discount", "percent": percent}],
        "minimum": price.get("minimum_spend"),
        "maximum": price.get("maximum_spend") or in_dollars(price.get("maximum_spend_cents")),
    }
    return {**SHAPES[price["type"]](price), **modifiers}


def meter_conversion(stated: Facts | None) -> Members | None:
    """Into the units that are priced. What is not rounded keeps twelve places."""
    if stated is None:
        return None
    assert stated["operation"] == "divide"
    rounding = stated["rounding"]
    return {
        "divide_by": stated["factor"],
        "unit": "converted",
        "places": 12 if rounding == "none" else 0,
        "rounding": ROUNDINGS[rounding],
    }


def above_zero(units: str | None) -> str | None:
    return None if units in (None, "0") else units


def in_dollars(cents: str | None) -> str | None:
    return None if cents is None else exact_text(exact(cents) / 100)


def _unit(price: Facts) -> Members:
    if "unit_cents" in price:
        return {"shape": "per_unit", "unit_amount": price["unit_cents"], "per": "100"}
    return {"shape": "per_unit", "unit_amount": price["unit"]}


def _tiered(price: Facts) -> Members:
    """A seat at 1000 cents is 1000 dollars per 100."""
    per = "100" if price.get("unit") == "cents" else None
    tiers = [
        {
            "up_to": tier["up_to"],
            "unit_amount": tier["unit"] or "0",
            "flat_amount": tier["flat"] or "0",
        }
        for tier in price.get("tiers") or _by_first_unit(price["tiers_by_first_unit"])
    ]
    return {"shape": price["type"].removeprefix("prorated_"), "tiers": tiers, "per": per}


def _by_first_unit(tiers: list[Facts]) -> list[Facts]:
    """Tiers known by where they start, as tiers known by where they end."""
    ends = [tier["first_unit"] for tier in tiers[1:]]
    return [
        {"up_to": end, "unit": tier["unit"], "flat": None}
        for tier, end in zip(tiers, [*ends, None], strict=True)
    ]


def _package(price: Facts) -> Members:
    return {
        "shape": "package",
        "amount": price["package_amount"],
        "size": price["package_size"],
        "last": price.get("round"),
    }


def _percentage(price: Facts) -> Members:
    assert "free_events" not in price and "free_amount" not in price
    return {
        "shape": "percentage",
        "percent": price["rate_percent"],
        "fixed": price.get("fixed_per_event"),
        "event_minimum": price.get("per_event_min"),
        "event_maximum": price.get("per_event_max"),
    }


def _graduated_percentage(price: Facts) -> Members:
    tiers = [
        {"up_to": tier["up_to"], "percent": tier["rate_percent"], "flat_amount": tier["flat"]}
        for tier in price["tiers"]
    ]
    return {"shape": "graduated_percentage", "tiers": tiers}


def _dynamic(price: Facts) -> Members:
    """Metered money as it stands; with a multiplier, a percentage of it."""
    multiplier = price.get("multiplier", "1")
    if multiplier == "1":
        return {"shape": "dynamic", "amount_field": "amount"}
    return {"shape": "percentage", "percent": exact_text(exact(multiplier) * 100)}


def _flat(price: Facts) -> Members:
    return {"shape": "flat", "meter": None, "amount": price["amount"]}


def _blocks(price: Facts) -> Members:
    """Limits count blocks of their own tier; here they are units of all of them. The last one is open."""
    tiers = price["tiers"]
    if len(tiers) == 1:
        (tier,) = tiers
        return {"shape": "package", "amount": tier["block_price"], "size": tier["block_size"]}
    widths = [exact(tier["block_size"]) * exact(tier["max_blocks"]) for tier in tiers[:-1]]
    bounds = [*map(exact_text, accumulate(widths)), None]
    rows = [
        {
            "up_to": bound,
            "unit_amount": exact_text(exact(tier["block_price"]) / exact(tier["block_size"])),
        }
        for tier, bound in zip(tiers, bounds, strict=True)
    ]
    return {"shape": "volume" if price["policy"] == "TOP_TIER" else "graduated", "tiers": rows}


def _time_rate(price: Facts) -> Members:
    """A rate per so many seconds; a connection fee is the flat amount of the only tier."""
    per = price["rate_unit_seconds"]
    if price.get("connect_fee", "0") == "0":
        return {"shape": "per_unit", "unit_amount": price["rate"], "per": per}
    tier = {"unit_amount": price["rate"], "flat_amount": price["connect_fee"]}
    return {"shape": "graduated", "tiers": [tier], "per": per}


SHAPES: Mapping[str, Callable[[Facts], Members]] = {
    "unit": _unit,
    "graduated": _tiered,
    "volume": _tiered,
    "prorated_graduated": _tiered,
    "package": _package,
    "percentage": _percentage,
    "graduated_percentage": _graduated_percentage,
    "dynamic": _dynamic,
    "flat": _flat,
    "blocks": _blocks,
    "time_rate": _time_rate,
}
