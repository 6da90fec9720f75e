"""What a subscription's phase says about one price for one segment; it is printed, stored and traced with the
charge, since the price alone does not give the amount again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tieout.contract.subscription import Waiver
from tieout.kernel.canonical import JsonValue, canonical_json
from tieout.kernel.ids import PlanKey, PriceKey
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.kernel.quantity import Quantity


@dataclass(frozen=True, slots=True)
class Kept:
    """The price version of `as_of` is kept until `until`, when plan `successor` follows."""

    as_of: Instant
    until: Instant
    successor: PlanKey


@dataclass(frozen=True, slots=True)
class Terms:
    """`quantity` is how often a flat price is due, `in_place_of` the plan's price where another was
    negotiated. `prior` is the usage of earlier parts of the billing period that a price with tier_split
    "continue" goes on from; None where there is no such part. `interim`: the period still runs, so a minimum
    waits for its end."""

    quantity: Quantity | None = None
    in_place_of: PriceKey | None = None
    waived: Waiver | None = None
    kept: Kept | None = None
    prior: Quantity | None = None
    interim: bool = False


LIST_TERMS = Terms()
"""The price as the plan lists it."""


def terms_json(terms: Terms) -> dict[str, JsonValue]:
    """The members that say something; empty for `LIST_TERMS`."""
    said: dict[str, JsonValue] = {
        "quantity": None if terms.quantity is None else str(terms.quantity),
        "in_place_of": terms.in_place_of,
        "waived": terms.waived,
        "prices_as_of": None if terms.kept is None else format_instant(terms.kept.as_of),
        "prices_kept_until": None if terms.kept is None else format_instant(terms.kept.until),
        "successor": None if terms.kept is None else terms.kept.successor,
        "prior_quantity": None if terms.prior is None else str(terms.prior),
        "interim": True if terms.interim else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def terms_text(terms: Terms) -> str | None:
    """As it is stored: canonical JSON, or None for `LIST_TERMS`."""
    said = terms_json(terms)
    return canonical_json(said) if said else None


def parse_terms(text: str | None) -> Terms:
    """Back from the stored text. Raises `ValueError` or a refusal where it is not one of ours."""
    said = {} if text is None else json.loads(text)
    interim = said.pop("interim", False) if isinstance(said, dict) else False
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise ValueError(f"not the terms of a charge: {text}")
    terms = replace(_terms(said), interim=interim is True)
    if terms_text(terms) != text:
        raise ValueError(f"not the terms of a charge: {text}")
    return terms


def _terms(said: Mapping[str, str]) -> Terms:
    quantity, prior, waived = said.get("quantity"), said.get("prior_quantity"), said.get("waived")
    listed = said.get("in_place_of")
    kept = None
    if "prices_as_of" in said:
        kept = Kept(
            parse_instant(said["prices_as_of"]),
            parse_instant(said.get("prices_kept_until", "")),
            PlanKey(said.get("successor", "")),
        )
    return Terms(
        quantity=None if quantity is None else Quantity.parse(quantity),
        in_place_of=None if listed is None else PriceKey(listed),
        waived="trial" if waived == "trial" else "paused" if waived == "paused" else None,
        kept=kept,
        prior=None if prior is None else Quantity.parse(prior),
    )
