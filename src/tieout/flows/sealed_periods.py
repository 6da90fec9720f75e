"""Sealed periods with everything that was settled for them, as a correction needs them."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tieout.balance.commitment import Role, account_of
from tieout.close.fees import in_advance
from tieout.contract.catalog import Catalog
from tieout.contract.price import Flat, Price
from tieout.contract.program import Program
from tieout.correction.settled import SettledLine
from tieout.evidence.given import coupons_given
from tieout.evidence.stored import StoredCharge, StoredInvoice
from tieout.evidence.stored_corrections import SettledRow
from tieout.flows.due_accounts import DueAccount, period_defaults
from tieout.flows.home import Home
from tieout.flows.policy import PolicyState, governing
from tieout.invoice.discounts import Given
from tieout.invoice.earlier import Cause, EarlierLine, Scope, parse_correction
from tieout.invoice.invoice import KIND_FINAL, KIND_NOTE
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import CustomerId, InvoiceId, LineId, SubscriptionId
from tieout.kernel.instant import format_instant
from tieout.kernel.money import Money, currency
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding
from tieout.rate.charge import parse_group
from tieout.rate.commitment import PREFIX as COMMITTED
from tieout.rate.commitment import WORDS
from tieout.rate.credit import credited_line, is_credit
from tieout.rate.unused_fee import gives_back

MADE_UP = ("credit/", "manual/")
"""Before the price of a line that a person added."""


class NotCorrectable(IntegrityViolation):
    """A sealed period that the catalog can no longer rate: a document or a policy behind it is gone."""

    code = "not-correctable"

    def __init__(self, period: Period, missing: str) -> None:
        super().__init__(
            f"The period from {format_instant(period.start)} cannot be rated again: {missing} is missing."
        )


@dataclass(frozen=True, slots=True)
class SealedPeriod:
    """A period whose final invoice is sealed and stands. `account` is what a close would have to bill for it;
    `papers` tells the periods of the customer's papers, `settled` is every line for this one on whatever
    paper, in order of sealing, as they were when the customer had `papers_seen` papers and voids. `fees` are
    those in advance on its final invoice, each with what corrected it since, `given_back` all lines of the
    customer that gave back a part of one, likewise; `given` is what papers gave of coupons.
    """

    account: DueAccount
    invoice: StoredInvoice
    papers: Mapping[InvoiceId, Period]
    settled: tuple[SettledLine, ...]
    papers_seen: int
    fees: tuple[tuple[SettledLine, ...], ...]
    given_back: tuple[tuple[SettledLine, ...], ...]
    given: Given

    @property
    def customer(self) -> CustomerId:
        return self.account.customer

    @property
    def period(self) -> Period:
        return self.account.period

    @property
    def carries(self) -> frozenset[str]:
        """Accounts of commitments whose term it lies in: their balances go from one period to the next."""
        return frozenset(
            account_of(subscription.key, commitment.key)
            for subscription in self.account.subscriptions
            for commitment in subscription.commitments
            if commitment.start < self.period.end and commitment.end > self.period.start
        )


def sealed_periods(
    home: Home, catalog: Catalog, policies: Sequence[PolicyState], customers: Sequence[CustomerId]
) -> dict[CustomerId, tuple[SealedPeriod, ...]]:
    """Each customer's, by end. Raises `NotCorrectable` where a line names what the catalog does not have."""
    seen = {customer: home.books.corrections.papers(customer) for customer in customers}
    found = home.books.corrections.settled(customers)
    return {
        customer: _of_customer(catalog, policies, rows, seen[customer], given_of(home, rows))
        for customer, rows in found.items()
    }


def given_of(home: Home, rows: Iterable[SettledRow]) -> Given:
    """What the papers of these lines gave of coupons."""
    papers = dict.fromkeys(row.invoice.id for row in rows)
    return coupons_given(found for each in papers if (found := home.books.invoices.find(each)) is not None)


def _of_customer(
    catalog: Catalog,
    policies: Sequence[PolicyState],
    rows: Sequence[SettledRow],
    seen: int,
    given: Given,
) -> tuple[SealedPeriod, ...]:
    finals = {row.invoice.id: row.invoice for row in rows if row.invoice.kind == KIND_FINAL}
    lines = _settled_lines(catalog, rows)
    papers = {row.invoice.id: row.invoice.period for row in rows if row.invoice.kind != KIND_NOTE}
    back = _with_corrections(catalog, rows, _given_back_of, papers.keys())
    periods = []
    for invoice in sorted(finals.values(), key=lambda each: (each.period.end, each.period.start)):
        period = invoice.period
        governed = governing(policies, period.start)
        if governed is None:
            raise NotCorrectable(period, "the policy that governed it")
        own = [row.charge for row in rows if row.invoice.id == invoice.id and row.line.correction is None]
        wholes = _wholes(own, period)
        subscriptions = [found for key in wholes if (found := catalog.subscriptions.latest(key)) is not None]
        settled = [
            line
            for row, line in lines
            if period.contains(line.segment.start)
            and line.scope.subscription in wholes
            and row.invoice.currency == invoice.currency
        ]
        account = DueAccount(
            invoice.customer,
            period,
            tuple(subscriptions),
            tuple(wholes[each.key] for each in subscriptions),
            governed,
            defaults=period_defaults(policies),
        )
        fees = _with_corrections(catalog, rows, _fee_of, {invoice.id})
        periods.append(SealedPeriod(account, invoice, papers, tuple(settled), seen, fees, back, given))
    return tuple(periods)


