"""How numbers read in a working: grouped by thousands, all of the currency's digits, in any locale."""

from __future__ import annotations

from collections.abc import Iterable

from tieout.kernel.errors import SHOWN_LENGTH_MAX, shown
from tieout.kernel.instant import format_instant
from tieout.kernel.money import Money, currency
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact, exact_text
from tieout.kernel.rounding import Rounding, quantize

DAY_SECONDS = 86_400
ABOUT_PLACES = 6
ROUNDING_WORDS = {
    Rounding.HALF_AWAY_FROM_ZERO: "half away from zero",
    Rounding.HALF_EVEN: "half to even",
    Rounding.UP: "away from zero",
    Rounding.DOWN: "towards zero",
    Rounding.CEILING: "up",
    Rounding.FLOOR: "down",
}


def amount_text(amount: Exact, code: str) -> str:
    """`5.00 USD`, `0.0005 USD`; a fraction that does not end says so: `100/3 USD (about 33.333333)`."""
    text = exact_text(amount)
    if "/" in text:
        return f"{text} {code} (about {quantize(amount, ABOUT_PLACES, Rounding.HALF_EVEN)})"
    return f"{padded(text, currency(code).exponent)} {code}"


def money_text(money: Money) -> str:
    """`1,234.50 USD`."""
    return f"{grouped(money.decimal_text)} {money.currency.code}"


def padded(text: str, places: int) -> str:
    """A plain decimal, grouped, with at least `places` digits after the point."""
    whole, _, fraction = text.partition(".")
    fraction = fraction.ljust(places, "0")
    return f"{grouped(whole)}.{fraction}" if fraction else grouped(whole)


def grouped(text: str) -> str:
    """Thousands commas in the integer part of a plain decimal."""
    sign = "-" if text.startswith("-") else ""
    whole, point, fraction = text.removeprefix("-").partition(".")
    return f"{sign}{int(whole):,}{point}{fraction}"


def usage_text(quantity: Quantity, unit: str) -> str:
    """`10,000,000 tokens`."""
    return f"{grouped(str(quantity))} {unit}"


def percent_text(percent: Exact) -> str:
    """`2.9 %`."""
    return f"{grouped(exact_text(percent))} %"


def rounding_text(rounding: Rounding) -> str:
    """`half away from zero`; UP is `away from zero`, since a credit goes down by it."""
    return ROUNDING_WORDS[rounding]


def events_text(count: int) -> str:
    """`1 event`, `3,000 events`."""
    return f"{count:,} event{'' if count == 1 else 's'}"


def values_text(values: Iterable[tuple[str, str | None]]) -> str:
    """`model large, region eu`; a field that events lack: `no region`.

    What an event says is a stranger's text: it stands as it is only where it is short and plain.
    """
    return ", ".join(f"no {name}" if value is None else f"{name} {_plain(value)}" for name, value in values)


def _plain(value: str) -> str:
    return value if value.strip() and value.isprintable() and len(value) <= SHOWN_LENGTH_MAX else shown(value)


def rate_text(unit_amount: Exact, per: Exact, code: str) -> str:
    """`0.50 USD per 1,000,000`, or `0.02 USD each`."""
    amount = amount_text(unit_amount, code)
    return f"{amount} each" if per == 1 else f"{amount} per {grouped(exact_text(per))}"


def share_text(*, part_seconds: int, whole_seconds: int) -> str:
    """`14 of 31 days (1,209,600 of 2,678,400 seconds)`; seconds alone where days are uneven."""
    seconds = f"{part_seconds:,} of {whole_seconds:,} seconds"
    if part_seconds % DAY_SECONDS or whole_seconds % DAY_SECONDS:
        return seconds
    return f"{part_seconds // DAY_SECONDS:,} of {whole_seconds // DAY_SECONDS:,} days ({seconds})"


def stretch_text(period: Period) -> str:
    """`2026-01-01T00:00:00Z until 2026-01-15T00:00:00Z`."""
    return f"{format_instant(period.start)} until {format_instant(period.end)}"
