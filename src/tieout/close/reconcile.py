"""Layers of one invoice must tie, by computations that share no code; a difference is a break that holds it.

Ties, in the order of the path: recount = snapshots, snapshots = rated quantities, working = charges,
charges = lines, programs by `reconcile_programs`, and from the lines to what is due by `reconcile_amounts`.
And no event may be billed twice through two subscriptions to one meter. Balances tie in `reconcile_balances`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256

from tieout.aggregate.recount import Recount
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.snapshot_text import groups_text, opening_text
from tieout.aggregate.window import UsageRequest
from tieout.close.billed_quantity import billed_quantity
from tieout.close.breaks import Break, BreakClass, events_size
from tieout.close.reconcile_amounts import amount_breaks
from tieout.close.reconcile_programs import program_breaks
from tieout.contract.meter import Aggregation
from tieout.invoice.invoice import Invoice
from tieout.invoice.line import Line
from tieout.kernel.ids import MeterKey, Subject, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rounding import Rounding
from tieout.rate.charge import Charge

TIE_RECOUNT = "raw events = snapshot"
TIE_RATED = "snapshots = rated quantities"
TIE_WORKING = "working = charge"
TIE_SETTLED = "charges = lines"
TIE_ONCE = "every event billed once per meter"

_SubjectWindow = tuple[MeterKey, Subject, Instant, Instant, SubscriptionId, str]
"""Meter, subject, start, end, subscription, and how a break names it."""

MORE_THAN_ONCE = "more than once"
DIGEST_SHOWN = 16
"""Hexadecimal digits of a digest in a break."""
ORDERED = (Aggregation.LAST, Aggregation.TIME_WEIGHTED)
"""Their answer depends on the order of the same events."""
RECOUNT_ACTION = "run `tieout verify`; if the log is sound, the engine miscounts: report both numbers"
BACKFILL_ACTION = (
    "run `tieout verify`: what was measured is as many events as the log has at this cutoff, but others; if "
    "the log is sound, report both fingerprints"
)
HALVES = (Rounding.HALF_AWAY_FROM_ZERO, Rounding.HALF_EVEN)


def reconcile(
    invoice: Invoice,
    charges: Sequence[Charge],
    snapshots: Sequence[Snapshot],
    recounts: Sequence[Recount],
    requests: Sequence[UsageRequest],
    additions: Sequence[Charge] = (),
) -> list[Break]:
    """Every break of one account's draft; none means it may be sealed.

    `additions` are charges whose usage ties elsewhere: corrections of other periods. `recounts` must come
    from code that shares nothing with the engine behind `snapshots`.
    """
    return [
        *recount_breaks(snapshots, recounts, requests),
        *rated_breaks(snapshots, charges),
        *working_breaks(charges),
        *settled_breaks([*charges, *additions], invoice.lines),
        *program_breaks(invoice.lines),
        *amount_breaks(invoice),
        *billed_twice(requests),
    ]


def recount_breaks(
    snapshots: Sequence[Snapshot], recounts: Sequence[Recount], requests: Sequence[UsageRequest] = ()
) -> list[Break]:
    """Quantity, count, fingerprint, groups and opening states of each snapshot against its recount; neither
    side may lack one. `requests` tell which meters depend on the order of their events."""
    counted = {_window(recount): recount for recount in recounts}
    measured = {_window(snapshot): snapshot for snapshot in snapshots}
    ordered = {
        (request.meter.key, request.meter.version)
        for request in requests
        if request.meter.aggregation in ORDERED
    }
    breaks = []
    for window in sorted(counted.keys() | measured.keys()):
        expected, found = counted.get(window), measured.get(window)
        if expected is not None and found is not None and _is_plainly_same(expected, found):
            continue
        said = "no recount" if expected is None else _usage(expected)
        told = "no snapshot" if found is None else _usage(found)
        if said != told:
            kind, size = _recount_class(expected, found, ordered)
            action = BACKFILL_ACTION if kind is BreakClass.BACKFILL_DRIFT else RECOUNT_ACTION
            breaks.append(
                Break(TIE_RECOUNT, f"{window}: {said}", f"{window}: {told}", action, kind=kind, size=size)
            )
    return breaks


def _is_plainly_same(expected: Recount, found: Snapshot) -> bool:
    """Usage of which quantity, count and fingerprint are all there is to say, and they are the same."""
    further = (expected.groups, expected.opening, expected.refusal, found.groups, found.opening)
    return not any(further) and (expected.quantity, expected.event_count, expected.fingerprint) == (
        found.quantity,
        found.event_count,
        found.fingerprint,
    )


def _recount_class(
    expected: Recount | None, found: Snapshot | None, ordered: Container[tuple[MeterKey, int]]
) -> tuple[BreakClass, str]:
    """Fewer events than were counted again are missing, more are doubled. As many others is backfill drift:
    the two looked at other events. The same events with another answer were taken in another order, or added
    wrongly.
    """
    if expected is None or found is None:
        either = expected or found
        assert either is not None, "one of the two named the window"
        return BreakClass.MISSING, events_size(either.event_count)
    more = found.event_count - expected.event_count
    if more:
        return BreakClass.MISSING if more < 0 else BreakClass.DUPLICATE, events_size(abs(more))
    if found.fingerprint != expected.fingerprint:
        return BreakClass.BACKFILL_DRIFT, f"up to {events_size(found.event_count)}"
    off = f"{found.quantity - expected.quantity} {found.unit}"
    is_ordered = (found.meter, found.meter_version) in ordered
    return BreakClass.OUT_OF_ORDER if is_ordered else BreakClass.ARITHMETIC, off


def rated_breaks(snapshots: Sequence[Snapshot], charges: Sequence[Charge]) -> list[Break]:
    """Every snapshot is rated, at its quantity, by each price that rates it: by one charge, or by those of
    all its groups together. No charge rests on usage that was not measured."""
    measured = {_window(snapshot): snapshot for snapshot in snapshots}
    rated = _rated(charges)
    breaks = []
    for window in sorted(measured.keys() | rated.keys()):
        snapshot = measured.get(window)
        expected = "not measured" if snapshot is None else str(snapshot.quantity)
        found = rated.get(window, {"not rated"})
        if found != {expected}:
            kind = BreakClass.ARITHMETIC
            if snapshot is None:
                kind = BreakClass.MISSING
            elif window not in rated:
                kind = BreakClass.UNPRICED
            elif any(said.endswith(MORE_THAN_ONCE) for said in found):
                kind = BreakClass.DUPLICATE
            size = "usage that was not measured" if snapshot is None else f"{expected} {snapshot.unit}"
            said = f"{window}: {', '.join(sorted(found))}"
            action = "redraft the invoice; if it stays, a price of the plan is missing for this meter"
            breaks.append(Break(TIE_RATED, f"{window}: {expected}", said, action, kind=kind, size=size))
    return breaks


def _rated(charges: Sequence[Charge]) -> dict[str, set[str]]:
    """What each window was rated at, once for each price. A group that is charged twice, or at another
    quantity than its events have, shows beside the window's own quantity."""
    totals: dict[tuple[str, str], Quantity] = {}
    priced: dict[tuple[str, str], Charge] = {}
    rated: dict[str, set[str]] = {}
    named = [_charge_name(charge) for charge in charges]
    names = Counter(named)
    for charge, of_charge in zip(charges, named, strict=True):
        if charge.snapshot is None:
            continue
        window, name = _window(charge.snapshot), f"{charge.price.key} v{charge.price.version} {charge.plan}"
        totals[window, name] = totals.get((window, name), QUANTITY_ZERO) + charge.quantity
        priced[window, name] = charge
        held = billed_quantity(charge.snapshot, charge.price, charge.group)
        if charge.group and held != charge.quantity:
            found = f"price {name}, {charge.group}: {charge.quantity}, of its events {held}"
            rated.setdefault(window, set()).add(found)
        if names[of_charge] > 1:
            rated.setdefault(window, set()).add(f"price {name} {MORE_THAN_ONCE}")
    for (window, name), total in totals.items():
        charge = priced[window, name]
        assert charge.snapshot is not None, "only charges with usage are looked at"
        expected = billed_quantity(charge.snapshot, charge.price)
        wrongly = f"price {name}: {total} {charge.unit} instead of {expected}"
        said = str(charge.snapshot.quantity) if total == expected else wrongly
        rated.setdefault(window, set()).add(said)
    return rated


