"""The invoice as one canonical JSON document: the bytes that are sealed, stored, digested and shown.

Format 2 has discounts, taxes, credits and what is due; documents of format 1 knew none, and stay readable.

Keys are sorted, decimals are strings, instants RFC 3339 in UTC: equal invoices give equal bytes anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.snapshot_text import breakdown_json, conversion_json, groups_json, opening_json
from tieout.contract.party import Customer, Seller
from tieout.contract.program import Program
from tieout.invoice.document_amounts import document_amounts, line_amounts
from tieout.invoice.earlier import correction_json, earlier_json
from tieout.invoice.invoice import Invoice, PolicyReference
from tieout.invoice.line import Line
from tieout.invoice.off_cycle import off_cycle_json
from tieout.invoice.waived import waived_json
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.limits import RECORDS_ON_DOCUMENT_MAX
from tieout.kernel.period import Period
from tieout.kernel.rational import exact_text
from tieout.rate.charge import group_json, steps_json
from tieout.rate.terms import terms_json

DOCUMENT_FORMAT = "tieout/invoice/2"
GIVEN_BY_THE_SEAL = ("due_date", "issued_at", "number")
"""Members of a document that are known only when it is sealed, sorted as they stand in it."""


def document_bytes(invoice: Invoice) -> bytes:
    """The document in UTF-8, without a final newline."""
    return canonical_json(document(invoice)).encode()


@dataclass(frozen=True, slots=True)
class UnnumberedDocument:
    """A sealed document but for what only its seal knows. `members`: the text of all other members, where
    they stand before, between and after those of `GIVEN_BY_THE_SEAL`."""

    members: tuple[str, ...]

    def numbered(self, *, number: str, issued_at: Instant, due_date: date) -> bytes:
        """The bytes that `document_bytes` gives for the invoice with these."""
        given = {"due_date": due_date.isoformat(), "issued_at": format_instant(issued_at), "number": number}
        texts = [self.members[0]]
        for key, after in zip(GIVEN_BY_THE_SEAL, self.members[1:], strict=True):
            texts += [_members({key: given[key]}), after]
        return ("{" + ",".join(filter(None, texts)) + "}").encode()


def unnumbered_document(invoice: Invoice) -> UnnumberedDocument:
    """Of a sealed invoice, whatever its number and the instant of its issue."""
    whole = document(invoice)
    stretches: list[dict[str, JsonValue]] = [{}]
    for key in sorted(whole):
        if key in GIVEN_BY_THE_SEAL:
            stretches.append({})
        else:
            stretches[-1][key] = whole[key]
    return UnnumberedDocument(tuple(map(_members, stretches)))


def _members(members: dict[str, JsonValue]) -> str:
    """As they stand between the braces."""
    return canonical_json(members)[1:-1]


def document(invoice: Invoice) -> dict[str, JsonValue]:
    """The document as a JSON value. Whole numbers are JSON numbers; what can have a fraction is a string."""
    amounts = line_amounts(invoice)
    return {
        "format": DOCUMENT_FORMAT,
        "id": invoice.id,
        "number": invoice.number,
        "status": invoice.status.value,
        "kind": invoice.key.kind,
        "paper": invoice.paper.value,
        **({"replaces": list(invoice.replaces)} if invoice.replaces else {}),
        **({} if invoice.off_cycle is None else {"off_cycle": off_cycle_json(invoice.off_cycle)}),
        "series": invoice.key.series,
        "sequence": _whole(invoice.key.sequence),
        "currency": invoice.currency.code,
        "customer": _customer(invoice.customer),
        "seller": _seller(invoice.seller),
        "period": {**_period(invoice.period), "zone": invoice.customer.zone},
        "issued_at": None if invoice.issued_at is None else format_instant(invoice.issued_at),
        "due_date": None if invoice.due_date is None else invoice.due_date.isoformat(),
        "purchase_order": invoice.customer.purchase_order,
        "terms": _terms(invoice.customer.terms_days),
        "lines": [{**_line(line, invoice.period), **amounts[line.id]} for line in invoice.lines],
        **document_amounts(invoice),
        "cutoff": _whole(invoice.cutoff),
        "policy": _policy(invoice.policy),
        **({"meter_approvals": approvals} if (approvals := _approvals(invoice)) else {}),
        **({"waivers": [waived_json(each) for each in invoice.waived]} if invoice.waived else {}),
        "tzdata_version": invoice.tzdata_version,
        "software_version": invoice.software_version,
    }


def _line(line: Line, period: Period) -> dict[str, JsonValue]:
    """A line for a share of a calendar period that is longer than the invoice's says which period; one
    for a part of its meter's usage says which part. What the subscription agreed beside the price is
    written where there is something, and so is what earlier papers settled: `exact_amount` and the steps are
    of the whole charge."""
    charge = line.charge
    settlement = line.settlement
    share = {} if charge.period == period else {"share_of": _period(charge.period)}
    return {
        **share,
        **({} if charge.program is None else {"program": _program(charge.program)}),
        **({"terms": agreed} if (agreed := terms_json(charge.terms)) else {}),
        **(_settled_before(line) if line.earlier else {}),
        **({} if line.correction is None else {"correction": correction_json(line.correction)}),
        "id": line.id,
        "description": line.description,
        **({"group": group_json(charge.group)} if charge.group else {}),
        "subscription": charge.subscription,
        "meter": line.meter,
        "quantity": str(line.quantity),
        "unit": line.unit,
        "amount": line.amount.decimal_text,
        "exact_amount": exact_text(charge.amount),
        "rounding": charge.price.rounding.value,
        **({} if settlement is None else {"settlement": settlement}),
        "price": line.price,
        "price_version": _whole(line.price_version),
        "price_digest": charge.price.digest,
        "price_effective_from": format_instant(charge.effective_from),
        "plan": charge.plan,
        "plan_version": _whole(charge.plan_version),
        "segment": _period(charge.segment),
        "tax_category": charge.price.tax_category,
        "steps": steps_json(charge.steps),
        "snapshot": None if charge.snapshot is None else _snapshot(charge.snapshot),
    }


def _settled_before(line: Line) -> dict[str, JsonValue]:
    """What the line's charge comes to in all, and what of it other papers settled; the line is the rest."""
    settled = sum((each.amount for each in line.earlier), line.amount)
    return {
        "cumulative": {"quantity": str(line.charge.quantity), "amount": settled.decimal_text},
        "earlier": earlier_json(line.earlier),
    }


