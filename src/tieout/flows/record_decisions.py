"""What people and programs did in a home beside sending events, as calls that do it again, in their order.

What a call cannot say is counted and named: a set that leaves something out is no gate.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from tieout.balance.grant import WALLET, held_grants
from tieout.balance.movement import Movement, MovementKind
from tieout.close.review import EntryKind
from tieout.contract.document import Document, DocumentKind
from tieout.contract.signing_file import SignatureFile, signature_text
from tieout.evidence.pack.minisign import public_key_pem
from tieout.evidence.stored import StoredInvoice
from tieout.flows.approved_reason import read_agreed, read_decided
from tieout.flows.correct import documents_of
from tieout.flows.credit_note import CAUSES
from tieout.flows.home import Home
from tieout.flows.payments import payment_of
from tieout.invoice.invoice import KIND_NOTE
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.rational import exact_text
from tieout.ledger.entry import EntryKind as LedgerEntryKind
from tieout.rate.credit import credited_line, is_credit
from tieout.replay.call import Call, CallKind
from tieout.replay.written import documents_toml

AT_ONCE = {
    CallKind.KEY: 0,
    CallKind.CATALOG: 1,
    CallKind.PROPOSE: 1,
    CallKind.SIGNATURE: 2,
    CallKind.REVOKE_KEY: 3,
}
"""What happens at one instant, in this order; then what arrived, then everything else, then closes."""
SIGNED_KINDS: Mapping[DocumentKind, str] = {
    DocumentKind.POLICY: "policy",
    DocumentKind.METER: "meter",
    DocumentKind.PRICE: "price",
}
SAID: Mapping[EntryKind, CallKind] = {
    EntryKind.APPROVAL: CallKind.APPROVE_DRAFT,
    EntryKind.OBJECTION: CallKind.OBJECT_DRAFT,
    EntryKind.DELTA_APPROVAL: CallKind.APPROVE_DELTA,
}


@dataclass(slots=True)
class Decisions:
    """`left_out`: how often each thing happened that no call can say. `redrafted`: whose draft was made anew
    at which cutoff: a close of its own, and no call beside that of the person."""

    home: Home
    folder: Path
    only: Collection[CustomerId] | None
    calls: list[Call] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    redrafted: set[tuple[CustomerId, int, Instant]] = field(default_factory=set)

    def is_chosen(self, customer: CustomerId) -> bool:
        return self.only is None or customer in self.only

    def add(
        self,
        at: Instant,
        kind: CallKind,
        texts: Mapping[str, str],
        lists: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.calls.append(Call(0, at, kind, texts, lists or {}))

    def write(self, name: str, text: str) -> str:
        """A file of the set; gives its name."""
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return name


def record_decisions(home: Home, folder: Path, *, only: Collection[CustomerId] | None) -> Decisions:
    """Writes documents, keys and signatures below `folder`, and names them in calls."""
    found = Decisions(home, folder, only)
    corrections = _corrections(found)
    applied = home.books.documents.applied()
    _documents(found, [each for each in applied if each[0].digest not in corrections])
    _signatures(found, [document for document, _ in applied])
    _taken_back(found)
    _balances(found)
    _payments(found)
    _manual_lines(found)
    _drafts(found)
    _evidence(found)
    _ledger(found)
    return found


def _documents(found: Decisions, applied: Sequence[tuple[Document, Instant]]) -> None:
    """Those of one instant together; a policy is proposed by itself."""

    def stretch(each: tuple[Document, Instant]) -> tuple[Instant, str]:
        document, at = each
        return at, document.digest if document.kind is DocumentKind.POLICY else ""

    for number, ((at, policy), group) in enumerate(groupby(applied, key=stretch), 1):
        name = found.write(f"catalog/{number:04}.toml", documents_toml([each for each, _ in group]))
        kind, member = (CallKind.PROPOSE, "policy") if policy else (CallKind.CATALOG, "documents")
        found.add(at, kind, {member: name})


def _signatures(found: Decisions, documents: Sequence[Document]) -> None:
    for key in found.home.books.signatures.signing_keys():
        name = found.write(f"signing/{key.key_id}.pub", public_key_pem(key.public_key))
        texts = {"role": key.role.value, "person": key.person, "public_key": name}
        found.add(key.registered_at, CallKind.KEY, texts)
        if key.revoked_at is not None:
            found.add(key.revoked_at, CallKind.REVOKE_KEY, {"key_id": key.key_id})
    signed = {each.digest: each for each in documents if each.kind in SIGNED_KINDS}
    for number, each in enumerate(found.home.books.signatures.signatures(), 1):
        document = signed.get(each.document_digest)
        if document is None:
            continue  # a waiver's: counted with it
        file = SignatureFile(
            found.home.home_id, each.document_digest, each.role, each.person, each.key_id, each.signature
        )
        texts = {"of": SIGNED_KINDS[document.kind]}
        texts["file"] = found.write(f"signing/{number:04}.signature", signature_text(file))
        if document.kind is DocumentKind.METER:
            texts |= {"meter": document.key, "version": str(document.version)}
        found.add(each.signed_at, CallKind.SIGNATURE, texts)


def _corrections(found: Decisions) -> frozenset[str]:
    """Approved reports; gives the digests of the documents that they applied."""
    applied: set[str] = set()
    for number, report in enumerate(found.home.books.corrections.reports(), 1):
        for approval in report.approvals[:1]:
            documents = documents_of(report)
            texts = {"by": report.person, "reason": report.reason, "approved_by": approval.person}
            if documents:
                applied |= {each.digest for each in documents}
                name = f"catalog/correction-{number:04}.toml"
                texts["catalog"] = found.write(name, documents_toml(documents))
            lists = {} if found.only is None else {"accounts": tuple(sorted(found.only))}
            found.add(approval.approved_at, CallKind.CORRECTION, texts, lists)
    return frozenset(applied)


def _taken_back(found: Decisions) -> None:
    """Voided papers, and credits of single lines: who decided and who approved stands in the reason."""
    for void in found.home.books.corrections.voids():
        said = read_decided(void.reason)
        if not found.is_chosen(void.invoice.customer):
            continue
        if said is None:
            found.left_out["voided papers"] += 1
            continue
        texts = {"by": said.by, "reason": said.reason, "approved_by": said.approved_by}
        found.add(void.voided_at, CallKind.VOID, {"invoice": void.invoice.id, **texts})
    refunded = {
        entry.invoice for entry in found.home.books.ledger.entries() if entry.kind is LedgerEntryKind.REFUND
    }
    for stored in found.home.books.invoices.sealed():
        if stored.kind == KIND_NOTE and found.is_chosen(stored.customer):
            paper = found.home.books.invoices.find(stored.id)
            assert paper is not None, "it was listed"
            for line in json.loads(paper.document)["lines"]:
                if is_credit(line["price"]):
                    _credit(found, paper, line, is_refunded=stored.id in refunded)


def _credit(found: Decisions, paper: StoredInvoice, line: Mapping[str, Any], *, is_refunded: bool) -> None:
    said = read_agreed(line["correction"]["reason"])
    kind = next((name for name, cause in CAUSES.items() if cause.value in line["correction"]["causes"]), None)
    if said is None or kind is None:
        found.left_out["credits of lines"] += 1
        return
    credited = credited_line(line["price"])
    texts = {
        "invoice": credited.rpartition("-")[0],
        "line": credited,
        "amount": line["amount"].removeprefix("-"),
        "kind": kind,
        "by": said.by,
        "reason": said.reason,
        "approved_by": said.approved_by,
        "to": "refund" if is_refunded else "balance",
    }
    found.add(paper.sealed_at, CallKind.CREDIT, texts)


def _balances(found: Decisions) -> None:
    customers = [
        CustomerId(key) for key in sorted(_customers(found.home)) if found.is_chosen(CustomerId(key))
    ]
    for moved in found.home.books.movements.of(customers).values():
        _grants(found, moved)
        by_hand = [each for each in moved if each.invoice is None and each.person is not None]
        others = [each.kind for each in by_hand if each.kind is not MovementKind.GRANTED]
        found.left_out["movements of balances by hand"] += len(others)


def _grants(found: Decisions, moved: Sequence[Movement]) -> None:
    recorded = {each.account: each for each in moved if each.kind is MovementKind.GRANTED}
    for held in held_grants(moved):
        grant, movement = held.grant, recorded[held.grant.account]
        if movement.recorded_at is None or movement.person is None or not grant.account.startswith(WALLET):
            continue
        texts = {
            "customer": grant.customer,
            "amount": grant.amount.decimal_text,
            "currency": grant.amount.currency.code,
            "kind": grant.kind.value,
            "priority": str(grant.priority),
            "effective_at": format_instant(grant.effective_at),
            "id": grant.id,
            "by": movement.person,
            "reason": movement.reason,
        }
        if grant.expires_at is not None:
            texts["expires_at"] = format_instant(grant.expires_at)
        lists = {"prices": tuple(grant.prices), "plans": tuple(grant.plans)}
        found.add(movement.recorded_at, CallKind.GRANT, texts, lists)


def _payments(found: Decisions) -> None:
    for entry in found.home.books.ledger.entries():
        if entry.kind is not LedgerEntryKind.PAYMENT or not found.is_chosen(entry.customer):
            continue
        payment = payment_of(entry)
        assert entry.booked_at is not None, "a posted entry was booked"
        texts = {
            "invoice": payment.invoice,
            "amount": payment.amount.decimal_text,
            "reference": payment.reference,
            "by": payment.person,
            "received_at": format_instant(payment.received_at),
        }
        found.add(entry.booked_at, CallKind.PAYMENT, texts)


def _manual_lines(found: Decisions) -> None:
    for line in found.home.books.manual_lines.all():
        if not line.is_approved or line.decided is None or not found.is_chosen(line.customer):
            continue
        texts = {
            "customer": line.customer,
            "within": format_instant(line.period.start),
            "amount": exact_text(line.amount.as_fraction()),
            "description": line.description,
            "tax_category": line.tax_category,
            "by": line.person,
            "reason": line.reason,
            "approved_by": line.decided.person,
        }
        found.add(line.decided.decided_at, CallKind.MANUAL_LINE, texts)


def _drafts(found: Decisions) -> None:
    latest = [each for each in found.home.books.drafts.latest() if found.is_chosen(each.customer)]
    said = found.home.books.drafts.entries([each.invoice for each in latest])
    for draft in latest:
        texts = {"customer": draft.customer, "period_start": format_instant(draft.period.start)}
        for entry in said.get(draft.invoice, ()):
            kind = SAID.get(entry.kind)
            if kind is not None:
                found.add(entry.recorded_at, kind, {**texts, "by": entry.person, "reason": entry.text})
        for revision in found.home.books.drafts.revisions(draft.invoice) if draft.revision > 1 else ():
            if revision.person is not None:
                by = {"by": revision.person, "reason": revision.reason}
                found.add(revision.cutoff_at, CallKind.REDRAFT, {**texts, **by})
                found.redrafted.add((draft.customer, revision.cutoff, revision.cutoff_at))


def _evidence(found: Decisions) -> None:
    """What a policy may ask to be on record, and what was let pass."""
    pipeline = found.home.pipeline
    for each in pipeline.control_totals(source=None):
        stated = each.stated
        texts = {
            "source": stated.source,
            "id": stated.id,
            "type": stated.type,
            "start": format_instant(stated.start),
            "end": format_instant(stated.end),
            "events": str(stated.events),
        }
        if stated.field is not None and stated.total is not None:
            texts |= {"field": stated.field, "total": str(stated.total)}
        found.add(each.stated_at, CallKind.CONTROL_TOTAL, texts)
    for alert in pipeline.alerts(only_open=False, source=None):
        if alert.closed_at is not None:
            texts = {"id": alert.id, "by": alert.closed_by or "", "reason": alert.close_reason or ""}
            found.add(alert.closed_at, CallKind.CLOSE_ALERT, texts)
    verified = found.home.books.verifications.latest()
    if verified is not None:
        found.add(verified.verified_at, CallKind.VERIFY_LOG, {"by": verified.person})
    found.left_out["waivers"] += len(found.home.books.waivers.all())


def _ledger(found: Decisions) -> None:
    """Months that are locked decide where corrections are booked; entries by hand bear on no invoice."""
    for lock in found.home.books.ledger.locks():
        texts = {"month": lock.month, "by": lock.person, "reason": lock.reason}
        found.add(lock.locked_at, CallKind.LOCK_MONTH, texts)


def _customers(home: Home) -> set[str]:
    documents = home.books.documents.all()
    return {each.key for each in documents if each.kind is DocumentKind.CUSTOMER}
