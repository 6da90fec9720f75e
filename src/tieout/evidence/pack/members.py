"""The members of a pack that say what the books hold: lines, usage, entries, signatures, transitions.

What is stored as canonical JSON is put in as it is stored; nothing is repaired, so that a verifier sees what
everybody saw.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tieout.balance.movement import Movement
from tieout.close.review import ReviewEntry, StoredDraft
from tieout.contract.document import Document
from tieout.contract.signature import Signature, SigningKey
from tieout.evidence.shares import DiscountShare
from tieout.evidence.stored import StoredCharge, StoredEvidence, StoredInvoice, StoredLine, StoredSnapshot
from tieout.evidence.stored_corrections import StoredVoid
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.period import Period
from tieout.ledger.entry import Entry

Members = dict[str, JsonValue]
SLUG_LENGTH_MAX = 40
DIGEST_SHOWN = 12
"""Hexadecimal digits of a digest in a file name."""


def json_bytes(value: JsonValue) -> bytes:
    return canonical_json(value).encode()


@dataclass(frozen=True, slots=True)
class LineBeside:
    """What stands beside a line: its shares of discounts, how it was rounded, what a person recorded, and
    which line it credits."""

    discounts: Sequence[DiscountShare]
    settlement: str | None
    manual: JsonValue = None
    credited: str | None = None


def line_json(stored: StoredEvidence, beside: LineBeside, price_effective_from: Instant | None) -> JsonValue:
    effective = None if price_effective_from is None else format_instant(price_effective_from)
    return {
        "line": _line(stored.line),
        "charge": {**_charge(stored.charge), "price_effective_from": effective},
        "usage": stored.charge.snapshot,
        "discounts": [
            {
                "name": each.name,
                "coupon": each.coupon,
                "coupon_version": _whole(each.coupon_version),
                "amount": each.amount,
            }
            for each in beside.discounts
        ],
        "settlement": beside.settlement,
        "manual_line": beside.manual,
        "credited_line": beside.credited,
    }


def _line(line: StoredLine) -> Members:
    return {
        "id": line.id,
        "ordinal": _whole(line.ordinal),
        "charge": line.charge,
        "description": line.description,
        "meter": line.meter,
        "quantity": line.quantity,
        "unit": line.unit,
        "amount_minor": _whole(line.amount_minor),
        "earlier": stored_json(line.earlier),
        "correction": stored_json(line.correction),
    }


def _charge(charge: StoredCharge) -> Members:
    return {
        "id": charge.id,
        "subscription": charge.subscription,
        "price": charge.price,
        "price_version": _whole(charge.price_version),
        "price_digest": charge.price_digest,
        "plan": charge.plan,
        "plan_version": _whole(charge.plan_version),
        "program": charge.program,
        "period": _period(charge.period),
        "segment": _period(charge.segment),
        "quantity": charge.quantity,
        "unit": charge.unit,
        "amount": charge.amount,
        "steps": stored_json(charge.steps),
        "grouped_by": stored_json(charge.grouped_by),
        "terms": stored_json(charge.terms),
    }


def usage_json(snapshot: StoredSnapshot) -> JsonValue:
    return {
        "id": snapshot.id,
        "customer": snapshot.customer,
        "subscription": snapshot.subscription,
        "event_type": snapshot.event_type,
        "meter": snapshot.meter,
        "meter_version": _whole(snapshot.meter_version),
        "meter_digest": snapshot.meter_digest,
        "unit": snapshot.unit,
        "period": _period(snapshot.period),
        "watermark": _whole(snapshot.watermark),
        "quantity": snapshot.quantity,
        "event_count": _whole(snapshot.event_count),
        "fingerprint": snapshot.fingerprint,
        "excluded_count": _whole(snapshot.excluded_count),
        "retracted_count": _whole(snapshot.retracted_count),
        "lineage": stored_json(snapshot.predicate),
        "breakdown": stored_json(snapshot.breakdown),
        "groups": stored_json(snapshot.groups),
        "conversion": stored_json(snapshot.conversion),
        "opening": stored_json(snapshot.opening),
    }


def document_name(document: Document) -> str:
    """A file name that any system takes, and that no other document has."""
    slug = re.sub(r"[^a-z0-9.-]+", "-", document.key.lower())[:SLUG_LENGTH_MAX].strip("-.")
    return f"documents/{document.kind}-{slug}-v{document.version}-{document.digest[:DIGEST_SHOWN]}.json"


def documents_json(documents: Iterable[Document]) -> JsonValue:
    return [
        {
            "kind": each.kind.value,
            "key": each.key,
            "version": _whole(each.version),
            "effective_from": format_instant(each.effective_from),
            "digest": each.digest,
            "file": document_name(each),
        }
        for each in documents
    ]


def policy_json(
    digest: str, home: str, signatures: Iterable[Signature], keys: Iterable[SigningKey]
) -> JsonValue:
    """The signatures over the policy of that digest, with the keys of the people behind them."""
    ours = sorted(
        (each for each in signatures if each.document_digest == digest), key=lambda each: each.role.value
    )
    named = {each.key_id for each in ours}
    return {
        "home": home,
        "digest": digest,
        "signatures": [
            {
                "role": each.role.value,
                "person": each.person,
                "key_id": each.key_id,
                "signature": each.signature.hex(),
                "signed_at": format_instant(each.signed_at),
            }
            for each in ours
        ],
        "keys": [
            {
                "key_id": key.key_id,
                "role": key.role.value,
                "person": key.person,
                "public_key": key.public_key.hex(),
                "registered_at": format_instant(key.registered_at),
                "revoked_at": None if key.revoked_at is None else format_instant(key.revoked_at),
            }
            for key in sorted(keys, key=lambda key: key.key_id)
            if key.key_id in named
        ],
    }


def ledger_json(entries: Iterable[Entry], *, kept: bool) -> JsonValue:
    """`kept` is False of an invoice that was sealed before there was a ledger."""
    return {
        "kept": kept,
        "entries": [
            {
                "id": each.id,
                "kind": each.kind.value,
                "customer": each.customer,
                "invoice": each.invoice,
                "effective_at": format_instant(each.effective_at),
                "effective_on": each.day.isoformat(),
                "accounting_period": each.accounting_period,
                "booked_at": None if each.booked_at is None else format_instant(each.booked_at),
                "reverses": each.reverses,
                "person": each.person,
                "reason": each.reason,
                "postings": [
                    {
                        "account": posting.account.value,
                        "currency": posting.amount.currency.code,
                        "minor": _whole(posting.amount.minor),
                        "line": posting.line,
                        "reverses": posting.reverses,
                    }
                    for posting in each.postings
                ],
            }
            for each in sorted(entries, key=lambda each: (each.effective_at, each.id))
        ],
    }


def movements_json(movements: Iterable[Movement]) -> JsonValue:
    return [
        {
            "id": each.id,
            "account": each.account,
            "kind": each.kind.value,
            "currency": each.amount.currency.code,
            "minor": _whole(each.amount.minor),
            "effective_at": format_instant(each.effective_at),
            "reason": each.reason,
            "person": each.person,
            "details": stored_json(each.details),
        }
        for each in movements
    ]


@dataclass(frozen=True, slots=True)
class Told:
    """What the books say happened to an invoice."""

    revisions: Sequence[StoredDraft]
    entries: Sequence[ReviewEntry]
    invoice: StoredInvoice
    voids: Sequence[StoredVoid]


def transitions_json(told: Told) -> JsonValue:
    """By instant; what happened in one instant in the order: drafted, said, sealed, voided."""
    found: list[tuple[Instant, int, Members]] = []
    for draft in told.revisions:
        said: Members = {
            "what": "held" if draft.state.value == "held" else "drafted",
            "revision": _whole(draft.revision),
            "cutoff": _whole(draft.cutoff),
            "sha256": draft.sha256,
            "person": draft.person,
            "reason": draft.reason,
        }
        found.append((draft.drafted_at, 0, said))
    for entry in told.entries:
        said = {
            "what": entry.kind.value,
            "revision": _whole(entry.revision),
            "sha256": entry.sha256,
            "person": entry.person,
            "reason": entry.text,
        }
        found.append((entry.recorded_at, 1, said))
    invoice = told.invoice
    sealed: Members = {
        "what": "sealed",
        "cutoff": _whole(invoice.cutoff),
        "number": invoice.number,
        "sha256": invoice.sha256,
    }
    found.append((invoice.sealed_at, 2, sealed))
    for void in told.voids:
        found.append((void.voided_at, 3, {"what": "voided", "person": void.person, "reason": void.reason}))
    found.sort(key=lambda each: each[:2])
    return [
        {"sequence": _whole(number), "at": format_instant(at), **said}
        for number, (at, _, said) in enumerate(found, start=1)
    ]


def stored_json(text: str | None) -> JsonValue:
    """A stored JSON text as a value whose canonical text is that text again."""
    if text is None:
        return None
    read: JsonValue = json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber)
    return read


def digests_in(value: object) -> set[str]:
    """Every text of 64 hexadecimal digits in a JSON value."""
    if isinstance(value, str):
        return {value} if re.fullmatch(r"[0-9a-f]{64}", value) else set()
    if isinstance(value, Mapping):
        return set().union(*map(digests_in, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(digests_in, value)) if value else set()
    return set()


def _period(period: Period) -> Members:
    return {"start": format_instant(period.start), "end": format_instant(period.end)}


def _whole(number: int) -> JsonNumber:
    return JsonNumber(str(number))
