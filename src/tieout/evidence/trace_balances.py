"""Reproduces a line that rests on balances and not on events of its own: a commitment's, or the unused part
of a fee billed in advance.

A commitment is worked out again from the terms that the subscription states, the movements before the
period, and the usage lines of the sealed document. An unused fee is worked out from the movement by which
it was billed, which must say what the line said that billed it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

from tieout.balance.commitment import METERED, CommitmentLine, Role, account_of, recorded_as
from tieout.balance.movement import Movement
from tieout.close.commitments import commitment_outcome, in_term
from tieout.close.credits import counts_at
from tieout.close.interim import NOTHING_DRAWN
from tieout.contract.document import Document
from tieout.contract.price import Price
from tieout.contract.subscription import Commitment, Subscription
from tieout.correction.carried import corrected_period
from tieout.evidence.named_document import NONE, record_named
from tieout.evidence.printed import printed_differences
from tieout.evidence.reproduced import Difference, Layer, Reproduced, compared
from tieout.evidence.shares import discount_shares
from tieout.evidence.stored import StoredCharge, StoredEvidence, StoredInvoice
from tieout.evidence.stored_corrections import SettledRow
from tieout.evidence.trace_corrections import CorrectedBalances, corrected_commitment, known_by
from tieout.evidence.trace_refunds import RefundEvidence, billed_fee, corrected_refund
from tieout.invoice.earlier import parse_correction, parse_earlier
from tieout.invoice.invoice import KIND_INTERIM
from tieout.invoice.line import settled_line
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import parse_instant
from tieout.kernel.money import Currency, Money, currency
from tieout.kernel.rational import exact, exact_text
from tieout.rate.charge import Charge, steps_text
from tieout.rate.commitment import PREFIX, commitment_charge
from tieout.rate.unused_fee import UNUSED_RULE, unused_fee

R = TypeVar("R", Subscription, Price)
Members = dict[str, Any]  # an object of a JSON text that has not been looked at yet


@dataclass(frozen=True, slots=True)
class BalanceEvidence:
    """`document` is the stored one that the line's price digest names: the subscription's of a commitment,
    the price's of a fee. `movements` are the customer's, all of them; `billing` is the line that billed
    the fee in advance; `rows` are the lines of all papers that stand, where the line corrects a period;
    `refund` is what a correction of what was given back of a fee rests on."""

    document: Document | None
    movements: tuple[Movement, ...]
    billing: StoredEvidence | None
    rows: tuple[SettledRow, ...] = ()
    refund: RefundEvidence | None = None


def rests_on_balances(charge: StoredCharge) -> bool:
    """Whether the line is a commitment's or an unused fee's."""
    return charge.price.startswith(PREFIX) or f'"rule":"{UNUSED_RULE}"' in charge.steps


def reproduce_from_balances(stored: StoredEvidence, evidence: BalanceEvidence) -> Reproduced:
    """The charge and the line once more, and everything that does not agree."""
    found: list[Difference] = []
    charge: Charge | None = None
    try:
        if stored.charge.price.startswith(PREFIX):
            charge = _commitment(stored, evidence, found)
        else:
            charge = _unused(stored, evidence, found)
    except (TieoutError, ValueError, KeyError, TypeError, AssertionError) as error:
        found.append(Difference("charge", stored.charge.id, "movements and terms that fit", str(error)))
    amount = None if charge is None else _compared(stored, charge, found)
    found += printed_differences(stored)
    quantity = None if charge is None else charge.quantity
    return Reproduced(quantity, amount, tuple(dict.fromkeys(found)))


def _commitment(stored: StoredEvidence, evidence: BalanceEvidence, found: list[Difference]) -> Charge | None:
    subscription = _named(Subscription, "subscription", stored.charge, evidence.document, found)
    _, _, rest = stored.charge.price.partition(PREFIX)
    key, _, role = rest.rpartition("/")
    commitment = None
    if subscription is not None:
        commitment = next((each for each in subscription.commitments if each.key == key), None)
        if commitment is None:
            found.append(Difference("subscription", subscription.key, f"a commitment {key}", NONE))
    if subscription is None or commitment is None:
        return None
    correction = parse_correction(stored.line.correction)
    if correction is not None:
        balances = CorrectedBalances(evidence.movements, evidence.rows)
        return corrected_commitment(stored, correction, subscription, commitment, balances, found)
    invoice, unit = stored.invoice, currency(stored.invoice.currency)
    known = known_by(evidence.movements, invoice)
    account, at = account_of(subscription.key, key), counts_at(stored.invoice.period)
    outcome = commitment_outcome(
        subscription,
        commitment,
        [each for each in known if each.effective_at < at or _is_carried(each, invoice)],
        usage=_metered(stored, commitment, unit),
        whole=stored.charge.period,
        period=invoice.period,
        currency=unit,
    )
    lines, moved = ([], []) if outcome is None else outcome
    moved = [] if invoice.kind == KIND_INTERIM else moved  # balances move with the final
    expected = {
        each.id: each.amount.minor
        for each in (recorded_as(one, account, invoice.customer, unit, invoice.id, at) for one in moved)
    }
    ours = {
        each.id: each.amount.minor
        for each in known
        if each.invoice == invoice.id and each.account.removesuffix(METERED) == account
        if corrected_period(each) is None
    }
    facts = ("movements", str(sorted(expected.items())), str(sorted(ours.items())))
    found += compared("movement", account, facts)
    line = next((each for each in lines if each.role.value == role), None)
    if line is None and stored.line.earlier is not None:
        line = CommitmentLine(Role(role), Fraction(0), NOTHING_DRAWN)
    if line is None:
        found.append(Difference("charge", stored.charge.id, f"no line for {role}", stored.charge.amount))
        return None
    return commitment_charge(
        line,
        commitment,
        subscription,
        plan=stored.charge.plan,
        plan_version=stored.charge.plan_version,
        currency=unit.code,
        period=stored.charge.period,
        segment=stored.charge.segment,
    )


def _is_carried(movement: Movement, invoice: StoredInvoice) -> bool:
    """What the invoice's own corrections of earlier periods moved: its period starts from there."""
    return movement.invoice == invoice.id and corrected_period(movement) is not None


