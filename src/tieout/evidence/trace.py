"""Reproduces one line from the stored events: counted once more, then the stored price, the same settling.

Nothing is taken from the snapshot, the charge or the query that made them; they are only compared with. A
layer is blamed when it disagrees with its own evidence, so a changed event does not put the blame on a
sound snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.snapshot_text import (
    MalformedBreakdown,
    breakdown_text,
    conversion_text,
    groups_text,
    opening_text,
    parse_breakdown,
)
from tieout.aggregate.window import UsageRequest
from tieout.contract.document import Document
from tieout.contract.meter import Meter
from tieout.contract.plan import Plan
from tieout.contract.price import Price
from tieout.contract.program import Program
from tieout.evidence.counted import Counted, counted_snapshot
from tieout.evidence.lineage import MalformedLineage, parse_lineage
from tieout.evidence.named_document import NONE, record_named
from tieout.evidence.printed import printed_differences
from tieout.evidence.reproduced import Difference, Layer, Reproduced, compared
from tieout.evidence.stored import StoredCharge, StoredEvidence, StoredSnapshot
from tieout.evidence.witness import Witness, digest_lanes
from tieout.invoice.earlier import parse_earlier
from tieout.invoice.line import settled_line
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import Watermark
from tieout.kernel.money import Money, currency
from tieout.kernel.rational import exact_text
from tieout.rate.charge import Charge, parse_group, steps_text
from tieout.rate.rate import rate
from tieout.rate.terms import parse_terms
from tieout.rate.usage import billed_unit, group_names
from tieout.rate.withdrawn import is_withdrawn, withdrawn_charge

INPUTS: frozenset[Layer] = frozenset({"event", "contract", "meter", "price", "plan", "program"})


@dataclass(frozen=True, slots=True)
class PricedBy:
    """The stored documents a line rests on, as read back; None for one that is gone, or that it never had."""

    meter: Document | None
    price: Document | None
    plan: Document | None
    program: Document | None = None


@dataclass(frozen=True, slots=True)
class AskedUsage:
    """What the stored meter and lineage ask for now; no request where they can no longer be read."""

    request: UsageRequest | None = None
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """What the count of the stored rows came to, and the events and contracts that are not what they were."""

    counted: Counted
    differences: tuple[Difference, ...] = ()


def asked_usage(snapshot: StoredSnapshot, document: Document | None) -> AskedUsage:
    """`document`: the meter's, as stored."""
    found: list[Difference] = []
    name = f"{snapshot.meter} v{snapshot.meter_version}"
    meter = record_named(Meter, "meter", document, found, name=name, digest=snapshot.meter_digest)
    if meter is None:
        return AskedUsage(None, tuple(found))
    try:
        request = UsageRequest(
            meter,
            snapshot.subscription,
            snapshot.customer,
            snapshot.period,
            parse_lineage(snapshot.event_type, snapshot.predicate).spans,
            parse_breakdown(snapshot.breakdown),
        )
    except (MalformedLineage, MalformedBreakdown, AssertionError) as error:
        found.append(Difference("snapshot", snapshot.id, "a lineage that can be read", str(error)))
        return AskedUsage(None, tuple(found))
    return AskedUsage(request, tuple(found))


def witness_differences(witness: Witness, secret: bytes) -> list[Difference]:
    """What the event says against it or its contract, by the definition of a content digest. `secret` is the
    home's identity secret.
    """
    lanes = digest_lanes(witness, secret)
    if lanes is None:
        return [contract_gone(witness.event.type, witness.event.contract_version)]
    if lanes == (witness.lane_a, witness.lane_b):
        return []
    stored = f"digest {witness.lane_a:016x}{witness.lane_b:016x}"
    return [Difference("event", str(witness.position), stored, f"digest {lanes[0]:016x}{lanes[1]:016x}")]


def contract_gone(event_type: str, version: int) -> Difference:
    return Difference("contract", f"{event_type} v{version}", "a stored document", NONE)


def reproduce(
    stored: StoredEvidence, documents: PricedBy, asked: AskedUsage, examined: Examined
) -> Reproduced:
    """Quantity and amount from the evidence, and everything that does not agree with it."""
    found: list[Difference] = []
    charge = stored.charge
    name = f"{charge.price} v{charge.price_version}"
    price = record_named(Price, "price", documents.price, found, name=name, digest=charge.price_digest)
    name = f"{charge.plan} v{charge.plan_version}"
    plan = record_named(Plan, "plan", documents.plan, found, name=name, digest=None)
    program = _program(stored, documents.program, price, found)
    snapshot = None
    if stored.snapshot is not None:
        found += [*asked.differences, *examined.differences]
        snapshot = _snapshot(stored, stored.snapshot, asked.request, examined.counted, found)
    recomputed = None
    if price is not None and plan is not None and (stored.snapshot is None or snapshot is not None):
        recomputed = _charge(stored, price, plan, program, snapshot, found)
    amount = None if recomputed is None else _line(stored, recomputed, found)
    found += printed_differences(stored)
    quantity = None if recomputed is None else recomputed.quantity
    opening = () if snapshot is None else snapshot.opening
    return Reproduced(quantity, amount, tuple(dict.fromkeys(found)), opening)  # a row can disagree with both


