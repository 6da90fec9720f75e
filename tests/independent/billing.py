"""The close: every period that is over and has waited out its grace becomes a final invoice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.independent import shifts, unbilled
from tests.independent.advances import Advance, ahead, in_advance, owed, unused
from tests.independent.charges import charges_of, suffix
from tests.independent.commitments import commitment_charges
from tests.independent.control import held
from tests.independent.corrections import Correction, carry, find_corrections
from tests.independent.documents import Document
from tests.independent.instants import HOUR, Span
from tests.independent.interims import interim_lines, running_accounts
from tests.independent.parts import parts_of
from tests.independent.policy import governing
from tests.independent.rating import Charge
from tests.independent.review import Content, cutoff_to_seal, hand_lines
from tests.independent.seal import seal
from tests.independent.settled import lines_of, settled_before
from tests.independent.totals import Line, Printed
from tests.independent.world import Account, Billed, Paper, World

NEVER = (0, 0)


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
    zone = world.zone_of(account)
    found = []
    for subscription, whole in account.subscriptions:
        charges = charges_of(world.catalog, subscription, account.period, whole, events, zone=zone)
        earlier = world.before(subscription, account.period)
        extra = commitment_charges(
            subscription,
            charges,
            account.period,
            whole,
            earlier,
            currency=world.currency_of(account),
            zone=zone,
        )
        found.append(
            (subscription, whole, _with_fees(world, account, subscription, whole, charges, zone) + extra)
        )
    return found


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


def close(world: World, at: int, chosen: Sequence[str] | None) -> list[Paper]:
    """Final invoices of what is due, then interim ones of what runs."""
    sealed = []
    cutoff = world.log.places
    world.waits, world.found = [], _found(world, at, chosen)
    for customer in customers(world, chosen):
        waiting = waiting_corrections(world, customer, cutoff)
        for each in waiting:
            carry(world, each)
        for account in due_accounts(world, customer, at):
            if not meters_signed(world, account):
                break
            if holds(world, account):
                world.waits.append((customer, account.period))
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
                sealed.append(seal_final(world, account, at, as_of, waiting))
        sealed += [
            seal_note(world, each, at, cutoff) for each in waiting if each.lines and _by_note(world, each)
        ]
        if all(_by_note(world, each) for each in waiting):
            world.approved.pop(customer, None)
        sealed += seal_interims(world, customer, at, cutoff)
    return sealed


def holds(world: World, account: Account) -> bool:
    """What does not tie, and may be of this account."""
    return (
        held(world, account.period) or shifts.holds(world, account.period) or unbilled.holds(world, account)
    )


def _found(world: World, at: int, chosen: Sequence[str] | None) -> list[Printed]:
    due = [account for customer in customers(world, chosen) for account in due_accounts(world, customer, at)]
    return shifts.breaks(world) + unbilled.breaks(world, due)


def seal_interims(world: World, customer: str, at: int, cutoff: int) -> list[Paper]:
    """Of the periods that run."""
    sealed = []
    for account in running_accounts(world, customer, at):
        lines, crossed = interim_lines(world, account, at, cutoff)
        if lines:
            sealed.append(seal(world, account, lines, at, cutoff, kind="interim"))
            world.crossed |= crossed
    return sealed


def waiting_corrections(world: World, customer: str, cutoff: int) -> list[Correction]:
    """What a person approved, as of what the report saw, or what the policy approves in advance."""
    approved = world.approved.get(customer)
    found = find_corrections(world, customer, cutoff if approved is None else approved)
    return [
        each
        for each in found
        if approved is not None or _says(world, each.period, "late_approval", "delta_report") == "policy"
    ]


def _says(world: World, period: Span, member: str, default: str) -> str:
    """The policy that governs the period."""
    policy = governing(world.policies, period[0])
    return str(policy.document.get(member, default)) if policy else default


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
        currency=world.currency_of(account),
    )


def _on_another(line: Line, zone: str) -> Line:
    """On the paper of another period a line says which period it is for."""
    charge = line.charge
    if charge.part == charge.period:
        line.charge = replace(charge, words=charge.words + suffix(charge.part, NEVER, zone))
    return line


def _by_note(world: World, correction: Correction) -> bool:
    return _says(world, correction.period, "late_path", "next_invoice") == "note"


def seal_note(world: World, correction: Correction, at: int, cutoff: int) -> Paper:
    """A paper of its own, for the period that it corrects."""
    policy = governing(world.policies, correction.period[0])
    assert policy is not None
    subscriptions = tuple(
        (subscription, each.whole)
        for subscription in world.catalog.subscriptions_of(correction.customer)
        for each in world.billed.get(subscription["key"], [])
        if each.period == correction.period
    )
    account = Account(correction.customer, correction.period, subscriptions, policy)
    world.known[correction.customer, correction.period] = correction.watermark
    return seal(world, account, correction.lines, at, cutoff, kind="note", brought=correction.discounts)


def meters_signed(world: World, account: Account) -> bool:
    """A version of a meter after its first bills nobody until its owner signed it."""
    return all(
        part.meter is None
        or part.meter.get("version", 1) - 1 <= world.signed_meters.get(part.meter["key"], 0)
        for subscription, whole in account.subscriptions
        for part in parts_of(world.catalog, subscription, account.period, whole)
    )


def seal_final(world: World, account: Account, at: int, cutoff: int, waiting: list[Correction]) -> Paper:
    """`waiting` corrections of the customer go on this invoice, where they are for a period before it."""
    by_subscription = final_charges(world, account, cutoff)
    charges = [charge for _, _, own in by_subscription for charge in own]
    lines = lines_of(charges, settled_before(world, account.customer, account.period))
    corrections = [each for each in waiting if each.period < account.period and not _by_note(world, each)]
    lines += [_on_another(line, world.zone_of(account)) for each in corrections for line in each.lines]
    lines += lines_by_hand(world, account)
    brought = [row for each in corrections for row in each.discounts]
    paper = seal(world, account, lines, at, cutoff, brought=brought)
    paper.replaces = [
        each.number
        for each in world.papers
        if each.voided
        and (each.customer, each.period, each.kind) == (account.customer, account.period, "final")
    ]
    for each in corrections:
        waiting.remove(each)
        world.known[each.customer, each.period] = each.watermark
    for subscription, whole, own in by_subscription:
        key = subscription["key"]
        world.billed.setdefault(key, []).append(Billed(account.period, whole, tuple(own)))
        for line in lines:
            if line.charge.kind == "fee ahead" and line.charge.subscription == key:
                world.advances.setdefault(key, []).append(Advance(line.charge, line.left))
    return paper