def _wholes(charges: Sequence[StoredCharge], period: Period) -> dict[SubscriptionId, Period]:
    """The subscriptions that the final invoice bills, each with the calendar's period that it lies in."""
    found: dict[SubscriptionId, Period] = {}
    for charge in sorted(charges, key=lambda charge: charge.subscription):
        if charge.period.overlaps(period):
            found.setdefault(charge.subscription, charge.period)
    for charge in charges:
        found.setdefault(charge.subscription, period)  # nothing but a fee for the period to come
    return found


def _settled_lines(catalog: Catalog, rows: Sequence[SettledRow]) -> list[tuple[SettledRow, SettledLine]]:
    """In order of sealing. A billing error that was credited settled part of what its line is for; goodwill
    did not."""
    found: list[tuple[SettledRow, SettledLine]] = []
    scopes: dict[LineId, Scope] = {}
    last: dict[Scope, SettledLine] = {}
    for row in rows:
        line = settled_line_of(catalog, row)
        if line is None and is_credit(row.charge.price) and (scope := _misbilled(row, scopes)) is not None:
            line = replace(last[scope], line=_earlier(row, QUANTITY_ZERO), is_credit=True)
        if line is not None:
            scopes[row.line.id], last[line.scope] = line.scope, line
            found.append((row, line))
    return found


def _misbilled(row: SettledRow, scopes: Mapping[LineId, Scope]) -> Scope | None:
    correction = parse_correction(row.line.correction)
    counts = correction is not None and Cause.MISBILLED in correction.causes
    return scopes.get(credited_line(row.charge.price)) if counts else None


def _earlier(row: SettledRow, quantity: Quantity) -> EarlierLine:
    return EarlierLine(
        row.line.id,
        row.invoice.id,
        row.invoice.number,
        quantity,
        Money(row.line.amount_minor, currency(row.invoice.currency)),
    )


def settled_line_of(catalog: Catalog, row: SettledRow) -> SettledLine | None:
    """What the line settled; None for a fee in advance, which no late usage changes, and for what a person
    added. Raises `NotCorrectable`."""
    charge = row.charge
    price = price_of(catalog, charge, row.invoice.currency)
    return None if price is None or in_advance(price) else _settled(catalog, row, price)


def _with_corrections(
    catalog: Catalog,
    rows: Sequence[SettledRow],
    line_of: Callable[[Catalog, SettledRow], SettledLine | None],
    papers: Container[InvoiceId],
) -> tuple[tuple[SettledLine, ...], ...]:
    """The lines of these papers that `line_of` knows, each with what corrected it since on any paper."""
    found: dict[LineId, list[SettledLine]] = {}
    of: dict[LineId, LineId] = {}
    for row in rows:
        correction = parse_correction(row.line.correction)
        line = line_of(catalog, row)
        if correction is None and line is not None and row.invoice.id in papers:
            of[row.line.id] = row.line.id
            found[row.line.id] = [line]
            continue
        fee = None if correction is None or correction.original is None else of.get(correction.original)
        if fee is None or correction is None:
            continue
        if line is None and Cause.MISBILLED in correction.causes:
            line = replace(found[fee][-1], line=_earlier(row, QUANTITY_ZERO), is_credit=True)
        if line is not None:
            of[row.line.id] = fee
            found[fee].append(line)
    return tuple(tuple(each) for each in found.values())


def _fee_of(catalog: Catalog, row: SettledRow) -> SettledLine | None:
    """A fee in advance; None for everything else, and for one that is given back, which no coupon is for."""
    price = price_of(catalog, row.charge, row.invoice.currency)
    if price is None or not in_advance(price) or gives_back(row.charge.steps):
        return None
    return _settled(catalog, row, price)


def _given_back_of(catalog: Catalog, row: SettledRow) -> SettledLine | None:
    """The part of a fee in advance that was not used."""
    price = price_of(catalog, row.charge, row.invoice.currency) if gives_back(row.charge.steps) else None
    return None if price is None else _settled(catalog, row, price)


def _settled(catalog: Catalog, row: SettledRow, price: Price) -> SettledLine:
    charge = row.charge
    program = None if charge.program is None else _program(catalog, charge.program)
    return SettledLine(
        scope=Scope(charge.subscription, charge.price, charge.segment.start, charge.grouped_by or ""),
        line=_earlier(row, Quantity.parse(row.line.quantity)),
        price=price,
        plan=charge.plan,
        plan_version=charge.plan_version,
        period=charge.period,
        segment=charge.segment,
        group=parse_group(charge.grouped_by),
        unit=charge.unit,
        program=program,
        terms=charge.terms,
    )


def price_of(catalog: Catalog, charge: StoredCharge, currency_code: str) -> Price | None:
    """The price version that a stored charge names: the catalog's, or that of a commitment's line; None for a
    price that a person's line made up. Raises `NotCorrectable`."""
    if charge.price.startswith(COMMITTED):
        key, _, role = charge.price.removeprefix(COMMITTED).rpartition("/")
        return Price(
            key=charge.price,
            version=charge.price_version,
            effective_from=charge.segment.start,
            meter=None,
            currency=currency_code,
            description=f"Commitment {key}: {WORDS[Role(role)]}",
            shape=Flat(Exact(0)),
            rounding=Rounding.HALF_AWAY_FROM_ZERO,
            tier_split="restart",
            digest=charge.price_digest,
        )
    price = catalog.prices.version(charge.price, charge.price_version)
    if price is None and charge.price.startswith(MADE_UP):
        return None
    if price is None:
        raise NotCorrectable(charge.segment, f"price {charge.price} v{charge.price_version}")
    return price


def _program(catalog: Catalog, reference: str) -> Program | None:
    key, _, version = reference.rpartition(" v")
    return catalog.programs.version(key, int(version))