def _snapshot(
    stored: StoredEvidence,
    snapshot: StoredSnapshot,
    request: UsageRequest | None,
    counted: Counted,
    found: list[Difference],
) -> Snapshot | None:
    if request is None:
        return None
    if counted.problem is not None:
        found.append(Difference("snapshot", snapshot.id, "a quantity", counted.problem))
        return None
    try:
        measured = counted_snapshot(request, Watermark(snapshot.watermark), counted)
    except TieoutError as error:
        found.append(Difference("snapshot", snapshot.id, "a quantity", str(error)))
        return None
    if not _damaged(found) or (not _apart(stored) and snapshot.quantity != stored.charge.quantity):
        found += compared(
            "snapshot",
            snapshot.id,
            ("quantity", str(measured.quantity), snapshot.quantity),
            ("event count", str(measured.event_count), str(snapshot.event_count)),
            ("fingerprint", str(measured.fingerprint), snapshot.fingerprint),
            ("excluded count", str(measured.excluded_count), str(snapshot.excluded_count)),
            ("retracted count", str(measured.retracted_count), str(snapshot.retracted_count)),
            ("unit", measured.unit, snapshot.unit),
            ("breakdown", breakdown_text(measured.breakdown) or NONE, snapshot.breakdown or NONE),
            ("groups", groups_text(measured.groups) or NONE, snapshot.groups or NONE),
            ("conversion", conversion_text(measured.conversion) or NONE, snapshot.conversion or NONE),
            ("opening states", opening_text(measured.opening) or NONE, snapshot.opening or NONE),
        )
    return measured


def _apart(stored: StoredEvidence) -> bool:
    """Whether the charge's quantity is not the snapshot's: it is that of a group, or in another unit."""
    assert stored.snapshot is not None, "the caller looked"
    return stored.charge.grouped_by is not None or stored.snapshot.conversion is not None


def _program(
    stored: StoredEvidence, document: Document | None, price: Price | None, found: list[Difference]
) -> Program | None:
    """The program that the charge names; its price must be one of its own."""
    named = stored.charge.program
    if named is None:
        return None
    program = record_named(Program, "program", document, found, name=named, digest=None)
    if program is not None and price is not None and price.key not in program.prices:
        found.append(Difference("program", named, f"price {price.key}", ", ".join(program.prices)))
    return program


def _charge(
    stored: StoredEvidence,
    price: Price,
    plan: Plan,
    program: Program | None,
    snapshot: Snapshot | None,
    found: list[Difference],
) -> Charge | None:
    charge = stored.charge
    if stored.snapshot is not None and stored.snapshot.period != charge.segment:
        return None  # one of the two rows was changed; the sealed document says which
    try:
        if is_withdrawn(charge.steps):
            return _withdrawn(stored, price, plan, program, snapshot, found)
        rated = rate(
            snapshot,
            price,
            plan=plan,
            subscription=charge.subscription,
            period=charge.period,
            segment=charge.segment,
            program=program,
            group=parse_group(charge.grouped_by),
            terms=parse_terms(charge.terms),
        )
    except (TieoutError, AssertionError, ValueError, TypeError) as error:
        found.append(Difference("charge", charge.id, "a price and usage that fit", str(error)))
        return None
    if not _damaged(found):
        found += _charge_differences(charge, rated)
    return rated


def _withdrawn(
    stored: StoredEvidence,
    price: Price,
    plan: Plan,
    program: Program | None,
    snapshot: Snapshot | None,
    found: list[Difference],
) -> Charge | None:
    """Nothing is asked of a group that has no events any more, or of all usage where there are groups."""
    charge, group = stored.charge, parse_group(stored.charge.grouped_by)
    if snapshot is None or group in group_names(snapshot, price):
        found.append(Difference("charge", charge.id, "a price of the usage that is there", "nothing asked"))
        return None
    rated = withdrawn_charge(
        charge.subscription,
        price,
        plan=charge.plan,
        plan_version=plan.version,
        snapshot=snapshot,
        period=charge.period,
        segment=charge.segment,
        unit=billed_unit(snapshot),
        group=group,
        program=program,
    )
    if not _damaged(found):
        found += _charge_differences(charge, rated)
    return rated


def _charge_differences(charge: StoredCharge, rated: Charge) -> list[Difference]:
    return compared(
        "charge",
        charge.id,
        ("quantity", str(rated.quantity), charge.quantity),
        ("unit", rated.unit, charge.unit),
        ("amount", exact_text(rated.amount), charge.amount),
        ("steps", steps_text(rated.steps), charge.steps),
    )


def _line(stored: StoredEvidence, charge: Charge, found: list[Difference]) -> Money | None:
    line = stored.line
    try:
        earlier = parse_earlier(line.earlier, currency(charge.price.currency))
        settled = settled_line(stored.invoice.id, line.ordinal, charge, zone_name="UTC", earlier=earlier)
    except (TieoutError, AssertionError, ValueError, KeyError, TypeError) as error:
        found.append(Difference("line", line.id, "a line that can be settled", str(error)))
        return None
    if not _damaged(found):
        amount = settled.amount
        found += compared(
            "line",
            line.id,
            ("amount", amount.decimal_text, Money(line.amount_minor, amount.currency).decimal_text),
            ("quantity", str(settled.quantity), line.quantity),
            ("unit", settled.unit, line.unit),
        )
        found += compared(
            "invoice", stored.invoice.number, ("currency", amount.currency.code, stored.invoice.currency)
        )
    found += compared("line", line.id, ("charge", stored.charge.id, line.charge))
    return settled.amount


def _damaged(found: list[Difference]) -> bool:
    """Whether what everything is recomputed from has changed; then a different result is not the result's
    fault.
    """
    return any(difference.what in INPUTS for difference in found)
