"""Builds the evidence pack of a sealed invoice, or of one of its lines: read, put together, signed.

Nothing is packed that is not what it was: an event whose content no longer gives its digest, or a count that
is no longer the snapshot's, refuses the pack and names a trace.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from tieout import __version__
from tieout.aggregate.snapshot_text import opening_positions
from tieout.contract.document import Document, DocumentKind
from tieout.contract.meter import Meter
from tieout.evidence.lineage import Lineage, parse_lineage
from tieout.evidence.pack.check_script import CHECK_SCRIPT, SCRIPT
from tieout.evidence.pack.manifest import PackHead, signed_pack
from tieout.evidence.pack.members import (
    LineBeside,
    Told,
    digests_in,
    document_name,
    documents_json,
    json_bytes,
    ledger_json,
    line_json,
    movements_json,
    policy_json,
    transitions_json,
    usage_json,
)
from tieout.evidence.pack.page import page
from tieout.evidence.pack.proof_query import PROOF_QUERY, proof_sql
from tieout.evidence.pack.query import quantity_sql
from tieout.evidence.piece import Piece, PiecePlace
from tieout.evidence.shares import discount_shares
from tieout.evidence.stored import StoredEvidence, StoredInvoice, StoredSnapshot
from tieout.evidence.trace import asked_usage
from tieout.flows.examine_lineage import DocumentName, contracts_of
from tieout.flows.home import Home
from tieout.flows.keep_roots import pieces_upto
from tieout.flows.pack_proofs import log_members, proof_member
from tieout.flows.trace_line import OF_ONE_CUSTOMER, settlement_of
from tieout.kernel.canonical import JsonValue
from tieout.kernel.errors import IntegrityViolation, NotFound, shown
from tieout.kernel.ids import LineId, Position, Watermark
from tieout.kernel.zone import tzdata_version
from tieout.ledger.balances import Selection
from tieout.ports import UnreadableSegment
from tieout.ports.lineage import PieceProof
from tieout.ports.packed_events import PackedEvents, PackQuestion
from tieout.rate.credit import credited_line, is_credit
from tieout.rate.manual_line import is_manual, manual_line_of, recorded_text

Proven = tuple[PackedEvents, tuple[PieceProof, ...]]
"""Events, and that they lie in the log."""
EVENT_FILES: Final = ("events", "retracted", "opening")
FILES_OF_THE_SIGNATURE: Final = 3
"""The manifest, its signature, and the digests once more for sha256sum."""


class NothingToPack(NotFound):
    """No sealed invoice and no line of one has that name."""

    code = "nothing-to-pack"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no sealed invoice and no line {shown(name)} here; `tieout invoice list`.")


class EvidenceDiffers(IntegrityViolation):
    """What is stored behind a line is not what it was when it was sealed."""

    code = "evidence-differs"

    def __init__(self, line: str, why: str) -> None:
        super().__init__(
            f"No pack is built: behind line {line}, {why}. `tieout trace {line}` shows what differs."
        )


@dataclass(frozen=True, slots=True)
class BuiltPack:
    """`content` is the zip file; `lines` and `events` say how much it is about."""

    content: bytes
    invoice: StoredInvoice
    lines: tuple[str, ...]
    events: int
    files: int
    manifest_sha256: str


@dataclass(slots=True)
class _Packing:
    """What is put into one pack; `pieces`: those of the log, up to the invoice's cutoff at least, and of them
    those that hold its events."""

    home: Home
    invoice: StoredInvoice
    pieces: Sequence[Piece]
    members: dict[str, bytes] = field(default_factory=dict)
    digests: set[str] = field(default_factory=set)
    plans: set[tuple[str, int]] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)
    subscriptions: set[str] = field(default_factory=set)
    used: dict[PiecePlace, Piece] = field(default_factory=dict)
    events: int = 0


def build_pack(home: Home, name: str) -> BuiltPack:
    """`name`: an invoice's id or number, or a line's id. Raises `NothingToPack`, `EvidenceDiffers`, or that
    there is no key."""
    public_key = home.installation_key.public_key()
    invoice, lines = _asked(home, name)
    if sha256(invoice.document).hexdigest() != invoice.sha256:
        raise EvidenceDiffers(lines[0].line.id, "the sealed document does not have its digest")
    packing = _Packing(home, invoice, _pieces(home, invoice, lines))
    catalog = _catalog(home, lines)
    for stored in lines:
        _add_line(packing, stored, catalog)
    usages = _add_usages(packing, lines, catalog)
    _add_paper(packing)
    _add_documents(packing, catalog)
    packing.members |= log_members(home, packing.used.values())
    document = json.loads(invoice.document)
    ids = tuple(str(stored.line.id) for stored in lines)
    packing.members["index.html"] = page(document, ids, usages, is_test_clock=home.test_clock is not None)
    packing.members[CHECK_SCRIPT] = SCRIPT.encode()
    head = PackHead(
        home=home.home_id,
        invoice=invoice.id,
        number=invoice.number,
        sha256=invoice.sha256,
        lines=ids,
        software_version=__version__,
        tzdata_version=tzdata_version(),
    )
    sign = home.installation_key.sign
    content, manifest = signed_pack(head, packing.members, public_key=public_key, sign=sign)
    digest = sha256(manifest).hexdigest()
    return BuiltPack(
        content, invoice, ids, packing.events, len(packing.members) + FILES_OF_THE_SIGNATURE, digest
    )


def _asked(home: Home, name: str) -> tuple[StoredInvoice, list[StoredEvidence]]:
    invoice = home.books.invoices.find(name)
    if invoice is None:
        line = home.books.invoices.evidence(LineId(name))
        if line is None:
            raise NothingToPack(name)
        return line.invoice, [line]
    printed = json.loads(invoice.document)["lines"]
    found = [home.books.invoices.evidence(LineId(line["id"])) for line in printed]
    missing = [line["id"] for line, stored in zip(printed, found, strict=True) if stored is None]
    if missing:
        raise EvidenceDiffers(missing[0], "no row is stored for it")
    return invoice, [stored for stored in found if stored is not None]


def _catalog(home: Home, lines: Sequence[StoredEvidence]) -> dict[DocumentName, Document]:
    found = list(home.books.documents.all(leaving_out=OF_ONE_CUSTOMER))
    customer = lines[0].invoice.customer if lines else ""
    found += home.books.documents.versions(DocumentKind.CUSTOMER, customer)
    for subscription in sorted({stored.charge.subscription for stored in lines}):
        found += home.books.documents.versions(DocumentKind.SUBSCRIPTION, subscription)
    return {(each.kind, each.key, each.version): each for each in found}


def _add_line(packing: _Packing, stored: StoredEvidence, catalog: Mapping[DocumentName, Document]) -> None:
    charge = stored.charge
    price = catalog.get((DocumentKind.PRICE, charge.price, charge.price_version))
    manual: JsonValue = None
    if is_manual(charge.price):
        line = packing.home.books.manual_lines.find(manual_line_of(charge.price))
        decided = None if line is None else line.decided
        manual = (
            None
            if line is None
            else {
                "recorded": recorded_text(line),
                "decided_by": None if decided is None else decided.person,
                "decision": None if decided is None else decided.decision.value,
            }
        )
    beside = LineBeside(
        discounts=discount_shares(packing.invoice, stored.line.id),
        settlement=settlement_of(packing.invoice, stored.line.id),
        manual=manual,
        credited=credited_line(charge.price) if is_credit(charge.price) else None,
    )
    said = line_json(stored, beside, None if price is None else price.effective_from)
    packing.members[f"lines/{stored.line.id}.json"] = json_bytes(said)
    packing.digests.add(charge.price_digest)
    packing.plans.add((charge.plan, charge.plan_version))
    packing.subscriptions.add(charge.subscription)
    if charge.program is not None:
        packing.programs.add(charge.program)


def _add_usages(
    packing: _Packing, lines: Sequence[StoredEvidence], catalog: Mapping[DocumentName, Document]
) -> list[str]:
    """Each snapshot once, however many lines rest on it."""
    folders: list[str] = []
    for stored in lines:
        snapshot = stored.snapshot
        if snapshot is None or f"usage/{snapshot.id}" in folders:
            continue
        meter = catalog.get((DocumentKind.METER, snapshot.meter, snapshot.meter_version))
        asked = asked_usage(snapshot, meter)
        if asked.request is None:
            raise EvidenceDiffers(stored.line.id, "; ".join(map(str, asked.differences)))
        lineage = parse_lineage(snapshot.event_type, snapshot.predicate)
        question = PackQuestion(
            lineage=lineage,
            request=asked.request,
            opening=frozenset(Position.parse(each) for each in opening_positions(snapshot.opening)),
            contracts=contracts_of(catalog, lineage.event_type),
            secret=packing.home.log.identity_secret,
            erased=lambda position, residue: _erased(packing.home, position, residue),
        )
        packed, proofs = _packed_again(packing, snapshot, question)
        _refuse_differences(stored, snapshot, packed)
        folder = f"usage/{snapshot.id}"
        folders.append(folder)
        _add_files(packing, folder, snapshot, packed, lineage, asked.request.meter)
        _add_proofs(packing, folder, proofs)
        packing.digests.add(snapshot.meter_digest)
        packing.types.add(lineage.event_type)
        packing.events += packed.counted.rows
    return folders


def _add_proofs(packing: _Packing, folder: str, proofs: Sequence[PieceProof]) -> None:
    packing.members[f"{folder}/proof.csv"] = proof_member(proofs)
    packing.used.update((proof.piece.place, proof.piece) for proof in proofs)
    if proofs:
        files = [name for name in EVENT_FILES if f"{folder}/{name}.csv" in packing.members]
        packing.members[f"{folder}/{PROOF_QUERY}"] = proof_sql(files).encode()


def _add_files(
    packing: _Packing,
    folder: str,
    snapshot: StoredSnapshot,
    packed: PackedEvents,
    lineage: Lineage,
    meter: Meter,
) -> None:
    members = packing.members
    members[f"{folder}/usage.json"] = json_bytes(usage_json(snapshot))
    members[f"{folder}/events.csv"] = packed.counted.csv
    members[f"{folder}/events.parquet"] = packed.counted.parquet
    if packed.retracted is not None:
        members[f"{folder}/retracted.csv"] = packed.retracted.csv
    if packed.opening is not None:
        members[f"{folder}/opening.csv"] = packed.opening.csv
        members[f"{folder}/opening.parquet"] = packed.opening.parquet
    sql = quantity_sql(snapshot, meter, lineage.spans, has_opening=packed.opening is not None)
    members[f"{folder}/quantity.sql"] = sql.encode()


def _pieces(home: Home, invoice: StoredInvoice, lines: Sequence[StoredEvidence]) -> Sequence[Piece]:
    counted = any(stored.snapshot is not None for stored in lines)
    return pieces_upto(home, Watermark(invoice.cutoff)) if counted else ()


def _packed_again(packing: _Packing, snapshot: StoredSnapshot, question: PackQuestion) -> Proven:
    try:
        return _packed(packing, snapshot, question, distrust=False)
    except UnreadableSegment:  # merged away meanwhile, or a local copy that changed
        return _packed(packing, snapshot, question, distrust=True)


def _packed(
    packed_into: _Packing, snapshot: StoredSnapshot, question: PackQuestion, *, distrust: bool
) -> Proven:
    home, lineage = packed_into.home, question.lineage
    rows = home.log.lineage_rows(
        lineage.windows, lineage.event_type, watermark=Watermark(snapshot.watermark), distrust=distrust
    )
    packing = home.engine.event_packing(question, rows)
    for table in rows.tables():
        packing.add(table)
    packed = packing.packed()
    return packed, rows.proofs(packed.disclosed, packed_into.pieces)


def _erased(home: Home, position: Position, residue: bytes) -> bytes | None:
    erasure = home.review.erasure(position)
    return None if erasure is None or erasure.residue_sha256 != residue else erasure.content_digest


def _refuse_differences(stored: StoredEvidence, snapshot: StoredSnapshot, packed: PackedEvents) -> None:
    if packed.differing:
        first = packed.differing[0]
        raise EvidenceDiffers(stored.line.id, f"event {first} does not give the digest stored with it")
    if packed.fingerprint != snapshot.fingerprint:
        why = f"the events come to {packed.fingerprint}, and the snapshot says {snapshot.fingerprint}"
        raise EvidenceDiffers(stored.line.id, why)


def _add_paper(packing: _Packing) -> None:
    """What is of the whole invoice, whichever line was asked for."""
    home, invoice, members = packing.home, packing.invoice, packing.members
    books = home.books
    members["invoice/document.json"] = invoice.document
    kept = invoice.id not in books.ledger.before_ledger()
    members["invoice/ledger.json"] = json_bytes(
        ledger_json(books.ledger.entries(Selection(invoice=invoice.id)), kept=kept)
    )
    told = Told(
        revisions=books.drafts.revisions(invoice.id),
        entries=books.drafts.entries([invoice.id]).get(invoice.id, ()),
        invoice=invoice,
        voids=[each for each in books.corrections.voids() if each.invoice.id == invoice.id],
    )
    members["invoice/transitions.json"] = json_bytes(transitions_json(told))
    moved = books.movements.of([invoice.customer]).get(invoice.customer, ())
    members["invoice/movements.json"] = json_bytes(
        movements_json(each for each in moved if each.invoice == invoice.id)
    )
    said = policy_json(
        invoice.policy_digest, home.home_id, books.signatures.signatures(), books.signatures.signing_keys()
    )
    members["policy.json"] = json_bytes(said)
    packing.digests.add(invoice.policy_digest)


def _add_documents(packing: _Packing, catalog: Mapping[DocumentName, Document]) -> None:
    """Those that the invoice or its lines name, as they are stored."""
    named = packing.digests | digests_in(json.loads(packing.invoice.document))
    found = [
        each
        for each in catalog.values()
        if each.digest in named
        or (each.kind is DocumentKind.PLAN and (each.key, each.version) in packing.plans)
        or (each.kind is DocumentKind.EVENT and each.key in packing.types)
        or each.name.removeprefix("program ") in packing.programs
        or (each.kind is DocumentKind.SUBSCRIPTION and each.key in packing.subscriptions)
    ]
    found.sort(key=lambda each: (each.kind.value, each.key, each.version))
    packing.members["documents.json"] = json_bytes(documents_json(found))
    for each in found:
        packing.members[document_name(each)] = each.table.encode()
