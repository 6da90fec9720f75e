"""Reproduces a line that a person added from the record of it and the decision of another person: it must be
what was recorded, for that customer and period, approved before it was sealed.
"""

from __future__ import annotations

from tieout.evidence.named_document import NONE
from tieout.evidence.printed import printed_differences
from tieout.evidence.reproduced import Difference, Reproduced, compared
from tieout.evidence.stored import StoredEvidence
from tieout.invoice.line import settled_line
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import format_instant
from tieout.kernel.money import Money
from tieout.kernel.rational import exact_text
from tieout.rate.charge import Charge, steps_text
from tieout.rate.manual_line import ManualLine, line_digest, line_id_of, manual_charge


def reproduce_manual_line(stored: StoredEvidence, line: ManualLine | None) -> Reproduced:
    """The charge and the line once more, and everything that does not agree."""
    found: list[Difference] = []
    charge = None if line is None else _charge(stored, line, found)
    if line is None:
        found.append(Difference("manual line", stored.charge.price, "a recorded line", NONE))
    amount = None if charge is None else _compared(stored, charge, found)
    found += printed_differences(stored)
    return Reproduced(None if charge is None else charge.quantity, amount, tuple(dict.fromkeys(found)))


def _charge(stored: StoredEvidence, line: ManualLine, found: list[Difference]) -> Charge | None:
    row, invoice = stored.charge, stored.invoice
    found += compared(
        "manual line",
        line.id,
        ("id", line_id_of(line), line.id),
        ("digest", line_digest(line), row.price_digest),
        ("customer", line.customer, invoice.customer),
        ("start", format_instant(line.period.start), format_instant(invoice.period.start)),
        ("end", format_instant(line.period.end), format_instant(invoice.period.end)),
        ("currency", line.amount.currency.code, invoice.currency),
    )
    if not line.is_approved:
        decided = line.decided
        said = NONE if decided is None else f"{decided.decision.value} by {decided.person}"
        wanted = f"an approval by somebody else than {line.person}"
        found.append(Difference("manual line", line.id, wanted, said))
        return None
    try:
        return manual_charge(
            line, subscription=row.subscription, plan=row.plan, plan_version=row.plan_version
        )
    except (TieoutError, AssertionError, ValueError) as error:
        found.append(Difference("charge", row.id, "a line that can be charged", str(error)))
        return None


def _compared(stored: StoredEvidence, charge: Charge, found: list[Difference]) -> Money:
    row, line = stored.charge, stored.line
    settled = settled_line(stored.invoice.id, line.ordinal, charge, zone_name="UTC")
    amount = settled.amount
    found += compared(
        "charge",
        row.id,
        ("amount", exact_text(charge.amount), row.amount),
        ("steps", steps_text(charge.steps), row.steps),
        ("quantity", str(charge.quantity), row.quantity),
        ("unit", charge.unit, row.unit),
    )
    found += compared(
        "line",
        line.id,
        ("amount", amount.decimal_text, Money(line.amount_minor, amount.currency).decimal_text),
        ("description", settled.description, line.description),
        ("charge", row.id, line.charge),
    )
    return amount
