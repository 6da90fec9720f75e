"""What a price asks for some usage, without any events, and how; nothing is stored and nothing is billed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tieout.close.calendar import CALENDAR_FIRST
from tieout.contract.catalog import Catalog
from tieout.contract.meter import Meter
from tieout.contract.plan import Plan
from tieout.contract.price import Price
from tieout.contract.program import Program
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.candidate_catalog import candidate_catalog
from tieout.flows.home import Home
from tieout.flows.policy import NOT_SIGNED
from tieout.invoice.line import settlement_text
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import Anchor, period_at
from tieout.kernel.errors import NotFound, Refusal, shown
from tieout.kernel.ids import PlanKey, PriceKey
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.money import Money, currency
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rounding import settle
from tieout.rate.charge import Charge
from tieout.rate.conversion import converted
from tieout.rate.hypothetical import NOBODY, HypotheticalUsage, hypothetical_snapshot
from tieout.rate.rate import rate
from tieout.rate.terms import Terms
from tieout.rate.usage import ALL_USAGE, group_names

CALENDAR_MONTHS = Anchor(Cadence.MONTHLY, "UTC", CALENDAR_FIRST)


class NoSuchPrice(NotFound):
    """The catalog has no price of that key."""

    code = "no-such-price"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        meant = get_close_matches(name, known, n=3)
        hint = f"; did you mean {' or '.join(meant)}?" if meant else "."
        super().__init__(f"There is no price {shown(name)} in the catalog{hint}")


class NoSuchVersion(NotFound):
    """The price has no such version, or none that is in force."""

    code = "no-such-version"

    def __init__(self, price: str, versions: Sequence[Price], wanted: str) -> None:
        known = ", ".join(f"{each.version} (from {format_instant(each.effective_from)})" for each in versions)
        super().__init__(f"Price {price} has no version {wanted}; there are {known}.")


class OutsideThePeriod(Refusal):
    """The part to explain does not lie in its billing period."""

    code = "outside-the-period"

    def __init__(self, segment: Period, period: Period) -> None:
        super().__init__(f"{segment} does not lie in the billing period {period}; give --period.")


@dataclass(frozen=True, slots=True)
class Explained:
    """The charge with its working, and the money it settles to; `settlement` says how it was rounded."""

    price: Price
    meter: Meter | None
    program: Program | None
    usage: HypotheticalUsage
    charge: Charge
    amount: Money
    settlement: str | None
    standing: str = NOT_SIGNED


def explain(
    catalog: Catalog,
    name: str,
    usage: HypotheticalUsage,
    *,
    version: int | None,
    period: Period | None,
    segment: Period | None,
    now: Instant,
) -> Explained:
    """Rates the usage as if it were all of `segment` (None: of the whole billing period).

    `version` None is the one in force at the segment's start, or now; `period` None the calendar's month
    (UTC) that holds it. Raises `NoSuchPrice`, `NoSuchVersion`, `OutsideThePeriod`, `UsageDoesNotFit` and what
    rating raises.
    """
    at = segment.start if segment is not None else period.start if period is not None else now
    price = _price(catalog, name, version, at)
    whole = period or period_at(CALENDAR_MONTHS, at)
    part = segment or whole
    if part.start < whole.start or part.end > whole.end:
        raise OutsideThePeriod(part, whole)
    in_force = max(price.effective_from, at)
    meter = None if price.meter is None else catalog.meters.at(price.meter, in_force)
    snapshot = hypothetical_snapshot(price, meter, part, usage)
    charge = rate(
        snapshot,
        price,
        plan=_no_plan(price),
        subscription=NOBODY[0],
        period=whole,
        segment=part,
        group=ALL_USAGE if snapshot is None else group_names(snapshot, price)[0],
        program=catalog.program_with(price.key, in_force),
        terms=Terms(quantity=usage.quantity if snapshot is None else None, prior=_prior(usage, meter)),
    )
    amount = settle(charge.amount, currency(price.currency), price.rounding)
    settlement = settlement_text(charge.amount, amount, price.rounding)
    return Explained(price, meter, charge.program, usage, charge, amount, settlement)


def _prior(usage: HypotheticalUsage, meter: Meter | None) -> Quantity | None:
    """Usage of earlier parts in the unit that the price is for; it was metered like all other usage."""
    if usage.prior is None:
        return None
    return converted(usage.prior, None if meter is None else meter.conversion)


def catalog_to_explain(home: Home | None, folder: Path | None) -> Catalog:
    """The applied catalog, the folder's laid over it, or the folder's alone where no home is named.

    Raises `CatalogRefused`.
    """
    if folder is not None:
        return candidate_catalog(folder, () if home is None else home.books.documents.all())
    assert home is not None, "one of the two was named"
    return load_catalog(home)


def _price(catalog: Catalog, name: str, version: int | None, at: Instant) -> Price:
    versions = catalog.prices.versions(name)
    if not versions:
        raise NoSuchPrice(name, catalog.prices.keys)
    if version is not None:
        found = catalog.prices.version(name, version)
        wanted = str(version)
    else:
        found = catalog.prices.at(name, at)
        wanted = f"in force at {format_instant(at)}"
    if found is None:
        raise NoSuchVersion(name, versions, wanted)
    return found


def _no_plan(price: Price) -> Plan:
    """A charge names its plan; this one has none."""
    return Plan(PlanKey("none"), 1, Instant(0), "No plan", price.currency, (PriceKey(price.key),), None, "")