def _program(program: Program) -> JsonValue:
    return {
        "key": program.key,
        "version": _whole(program.version),
        "digest": program.digest,
        "name": program.name,
        "provider": program.provider,
        "source": program.source,
        "as_of": program.as_of.isoformat(),
        "charged_to": program.charged_to,
    }


def _snapshot(snapshot: Snapshot) -> JsonValue:
    """Groups and opening states by number and digest, and in full where they are few."""
    said: dict[str, JsonValue] = {}
    if snapshot.conversion is not None:
        said["unit"] = snapshot.unit
        said["conversion"] = conversion_json(snapshot.conversion)
    if snapshot.breakdown:
        said["breakdown"] = breakdown_json(snapshot.breakdown)
    if snapshot.groups:
        said["groups"] = _counted(groups_json(snapshot.groups), len(snapshot.groups))
    if snapshot.opening:
        said["opening"] = _counted(opening_json(snapshot.opening), len(snapshot.opening))
    return {
        **said,
        "meter": snapshot.meter,
        "meter_version": _whole(snapshot.meter_version),
        "meter_digest": snapshot.meter_digest,
        "period": _period(snapshot.period),
        "watermark": _whole(snapshot.watermark),
        "quantity": str(snapshot.quantity),
        "event_count": _whole(snapshot.event_count),
        "excluded_count": _whole(snapshot.excluded_count),
        "retracted_count": _whole(snapshot.retracted_count),
        "fingerprint": str(snapshot.fingerprint),
    }


def _counted(records: JsonValue, count: int) -> JsonValue:
    digest = sha256(canonical_json(records).encode()).hexdigest()
    inline = {"records": records} if count <= RECORDS_ON_DOCUMENT_MAX else {}
    return {"count": _whole(count), "sha256": digest, **inline}


def _customer(customer: Customer) -> JsonValue:
    return {
        "id": customer.key,
        "version": _whole(customer.version),
        "digest": customer.digest,
        "name": customer.name,
        "address": list(customer.address),
        "tax_id": customer.tax_id,
        "email": customer.email,
    }


def _seller(seller: Seller) -> JsonValue:
    return {
        "key": seller.key,
        "version": _whole(seller.version),
        "digest": seller.digest,
        "name": seller.name,
        "address": list(seller.address),
        "tax_id": seller.tax_id,
        "email": seller.email,
    }


def _approvals(invoice: Invoice) -> list[JsonValue]:
    """Who signed the changes of meters by which lines were measured; first versions need nobody."""
    return [
        {
            "meter": each.meter,
            "version": _whole(each.version),
            "owner": each.owner,
            "key_id": each.key_id,
        }
        for each in invoice.approvals
    ]


def _policy(policy: PolicyReference) -> JsonValue:
    return {
        "key": policy.key,
        "version": _whole(policy.version),
        "digest": policy.digest,
        "signatures": [{"role": role, "key_id": key_id} for role, key_id in policy.signatures],
        "small_team_exception": policy.small_team_exception,
    }


def _period(period: Period) -> dict[str, JsonValue]:
    return {"start": format_instant(period.start), "end": format_instant(period.end)}


def _terms(days: int) -> JsonValue:
    return {"days": _whole(days), "text": "due on receipt" if days == 0 else f"net {days} days"}


def _whole(number: int) -> JsonNumber:
    return JsonNumber(str(number))
