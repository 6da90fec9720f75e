"""Layers of one invoice must tie, by computations that share no code; a difference is a break that holds it.

Ties, in the order of the path: recount = snapshots, snapshots = rated quantities, working = charges,
charges = lines, programs by `reconcile_programs`, and from the lines to what is due by `reconcile_amounts`.
And no event may be billed twice through two subscriptions to one meter. Balances tie in `reconcile_balances`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256

from tieout.aggregate.recount import Recount
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.snapshot_text import groups_text, opening_text
from tieout.aggregate.window import UsageRequest
from tieout.close.billed_quantity import billed_quantity
from tieout.close.breaks import Break
from tieout.close.reconcile_amounts import amount_breaks
from tieout.close.reconcile_programs import program_breaks
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

DIGEST_SHOWN = 16
"""Hexadecimal digits of a digest in a break."""
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
        *recount_breaks(snapshots, recounts),
        *rated_breaks(snapshots, charges),
        *working_breaks(charges),
        *settled_breaks([*charges, *additions], invoice.lines),
        *program_breaks(invoice.lines),
        *amount_breaks(invoice),
        *billed_twice(requests),
    ]


def recount_breaks(snapshots: Sequence[Snapshot], recounts: Sequence[Recount]) -> list[Break]:
    """Quantity, count, fingerprint, groups and opening states of each snapshot against its recount; neither
    side may lack one."""
    counted = {_window(recount): _usage(recount) for recount in recounts}
    measured = {_window(snapshot): _usage(snapshot) for snapshot in snapshots}
    return [
        Break(
            TIE_RECOUNT,
            f"{window}: {counted.get(window, 'no recount')}",
            f"{window}: {measured.get(window, 'no snapshot')}",
            "run `tieout verify`; if the log is sound, the engine miscounts: report both numbers",
        )
        for window in sorted(counted.keys() | measured.keys())
        if counted.get(window) != measured.get(window)
    ]


def rated_breaks(snapshots: Sequence[Snapshot], charges: Sequence[Charge]) -> list[Break]:
    """Every snapshot is rated, at its quantity, by each price that rates it: by one charge, or by those of
    all its groups together. No charge rests on usage that was not measured."""
    measured = {_window(snapshot): str(snapshot.quantity) for snapshot in snapshots}
    rated = _rated(charges)
    return [
        Break(
            TIE_RATED,
            f"{window}: {measured.get(window, 'not measured')}",
            f"{window}: {', '.join(sorted(rated.get(window, {'not rated'})))}",
            "redraft the invoice; if it stays, a price of the plan is missing for this meter",
        )
        for window in sorted(measured.keys() | rated.keys())
        if rated.get(window) != {measured.get(window)}
    ]


def _rated(charges: Sequence[Charge]) -> dict[str, set[str]]:
    """What each window was rated at, once for each price. A group that is charged twice, or at another
    quantity than its events have, shows beside the window's own quantity."""
    totals: dict[tuple[str, str], Quantity] = {}
    priced: dict[tuple[str, str], Charge] = {}
    rated: dict[str, set[str]] = {}
    names = Counter(_charge_name(charge) for charge in charges)
    for charge in charges:
        if charge.snapshot is None:
            continue
        window, name = _window(charge.snapshot), f"{charge.price.key} v{charge.price.version} {charge.plan}"
        totals[window, name] = totals.get((window, name), QUANTITY_ZERO) + charge.quantity
        priced[window, name] = charge
        held = billed_quantity(charge.snapshot, charge.price, charge.group)
        if charge.group and held != charge.quantity:
            found = f"price {name}, {charge.group}: {charge.quantity}, of its events {held}"
            rated.setdefault(window, set()).add(found)
        if names[_charge_name(charge)] > 1:
            rated.setdefault(window, set()).add(f"price {name} more than once")
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
            breaks.append(Break(TIE_WORKING, ", ".join(expected), ", ".join(found), action))
    return breaks


@lru_cache(maxsize=4096)
def _rate(text: str) -> Fraction:
    """A rate is the same in many charges; reading it takes longer than multiplying by it."""
    return Fraction(text)


def settled_breaks(charges: Sequence[Charge], lines: Sequence[Line]) -> list[Break]:
    """One line per charge, within the rounding of its price, in its currency."""
    breaks = []
    charged, settled = (
        Counter(map(_charge_name, charges)),
        Counter(_charge_name(line.charge) for line in lines),
    )
    if charged != settled:
        missing, extra = charged - settled, settled - charged
        action = "redraft the invoice: its lines are not those of its charges"
        breaks.append(Break(TIE_SETTLED, f"missing {sorted(missing)}", f"extra {sorted(extra)}", action))
    for line in lines:
        price = line.charge.price
        exact_minor = line.charge.amount * 10**line.amount.currency.exponent
        settled_minor = line.amount.minor + sum(each.amount.minor for each in line.earlier)
        off = abs(settled_minor - exact_minor)
        within = off <= Fraction(1, 2) if price.rounding in HALVES else off < 1
        if not within or line.amount.currency.code != price.currency:
            expected = f"{line.id}: {line.charge.amount} {price.currency}, rounded {price.rounding.value}"
            action = "redraft the invoice: a line is not its charge, rounded"
            breaks.append(Break(TIE_SETTLED, expected, f"{line.id}: {line.amount}", action))
    return breaks


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
            breaks.append(Break(TIE_ONCE, expected, f"{others[0][5]} and {name}", action))
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