def _metered(stored: StoredEvidence, commitment: Commitment, unit: Currency) -> int:
    """Minor units of the usage lines inside the term, as the sealed document prints them."""
    document: Members = json.loads(stored.invoice.document)
    amounts = [
        Money.read(line["cumulative"]["amount"] if "cumulative" in line else line["amount"], unit).minor
        for line in document["lines"]
        if line["subscription"] == stored.charge.subscription
        and line["snapshot"] is not None
        and "correction" not in line
        and in_term(commitment, parse_instant(line["segment"]["start"]))
    ]
    return sum(amounts)


def _unused(stored: StoredEvidence, evidence: BalanceEvidence, found: list[Difference]) -> Charge | None:
    price = _named(Price, "price", stored.charge, evidence.document, found)
    refund = evidence.refund
    charge = stored.charge if refund is None else refund.original.charge
    fee = billed_fee(evidence.movements, stored.invoice, charge)
    if fee is None:
        found.append(Difference("movement", charge.subscription, "a fee billed in advance", NONE))
    if fee is None or price is None:
        return None
    billing = evidence.billing
    if billing is None:
        found.append(Difference("movement", fee.line, "a line that billed the fee", NONE))
    else:
        found += compared("movement", fee.line, ("amount", billing.charge.amount, exact_text(fee.exact)))
        taken = sum((exact(each.amount) for each in discount_shares(billing.invoice, fee.line)), Fraction(0))
        discount = exact_text(fee.discount.as_fraction())
        found += compared("movement", fee.line, ("discount", exact_text(taken), discount))
    if stored.line.correction is not None:
        return corrected_refund(stored, fee, price, refund, found)
    return unused_fee(fee, charge.segment, price)


def _named(
    kind: type[R], layer: Layer, charge: StoredCharge, document: Document | None, found: list[Difference]
) -> R | None:
    owner = charge.subscription if layer == "subscription" else charge.price
    name = f"{owner} v{charge.price_version}"
    return record_named(kind, layer, document, found, name=name, digest=charge.price_digest)


def _compared(stored: StoredEvidence, charge: Charge, found: list[Difference]) -> Money:
    row, line = stored.charge, stored.line
    earlier = parse_earlier(line.earlier, currency(charge.price.currency))
    settled = settled_line(stored.invoice.id, line.ordinal, charge, zone_name="UTC", earlier=earlier)
    found += compared(
        "charge",
        row.id,
        ("amount", exact_text(charge.amount), row.amount),
        ("steps", steps_text(charge.steps), row.steps),
        ("quantity", str(charge.quantity), row.quantity),
    )
    amount = settled.amount
    found += compared(
        "line",
        line.id,
        ("amount", amount.decimal_text, Money(line.amount_minor, amount.currency).decimal_text),
        ("charge", row.id, line.charge),
    )
    return amount
