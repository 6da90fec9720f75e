"""Hypothesis strategies over every price shape and modifier, and over the usage that they rate."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Literal

from hypothesis import strategies as st

from tests.records import price
from tests.usage import Used
from tieout.contract.modifiers import Allowance, Discount, Modifiers
from tieout.contract.price import (
    Cell,
    Dynamic,
    Graduated,
    GraduatedPercentage,
    Matrix,
    Package,
    Percentage,
    PercentTier,
    PerUnit,
    PlainShape,
    Price,
    Tier,
    Volume,
)
from tieout.kernel.quantity import Quantity
from tieout.kernel.rounding import Rounding

REGIONS = ("eu", "us")
MODELS = ("large", "small")

amounts = st.one_of(st.just(Fraction(0)), st.integers(0, 10**7).map(lambda number: Fraction(number, 10**5)))
percents = st.integers(0, 10**4).map(lambda number: Fraction(number, 100))
pers = st.sampled_from([Fraction(1), Fraction(3), Fraction(1_000_000)])
amounts_in: st.SearchStrategy[Literal["major", "minor"]] = st.sampled_from(["major", "minor"])
currencies = st.sampled_from(["JPY", "USD", "KWD"])
roundings = st.sampled_from(Rounding)
values = st.one_of(
    st.sampled_from([0, 1, -1, 10**12, -(10**12)]),
    st.integers(-(10**15), 10**16),
    st.integers(-20, 200).map(lambda units: units * 10**12),
).map(Quantity.from_atoms)
not_negative = st.one_of(
    st.sampled_from([0, 1, 10**12]), st.integers(0, 10**16), st.integers(0, 200).map(lambda u: u * 10**12)
).map(Quantity.from_atoms)


@st.composite
def bounds(draw: st.DrawFn) -> list[Quantity | None]:
    unit = draw(st.sampled_from([1, 10**12]))
    found = sorted(draw(st.sets(st.integers(1, 150), max_size=4)))
    return [*(Quantity.from_atoms(bound * unit) for bound in found), None]


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    return tuple(Tier(bound, draw(amounts), draw(amounts)) for bound in draw(bounds()))


@st.composite
def percent_tiers(draw: st.DrawFn) -> tuple[PercentTier, ...]:
    return tuple(PercentTier(bound, draw(percents), draw(amounts)) for bound in draw(bounds()))


@st.composite
def percentages(draw: st.DrawFn) -> Percentage:
    least, most = draw(st.none() | amounts), draw(st.none() | amounts)
    if least is not None and most is not None and least > most:
        least, most = most, least
    return Percentage(draw(percents), draw(amounts), least, most, draw(amounts_in))


graduated = st.builds(Graduated, tiers(), pers)
volumes = st.builds(Volume, tiers(), pers)
packages = st.builds(
    Package,
    amounts,
    st.sampled_from(["1", "7", "1000", "0.000000000003"]).map(Quantity.parse),
    st.sampled_from([Rounding.UP, Rounding.DOWN]),
)
per_units = st.builds(PerUnit, amounts, pers)
graduated_percentages = st.builds(GraduatedPercentage, percent_tiers(), amounts_in)
dynamics = st.builds(Dynamic, st.just("cost"), amounts_in)
plain: st.SearchStrategy[PlainShape] = st.one_of(
    per_units, graduated, volumes, packages, graduated_percentages, percentages(), dynamics
)


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    whens = draw(
        st.lists(
            st.sampled_from(
                [
                    (("model", "large"), ("region", "eu")),
                    (("region", "eu"),),
                    (("model", "small"),),
                    (("region", "us"),),
                ]
            ),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    return Matrix(("model", "region"), tuple(Cell(when, draw(plain)) for when in whens), draw(plain))


@st.composite
def prices(draw: st.DrawFn, *, group_by: bool = False) -> Price:
    """Any metered price without modifiers; rounding per event where each event is rated."""
    shape = draw(st.one_of(plain, matrices()))
    per_event = draw(st.booleans())
    return replace(
        price(shape, currency=draw(currencies)),
        per_event=per_event,
        round_at=draw(st.sampled_from(["line", "event"])) if per_event else "line",
        rounding=draw(roundings),
        group_by=draw(st.sampled_from([(), ("region",), ("model", "region")])) if group_by else (),
    )


@st.composite
def events(draw: st.DrawFn, of: st.SearchStrategy[Quantity] = values, max_size: int = 8) -> list[Used]:
    found = []
    for _ in range(draw(st.integers(0, max_size))):
        texts = {}
        for name, known in (("region", REGIONS), ("model", MODELS)):
            text = draw(st.sampled_from([None, *known]))
            if text is not None:
                texts[name] = text
        found.append(Used(draw(of), texts, draw(values)))
    return found


discounts = st.lists(
    st.one_of(
        percents.map(lambda percent: Discount("share", min(percent, Fraction(100)), None, None)),
        amounts.map(lambda amount: Discount("sum", None, amount, None)),
    ),
    max_size=3,
).map(tuple)


@st.composite
def modifiers(draw: st.DrawFn) -> Modifiers:
    least, most = draw(st.none() | amounts), draw(st.none() | amounts)
    if least is not None and most is not None and least > most:
        least, most = most, least
    free = draw(st.none() | st.integers(1, 10**14).map(Quantity.from_atoms))
    allowance = None if free is None else Allowance(free)
    return Modifiers(allowance, draw(discounts), least, most, draw(st.booleans()))