def working_breaks(charges: Sequence[Charge]) -> list[Break]:
    """Steps add up to the amount, and the units they price to the quantity: every unit is priced once, and
    where a step has a rate, at that rate."""
    breaks = []
    for charge in charges:
        amount = sum((step.amount for step in charge.steps), Fraction(0))
        expected, found = [f"amount {charge.amount}"], [f"amount {amount}"]
        if charge.snapshot is not None:
            units = Fraction(0)
            for step in charge.steps:
                if step.quantity is None:
                    continue
                priced = Fraction(step.quantity)
                units += priced
                if step.rate is not None and priced * _rate(step.rate) != step.amount:
                    expected.append(f"{step.rule} {step.quantity} at {step.rate}")
                    found.append(f"{step.rule} {step.amount}")
            expected.append(f"quantity {charge.quantity.as_fraction()}")
            found.append(f"quantity {units}")
        if expected != found:
            action = (
                f"report price {charge.price.key} version {charge.price.version}: its shape does not add up"
            )
            size = f"{amount - charge.amount} {charge.price.currency}"
            breaks.append(Break(TIE_WORKING, ", ".join(expected), ", ".join(found), action, size=size))
    return breaks


@lru_cache(maxsize=4096)
def _rate(text: str) -> Fraction:
    """A rate is the same in many charges; reading it takes longer than multiplying by it."""
    return Fraction(text)


