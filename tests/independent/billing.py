"""The close: every period that is over and has waited out its grace becomes a final invoice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tests.independent.advances import Advance, ahead, in_advance, owed, unused
from tests.independent.charges import charges_of
from tests.independent.commitments import commitment_charges
from tests.independent.documents import Document
from tests.independent.instants import HOUR, Span, local_date
from tests.independent.parts import parts_of
from tests.independent.policy import Signed, calendar_at, governing
from tests.independent.rating import Charge
from tests.independent.review import Content, cutoff_to_seal, hand_lines
from tests.independent.totals import Line, discounts, set_aside, tax_list, taxes
from tests.independent.wallet import pay
from tests.independent.world import Billed, Paper, World


@dataclass(frozen=True)
class Account:
    """A customer's period with the subscriptions that end a period with it."""

    customer: str
    period: Span
    subscriptions: tuple[tuple[Document, Span], ...]
    policy: Signed


def due_accounts(world: World, customer: str, at: int) -> list[Account]:
    found: dict[Span, list[tuple[Document, Span]]] = {}
    for subscription in world.catalog.subscriptions_of(customer):
        for period, whole in world.ended(subscription, at):
            found.setdefault(period, []).append((subscription, whole))
    accounts = []
    for period, subscriptions in sorted(found.items()):
        policy = governing(world.policies, period[0])
        if policy is not None and period[1] + policy.document["grace_hours"] * HOUR <= at:
            accounts.append(Account(customer, period, tuple(subscriptions), policy))
    return accounts


def customers(world: World, chosen: Sequence[str] | None) -> list[str]:
    return sorted(chosen) if chosen is not None else world.catalog.keys("customer")


def final_charges(world: World, account: Account, cutoff: int) -> list[tuple[Document, Span, list[Charge]]]:
    """By subscription: the charges of the whole period, with commitments and fees in advance."""
    events = world.log.counted(cutoff)
    zone = world.catalog.at("customer", account.customer, account.period[1] - 1)["zone"]
    found = []
    for subscription, whole in account.subscriptions:
        charges = charges_of(world.catalog, subscription, account.period, whole, events, zone=zone)
        earlier = [(each.whole, each.charges) for each in world.billed.get(subscription["key"], [])]
        extra = commitment_charges(
            subscription,
            charges,
            account.period,
            whole,
            earlier,
            currency=currency_of(world, account),
            zone=zone,
        )
        found.append(
            (subscription, whole, _with_fees(world, account, subscription, whole, charges, zone) + extra)
        )
    return found


def currency_of(world: World, account: Account) -> str:
    return str(world.catalog.at("customer", account.customer, account.period[1] - 1)["currency"])


def _with_fees(
    world: World, account: Account, subscription: Document, whole: Span, charges: list[Charge], zone: str
) -> list[Charge]:
    """Fees of this period stand in their places; then what is credited, then the next period's."""
    period = account.period
    parts = in_advance(world.catalog, subscription, period, whole)
    billed = world.paid_ahead(subscription, period)
    places = {
        (part.price["key"], part.span[0]): part.place
        for part in parts_of(world.catalog, subscription, period, whole)
    }
    placed = [(places[charge.price["key"], charge.part[0]], charge) for charge in charges]
    placed += owed(subscription, parts, billed, whole, zone=zone)
    following, next_whole = world.period_from(subscription, period[1])
    return (
        [charge for _, charge in sorted(placed, key=lambda pair: pair[0])]
        + unused(parts, billed, whole, zone=zone)
        + ahead(world.catalog, subscription, following, next_whole, whole, zone=zone)
    )


def seal(world: World, account: Account, lines: list[Line], at: int, cutoff: int, **paper: object) -> Paper:
    """Discounts, taxes, credit and a number."""
    catalog, period = world.catalog, account.period
    customer = catalog.at("customer", account.customer, period[1] - 1)
    seller = catalog.at("seller", customer["seller"], period[1] - 1)
    calendar = calendar_at(catalog, world.policies, account.customer, account.subscriptions[0][0], period[0])
    for line in lines:
        line.left = line.amount
    subscriptions = [each for each, _ in account.subscriptions]
    taken = discounts(catalog, customer, subscriptions, lines, period, calendar)
    listed, reason = tax_list(catalog, customer, seller, period), set_aside(customer)
    rows, added = taxes(listed, lines, reason)
    total = sum(line.left for line in lines) + added
    credits = pay(world.grants, account.customer, total, period[1] - 1, lines) if total > 0 else []
    paid = sum(int(row["amount"].replace(".", "")) for row in credits)
    sealed = Paper(
        customer=account.customer,
        kind=str(paper.get("kind", "final")),
        sequence=int(str(paper.get("sequence", 1))),
        period=period,
        number=world.number(seller.get("number_series", "INV")),
        currency=customer["currency"],
        due_date=str(local_date(at, customer["zone"]) + timedelta(days=customer.get("terms_days", 30))),
        sealed_at=at,
        cutoff=cutoff,
        lines=lines,
        total=total,
        discounts=taken,
        taxes=rows,
        credits=credits,
        due=total - paid,
        taxed=listed,
        tax_reason=reason,
    )
    world.papers.append(sealed)
    return sealed


def close(world: World, at: int, chosen: Sequence[str] | None) -> list[Paper]:
    sealed = []
    cutoff = world.log.places
    for customer in customers(world, chosen):
        for account in due_accounts(world, customer, at):
            if not meters_signed(world, account):
                break
            as_of = cutoff_to_seal(
                world.drafts,
                (account.customer, account.period),
                account.policy.document.get("review_hours", 0),
                at,
                cutoff,
                lambda position, account=account: content(world, account, position),
            )
            if as_of is not None:
                sealed.append(seal_final(world, account, at, as_of))
    return sealed


def draft_of(world: World, customer: str, at: int) -> Account:
    """The one account of a customer that waits for people."""
    (found,) = [each for each in due_accounts(world, customer, at) if (customer, each.period) in world.drafts]
    return found


def content(world: World, account: Account, cutoff: int) -> Content:
    """What a draft shows as of a position."""
    charged = [charge for _, _, own in final_charges(world, account, cutoff) for charge in own]
    return tuple((each.words, each.quantity, each.settled) for each in charged) + tuple(
        (line.charge.words, line.quantity, line.amount) for line in lines_by_hand(world, account)
    )


def lines_by_hand(world: World, account: Account) -> list[Line]:
    return hand_lines(
        world.by_hand,
        account.customer,
        account.period,
        subscription=account.subscriptions[0][0]["key"],
        currency=currency_of(world, account),
    )


def meters_signed(world: World, account: Account) -> bool:
    """A version of a meter after its first bills nobody until its owner signed it."""
    return all(
        part.meter is None
        or part.meter.get("version", 1) - 1 <= world.signed_meters.get(part.meter["key"], 0)
        for subscription, whole in account.subscriptions
        for part in parts_of(world.catalog, subscription, account.period, whole)
    )


def seal_final(world: World, account: Account, at: int, cutoff: int) -> Paper:
    by_subscription = final_charges(world, account, cutoff)
    lines = [Line(charge, charge.settled, charge.quantity) for _, _, own in by_subscription for charge in own]
    lines += lines_by_hand(world, account)
    paper = seal(world, account, lines, at, cutoff)
    for subscription, whole, charges in by_subscription:
        key = subscription["key"]
        world.billed.setdefault(key, []).append(Billed(account.period, whole, tuple(charges)))
        for line in lines:
            if line.charge.kind == "fee ahead" and line.charge.subscription == key:
                world.advances.setdefault(key, []).append(Advance(line.charge, line.left))
    return paper
