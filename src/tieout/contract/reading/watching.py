"""What [[alert]] and [[charge_control]] share: customers | plans | everyone; watch, meter, percent_of, at,
currency, [growth] window, windows, least; rearm, rearm_below."""

from __future__ import annotations

from collections.abc import Iterable

from tieout.contract.reading.amounts import read_amount
from tieout.contract.reading.price import read_currency
from tieout.contract.reading.table import TableReader
from tieout.contract.watching import Figure, Growth, GrowthWindow, PercentOf, Rearm, Watch, Whom
from tieout.kernel.ids import CustomerId, MeterKey, PlanKey
from tieout.kernel.limits import GROWTH_WINDOWS_MAX, THRESHOLDS_MAX
from tieout.kernel.rational import Exact, MalformedExact, exact, exact_text

OF_MONEY = frozenset({Figure.EXPOSURE, Figure.PROJECTED})
OF_A_METER = frozenset({Figure.USAGE, Figure.GROWTH})
PERCENT_OF_BY_FIGURE = {
    Figure.USAGE: frozenset({PercentOf.ALLOWANCE}),
    Figure.EXPOSURE: frozenset({PercentOf.COMMITMENT, PercentOf.BUDGET}),
    Figure.PROJECTED: frozenset({PercentOf.COMMITMENT, PercentOf.BUDGET}),
    Figure.GROWTH: frozenset[PercentOf](),
    Figure.CONTRACT_END: frozenset[PercentOf](),
}


def read_whom(reader: TableReader) -> Whom:
    """At least one customer or plan, or everyone: a rule for nobody would look as if it watched."""
    whom = Whom(
        customers=tuple(CustomerId(key) for key in reader.texts("customers")),
        plans=tuple(PlanKey(key) for key in reader.texts("plans")),
        everyone=reader.boolean("everyone", default=False),
    )
    named = bool(whom.customers or whom.plans)
    if not named and not whom.everyone:
        reader.problem("", "is for nobody: give customers, plans or everyone = true")
    if named and whom.everyone:
        reader.problem("everyone", "means all customers: leave out customers and plans")
    return whom


def read_watch(reader: TableReader, figures: Iterable[Figure]) -> Watch:
    """`figures` are those the rule may watch."""
    figure = reader.choice("watch", tuple(figures))
    percent_of = reader.choice("percent_of", PercentOf) if reader.has("percent_of") else None
    if percent_of is not None and percent_of not in PERCENT_OF_BY_FIGURE[figure]:
        allowed = ", ".join(sorted(PERCENT_OF_BY_FIGURE[figure])) or "nothing"
        reader.problem("percent_of", f"{percent_of} is no measure of {figure}: {allowed}")
    at = _thresholds(reader)
    return Watch(
        figure=figure,
        meter=_meter(reader, figure),
        percent_of=percent_of,
        at=at,
        currency=_currency(reader, figure, percent_of),
        growth=_growth(reader, figure),
        rearm=reader.choice("rearm", Rearm, default=Rearm.PERIOD),
        rearm_below=_rearm_below(reader, figure, at),
    )


def _meter(reader: TableReader, figure: Figure) -> MeterKey | None:
    if figure in OF_A_METER:
        return MeterKey(reader.reference("meter"))
    if reader.has("meter"):
        reader.problem("meter", f"means nothing to {figure}")
    return None


def _currency(reader: TableReader, figure: Figure, percent_of: PercentOf | None) -> str | None:
    """Amounts name theirs; percentages are of what has one."""
    if figure in OF_MONEY and percent_of is None:
        unit = read_currency(reader)
        return "" if unit is None else unit.code
    if reader.has("currency"):
        reader.problem("currency", "means nothing without amounts")
    return None


def _growth(reader: TableReader, figure: Figure) -> Growth | None:
    inner = reader.table("growth")
    if inner is None:
        if figure is Figure.GROWTH:
            reader.problem("growth", 'say what is compared: { window = "day", windows = 7, least = "1000" }')
        return None
    if figure is not Figure.GROWTH:
        reader.problem("growth", f"means nothing to {figure}")
    found = Growth(
        window=inner.choice("window", GrowthWindow),
        windows=inner.integer("windows", minimum=1, maximum=GROWTH_WINDOWS_MAX),
        least=read_amount(inner, "least", default=Exact(1)),
    )
    if found.least == 0:
        inner.problem("least", "must be above zero: there is no growth from nothing")
    inner.finish()
    return found


def _thresholds(reader: TableReader) -> tuple[Exact, ...]:
    found: list[Exact] = []
    for place, text in enumerate(reader.texts("at", at_least=1)):
        name = f"at[{place}]"
        if not text.strip():  # said already
            continue
        try:
            amount = exact(text)
        except MalformedExact as error:
            reader.problem(name, str(error).removesuffix("."))
            continue
        if amount <= 0:
            reader.problem(name, "must be above zero")
        if found and amount <= found[-1]:
            reader.problem(name, f"is not above {exact_text(found[-1])}: thresholds rise")
        found.append(amount)
    if len(found) > THRESHOLDS_MAX:
        reader.problem("at", f"has {len(found)} thresholds; at most {THRESHOLDS_MAX} are allowed")
    return tuple(found)


def _rearm_below(reader: TableReader, figure: Figure, at: tuple[Exact, ...]) -> Exact | None:
    if not reader.has("rearm_below"):
        return None
    below = read_amount(reader, "rearm_below")
    if figure is Figure.CONTRACT_END:
        reader.problem("rearm_below", "means nothing to contract_end, whose days run down")
    if reader.choice("rearm", Rearm, default=Rearm.PERIOD) is Rearm.PERIOD:
        reader.problem("rearm_below", 'means nothing without rearm = "below"')
    if at and below > at[0]:
        reader.problem("rearm_below", f"is above the lowest threshold, {exact_text(at[0])}")
    return below