def settled_breaks(charges: Sequence[Charge], lines: Sequence[Line]) -> list[Break]:
    """One line per charge, within the rounding of its price, in its currency."""
    breaks = []
    if Counter(map(id, charges)) != Counter(id(line.charge) for line in lines):  # else they are the very same
        charged = Counter(map(_charge_name, charges))
        settled = Counter(_charge_name(line.charge) for line in lines)
        breaks += _other_charges(charged, settled)
    for line in lines:
        price = line.charge.price
        exact_minor = line.charge.amount * 10**line.amount.currency.exponent
        settled_minor = line.amount.minor + sum(each.amount.minor for each in line.earlier)
        off = abs(settled_minor - exact_minor)
        within = off <= Fraction(1, 2) if price.rounding in HALVES else off < 1
        if not within or line.amount.currency.code != price.currency:
            expected = f"{line.id}: {line.charge.amount} {price.currency}, rounded {price.rounding.value}"
            action = "redraft the invoice: a line is not its charge, rounded"
            size = f"{settled_minor - exact_minor} minor units"
            breaks.append(Break(TIE_SETTLED, expected, f"{line.id}: {line.amount}", action, size=size))
    return breaks


def _other_charges(charged: Counter[str], settled: Counter[str]) -> list[Break]:
    """Charges without a line, and lines without a charge."""
    if charged == settled:
        return []
    missing, extra = charged - settled, settled - charged
    action = "redraft the invoice: its lines are not those of its charges"
    kind = BreakClass.MISSING if missing else BreakClass.DUPLICATE
    size = f"{missing.total()} charges missing, {extra.total()} extra"
    said = f"missing {sorted(missing)}"
    return [Break(TIE_SETTLED, said, f"extra {sorted(extra)}", action, kind=kind, size=size)]


def billed_twice(requests: Iterable[UsageRequest]) -> list[Break]:
    """Where two subscriptions put one meter on a subject at the same time: its events would be billed twice.

    Windows of one subscription may overlap: its plan may put two prices on one meter.
    """
    windows = sorted(
        (request.meter.key, span.subject, span.start, span.end, request.subscription, request.name)
        for request in requests
        for span in request.spans
    )
    breaks = []
    open_: list[_SubjectWindow] = []
    for window in windows:
        meter, subject, start, _, subscription, name = window
        open_ = [each for each in open_ if each[:2] == (meter, subject) and start < each[3]]
        others = [each for each in open_ if each[4] != subscription]
        if others:
            expected = f"one window for subject {subject}"
            action = "end one of the two subscriptions, or take the meter out of one of their plans"
            said, kind = f"{others[0][5]} and {name}", BreakClass.DUPLICATE
            size = "the events of one subject"
            breaks.append(Break(TIE_ONCE, expected, said, action, kind=kind, size=size))
        open_.append(window)
    return breaks


def _window(usage: Snapshot | Recount) -> str:
    meter = f"meter {usage.meter} version {usage.meter_version}"
    return f"{meter}, subscription {usage.subscription}, {usage.period}"


def _usage(usage: Snapshot | Recount) -> str:
    """Every number of it; groups and opening states in short, since equal ones have equal digests."""
    said = [f"quantity {usage.quantity}", f"{usage.event_count} events", f"fingerprint {usage.fingerprint}"]
    for name, count, text in (
        ("groups", len(usage.groups), groups_text(usage.groups)),
        ("opening states", len(usage.opening), opening_text(usage.opening)),
    ):
        if text is not None:
            said.append(f"{count} {name}, digest {sha256(text.encode()).hexdigest()[:DIGEST_SHOWN]}")
    if isinstance(usage, Recount) and usage.refusal is not None:
        said.append(f"refused: {usage.refusal}")
    return ", ".join(said)


def _charge_name(charge: Charge) -> str:
    price = f"price {charge.price.key} version {charge.price.version}"
    return (
        f"{price}, plan {charge.plan}, subscription {charge.subscription}, {charge.segment}, "
        f"{charge.group or 'all usage'}: {charge.amount}"
    )
