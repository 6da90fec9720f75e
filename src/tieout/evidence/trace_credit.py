"""Reproduces a credit: the line that it gives back of is there and bore at least as much, and the credit
names it, its price and its time."""

from __future__ import annotations

from tieout.evidence.named_document import NONE
from tieout.evidence.printed import printed_differences
from tieout.evidence.reproduced import Difference, Reproduced, compared
from tieout.evidence.stored import StoredEvidence
from tieout.invoice.earlier import parse_correction
from tieout.invoice.line import settled_line
from tieout.kernel.errors import TieoutError
from tieout.kernel.money import Money, currency
from tieout.kernel.rational import exact_text
from tieout.rate.charge import Charge, steps_text
from tieout.rate.credit import credit_charge, credited_line


def reproduce_credit(stored: StoredEvidence, credited: StoredEvidence | None) -> Reproduced:
    """`credited`: the line that the credit names."""
    found: list[Difference] = []
    charge: Charge | None = None
    if credited is None:
        name = credited_line(stored.charge.price)
        found.append(Difference("line", name, "a sealed line that is credited", NONE))
    else:
        try:
            charge = _charge(stored, credited, found)
        except (TieoutError, ValueError, KeyError, TypeError, AssertionError) as error:
            found.append(Difference("charge", stored.charge.id, "a credit of a line", str(error)))
    amount = None if charge is None else _compared(stored, charge, found)
    found += printed_differences(stored)
    return Reproduced(None if charge is None else charge.quantity, amount, tuple(dict.fromkeys(found)))


def _charge(stored: StoredEvidence, credited: StoredEvidence, found: list[Difference]) -> Charge:
    row, line = stored.charge, credited.line
    correction = parse_correction(stored.line.correction)
    original = NONE if correction is None else str(correction.original)
    given = Money(-stored.line.amount_minor, currency(stored.invoice.currency))
    found += compared(
        "line",
        stored.line.id,
        ("credited line", line.id, original),
        ("customer", credited.invoice.customer, stored.invoice.customer),
        ("currency", credited.invoice.currency, stored.invoice.currency),
    )
    if not 0 < given.minor <= line.amount_minor:
        whole = Money(line.amount_minor, given.currency)
        found.append(Difference("line", stored.line.id, f"at most {whole} of {line.id}", str(given)))
    return credit_charge(
        line.id,
        given,
        description=line.description,
        subscription=credited.charge.subscription,
        plan=credited.charge.plan,
        plan_version=credited.charge.plan_version,
        price_version=credited.charge.price_version,
        price_digest=credited.charge.price_digest,
        tax_category="",
        effective_from=credited.charge.segment.start,
        period=credited.charge.period,
        segment=row.segment,
    )


def _compared(stored: StoredEvidence, charge: Charge, found: list[Difference]) -> Money:
    row, line = stored.charge, stored.line
    amount = settled_line(stored.invoice.id, line.ordinal, charge, zone_name="UTC").amount
    found += compared(
        "charge",
        row.id,
        ("amount", exact_text(charge.amount), row.amount),
        ("steps", steps_text(charge.steps), row.steps),
        ("quantity", str(charge.quantity), row.quantity),
        ("price digest", charge.price.digest, row.price_digest),
        ("subscription", charge.subscription, row.subscription),
    )
    found += compared(
        "line",
        line.id,
        ("amount", amount.decimal_text, Money(line.amount_minor, amount.currency).decimal_text),
        ("charge", row.id, line.charge),
    )
    return amount
