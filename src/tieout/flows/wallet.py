"""Wallets: prepaid credits are granted, shown and taken back. Each act is a movement; none is ever
changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tieout.balance.burn import burn_order
from tieout.balance.grant import (
    PRIORITY_MAX,
    WALLET,
    Grant,
    GrantKind,
    HeldGrant,
    due_expiries,
    granted,
    held_grants,
    voided,
)
from tieout.balance.movement import Movement, in_order
from tieout.balance.top_up import TOP_UPS
from tieout.close.period_zone import zone_then
from tieout.contract.catalog import Catalog
from tieout.contract.party import Customer
from tieout.contract.reading.table import KEY_PATTERN
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.decision import decision_now
from tieout.flows.home import Home
from tieout.invoice.credit_entries import credit_entries
from tieout.kernel.errors import ConflictError, NotFound, Refusal, shown
from tieout.kernel.ids import CustomerId, PlanKey, PriceKey
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.money import Currency, Money, currency
from tieout.kernel.rational import exact, exact_text

GRANT_ID_BYTES = 8
GRANT_MINOR_MAX = 10**18 - 1


class GrantRefused(Refusal):
    """What was to be granted makes no sense."""

    code = "grant-refused"


class NoSuchGrant(NotFound):
    """No customer has a grant of that id."""

    code = "no-such-grant"

    def __init__(self, grant_id: str) -> None:
        super().__init__(
            f"There is no grant {shown(grant_id)} here; "
            "`tieout wallet show CUSTOMER` names a customer's grants."
        )


class GrantDiffers(ConflictError):
    """The id was used for another grant."""

    code = "grant-differs"

    def __init__(self, grant_id: str, names: Sequence[str]) -> None:
        super().__init__(
            f"Grant {shown(grant_id)} is recorded with another {', '.join(names)}; nothing was recorded. "
            "Use another --id, or repeat the grant exactly."
        )


class NothingToVoid(ConflictError):
    """The grant holds nothing that could be taken back."""

    code = "nothing-to-void"

    def __init__(self, held: HeldGrant, why: str) -> None:
        super().__init__(f"Grant {held.grant.id} {why}; there is nothing to void.")


@dataclass(frozen=True, slots=True)
class GrantOrder:
    """What a person asks for; texts as given. `effective_at` None: now."""

    customer: str
    amount: str
    currency: str | None
    kind: str
    priority: int
    effective_at: Instant | None
    expires_at: Instant | None
    prices: tuple[str, ...]
    plans: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WalletView:
    """A customer's credits at `at`: every grant in burn-down order, and every movement that counts by then.

    An expiry that no close has recorded yet is among the movements, without `recorded_at`.
    """

    customer: CustomerId
    at: Instant
    balances: tuple[Money, ...]
    grants: tuple[HeldGrant, ...]
    movements: tuple[Movement, ...]


def grant_credit(
    home: Home, order: GrantOrder, *, grant_id: str | None, person: str, reason: str
) -> tuple[Grant, bool]:
    """The grant, and whether it is new: the same id with the same content is the same grant.

    Raises `GrantRefused`, `GrantDiffers`, `DecisionIncomplete`, `NotFound` or `MalformedExact`.
    """
    decision = decision_now(home, person=person, reason=reason)
    catalog = load_catalog(home)
    grant = _grant(
        catalog,
        order,
        grant_id=home.entropy.token(GRANT_ID_BYTES).hex() if grant_id is None else grant_id,
        now=decision.decided_at,
    )
    made = granted(grant, person=decision.person, reason=decision.reason)
    known = home.books.movements.find(made.id)
    if known is not None:
        return _repeated(known, made, dated=order.effective_at is not None), False
    seen = len(home.books.movements.of([grant.customer]).get(grant.customer, ()))
    home.books.movements.record(
        [replace(made, recorded_at=decision.decided_at)],
        seen=seen,
        entries=credit_entries([made], zone_name=zone_then(catalog, grant.customer, made.effective_at)),
    )
    return grant, True


def void_grant(home: Home, grant_id: str, *, person: str, reason: str) -> tuple[Grant, Money]:
    """Takes back what is left of a grant. Raises `NoSuchGrant` or `NothingToVoid`."""
    decision = decision_now(home, person=person, reason=reason)
    first = home.books.movements.find(f"grant/{grant_id}")
    if first is None:
        raise NoSuchGrant(grant_id)
    movements = home.books.movements.of([first.customer])[first.customer]
    held = next(each for each in held_grants(movements) if each.grant.id == grant_id)
    expires_at = held.grant.expires_at
    if expires_at is not None and expires_at <= decision.decided_at:
        raise NothingToVoid(held, f"expired at {format_instant(expires_at)}")
    if held.left == 0:
        raise NothingToVoid(held, "is used up or void")
    taken = voided(held, at=decision.decided_at, person=decision.person, reason=decision.reason)
    home.books.movements.record(
        [replace(taken, recorded_at=decision.decided_at)],
        seen=len(movements),
        entries=credit_entries(
            [taken], movements, zone_name=zone_then(load_catalog(home), first.customer, taken.effective_at)
        ),
    )
    return held.grant, -taken.amount


def show_wallet(home: Home, customer: str, *, at: Instant | None) -> WalletView:
    """What the customer holds at `at` (None: now). Raises `NotFound`."""
    profile = _customer(load_catalog(home), customer)
    instant = home.clock.now() if at is None else at
    recorded = home.books.movements.of([profile.key]).get(profile.key, ())
    then = [
        each
        for each in recorded
        if each.account.startswith((WALLET, TOP_UPS)) and each.effective_at <= instant
    ]
    movements = in_order([*then, *due_expiries(then, at=instant)])
    grants = sorted(held_grants(movements), key=lambda held: burn_order(held.grant))
    held_in = sorted({profile.currency, *(each.grant.amount.currency.code for each in grants)})
    return WalletView(
        profile.key,
        instant,
        tuple(_balance(grants, currency(code)) for code in held_in),
        tuple(grants),
        tuple(movements),
    )


def _balance(grants: Sequence[HeldGrant], unit: Currency) -> Money:
    return Money(sum(each.left for each in grants if each.grant.amount.currency == unit), unit)


def _grant(catalog: Catalog, order: GrantOrder, *, grant_id: str, now: Instant) -> Grant:
    profile = _customer(catalog, order.customer)
    unit = currency(profile.currency if order.currency is None else order.currency)
    amount = exact(order.amount)
    effective_at = now if order.effective_at is None else order.effective_at
    problems = []
    if KEY_PATTERN.match(grant_id) is None:
        problems.append(f"--id {shown(grant_id)} is not a key (letters, digits, ._/:@+-)")
    if order.kind not in tuple(GrantKind):
        problems.append(f"--kind {shown(order.kind)} is not one of {', '.join(GrantKind)}")
    if not unit.has(amount):
        problems.append(f"{exact_text(amount)} {unit} does not exist: it is no whole minor unit")
    elif not 0 < Money.exactly(amount, unit).minor <= GRANT_MINOR_MAX:
        problems.append("the amount must be above zero and below 10^18 minor units")
    if not 0 <= order.priority <= PRIORITY_MAX:
        problems.append(f"--priority {order.priority} is outside 0 to {PRIORITY_MAX}")
    if order.expires_at is not None and order.expires_at <= effective_at:
        problems.append(f"--expires {format_instant(order.expires_at)} is not after it takes effect")
    problems += [f"there is no price {shown(key)}" for key in order.prices if key not in catalog.prices]
    problems += [f"there is no plan {shown(key)}" for key in order.plans if key not in catalog.plans]
    if problems:
        raise GrantRefused(f"Nothing was granted: {'; '.join(problems)}.")
    return Grant(
        id=grant_id,
        customer=profile.key,
        amount=Money.exactly(amount, unit),
        kind=GrantKind(order.kind),
        priority=order.priority,
        effective_at=effective_at,
        expires_at=order.expires_at,
        prices=tuple(PriceKey(key) for key in sorted(set(order.prices))),
        plans=tuple(PlanKey(key) for key in sorted(set(order.plans))),
    )


def _repeated(known: Movement, made: Movement, *, dated: bool) -> Grant:
    """The grant that is recorded; what a repetition does not say (when it takes effect) is taken from it."""
    grants = (held_grants([each])[0].grant for each in (known, made))
    before, again = grants
    said = {
        "customer": (before.customer, again.customer),
        "amount": (before.amount, again.amount),
        "kind": (before.kind, again.kind),
        "priority": (before.priority, again.priority),
        "expiry": (before.expires_at, again.expires_at),
        "restriction": ((before.prices, before.plans), (again.prices, again.plans)),
        "effective instant": (before.effective_at, again.effective_at if dated else before.effective_at),
        "person": (known.person, made.person),
        "reason": (known.reason, made.reason),
    }
    differing = [name for name, (one, other) in said.items() if one != other]
    if differing:
        raise GrantDiffers(before.id, differing)
    return before


def _customer(catalog: Catalog, key: str) -> Customer:
    found = catalog.customers.latest(key)
    if found is None:
        raise NotFound(f"There is no customer {shown(key)} in the catalog; `tieout customer list` shows all.")
    return found
