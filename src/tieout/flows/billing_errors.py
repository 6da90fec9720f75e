"""Billing errors that were credited and that nothing has repaired: the usage and the prices of the period
still say what was billed, so whatever corrects the period next asks for the credited amount again (0041)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tieout.contract.catalog import Catalog
from tieout.correction.settled import SettledLine, by_scope
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.corrected_fees import right_price
from tieout.flows.find_corrections import FoundCorrections, Sought, find_corrections
from tieout.flows.home import Home
from tieout.flows.policy import policies
from tieout.flows.sealed_periods import SealedPeriod, sealed_periods
from tieout.invoice.earlier import Scope, scope_of
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.money import Money, currency, zero
from tieout.kernel.period import Period
from tieout.kernel.rounding import settle

MEND = (
    "mend the cause (retract or amend the events, or correct the price), then preview: the correction takes "
    "the credit up; if the bill was right, the next correction of this period asks for it again"
)
MEND_FEE = (
    "correct the price of the fee (`tieout correction preview FILE`): the correction takes the credit up; as "
    "long as its price stands, nothing asks for it again"
)
NOT_WORKED_OUT = "the period cannot be worked out now: `tieout correction preview` says why"

Key = tuple[CustomerId, Period, Scope]


@dataclass(frozen=True, slots=True)
class StandingError:
    """`credited` on `notes`, for `line` of `invoice`. `asked_again`: what a correction of the period would
    ask for again as known now; None for a fee in advance, and where that cannot be worked out."""

    customer: CustomerId
    period: Period
    invoice: str
    line: LineId
    description: str
    credited: Money
    notes: tuple[str, ...]
    asked_again: Money | None
    next_action: str


def standing_errors(home: Home, customers: Sequence[CustomerId] | None = None) -> tuple[StandingError, ...]:
    """By customer and period. Looks only at customers with such credits, and writes nothing."""
    chosen = home.books.corrections.misbilled()
    if customers is not None:
        chosen = tuple(each for each in chosen if each in customers)
    if not chosen:
        return ()
    catalog, signed = load_catalog(home), policies(home)
    periods = sealed_periods(home, catalog, signed, chosen)
    usage = {
        (customer, sealed.period, scope): (sealed, lines)
        for customer in chosen
        for sealed in periods.get(customer, ())
        for scope, lines in by_scope(sealed.settled).items()
        if lines[-1].is_credit
    }
    wanted: dict[CustomerId, frozenset[Period]] = {}
    for customer, period, _ in usage:
        wanted[customer] = wanted.get(customer, frozenset()) | {period}
    again: Mapping[Key, Money] = {}
    stopped: frozenset[CustomerId] = frozenset()
    if wanted:
        sought = Sought(tuple(sorted(wanted)), "billing errors that stand", repriced=wanted)
        found = find_corrections(home, catalog, signed, sought)
        again, stopped = _again(found), frozenset(each.customer for each in found.stopped)
    errors = [*_of_usage(usage, again, stopped), *_of_fees(catalog, chosen, periods)]
    return tuple(sorted(errors, key=lambda each: (each.customer, each.period, each.line)))


def _again(found: FoundCorrections) -> dict[Key, Money]:
    """What corrections would ask for, above zero, of what they are for."""
    asked: dict[Key, Money] = {}
    for correction in found.corrections:
        sealed = correction.sealed
        for each in correction.billables:
            price = each.charge.price
            unit = currency(price.currency)
            whole = settle(each.charge.amount, unit, price.rounding)
            more = whole - sum((line.amount for line in each.earlier), zero(unit))
            if more.minor > 0:
                asked[sealed.customer, sealed.period, scope_of(each.charge)] = more
    return asked


def _of_usage(
    usage: Mapping[Key, tuple[SealedPeriod, Sequence[SettledLine]]],
    again: Mapping[Key, Money],
    stopped: frozenset[CustomerId],
) -> Iterator[StandingError]:
    """What comes to no more than is settled is repaired, whether or not a line says so."""
    for key, (sealed, lines) in usage.items():
        credited = _credited(lines)
        if sealed.customer in stopped:
            yield _error(sealed, lines, None, NOT_WORKED_OUT)
        elif (more := again.get(key)) is not None:
            yield _error(sealed, lines, more if more.minor < credited.minor else credited, MEND)


def _of_fees(
    catalog: Catalog,
    customers: Sequence[CustomerId],
    periods: Mapping[CustomerId, Sequence[SealedPeriod]],
) -> Iterator[StandingError]:
    """One whose price was corrected since is repaired: the difference was worked out against the credit."""
    for customer in customers:
        for sealed in periods.get(customer, ()):
            for lines in sealed.fees:
                last = lines[-1]
                if last.is_credit and right_price(catalog, last.price).version == last.price.version:
                    yield _error(sealed, lines, None, MEND_FEE)


def _error(
    sealed: SealedPeriod, lines: Sequence[SettledLine], again: Money | None, action: str
) -> StandingError:
    original = lines[0]
    return StandingError(
        sealed.customer,
        sealed.period,
        original.line.number,
        original.line.line,
        original.price.description,
        _credited(lines),
        tuple(dict.fromkeys(each.line.number for each in _last_credits(lines))),
        again,
        action,
    )


def _credited(lines: Sequence[SettledLine]) -> Money:
    given = [each.amount for each in _last_credits(lines)]
    return -sum(given[1:], given[0])


def _last_credits(lines: Sequence[SettledLine]) -> list[SettledLine]:
    """Since the last correction: that one has taken up what was credited before it."""
    last = max(place for place, each in enumerate(lines) if not each.is_credit)
    return list(lines[last + 1 :])
