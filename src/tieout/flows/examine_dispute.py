"""Looks at a dispute's evidence as a stranger would: the kept pack goes through the verifier, and the lines
are traced anew. Where all agrees the amount is reproduced; where anything differs, the records conflict: the
dispute is isolated, with a hold and two owners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tieout.contract.notice_target import Severity
from tieout.dispute.deadline import next_update
from tieout.dispute.dispute import Dispute
from tieout.dispute.event import (
    FINDINGS_MAX,
    DisputeEvent,
    Examined,
    Isolation,
    PackRef,
    TracedAmount,
)
from tieout.dispute.role import Role
from tieout.dispute.state import Act, moved
from tieout.evidence.pack.minisign import public_key_text
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.decision import named
from tieout.flows.disputes import (
    Known,
    check_role,
    dispute_notice,
    find_dispute,
    owners_in_force,
    recorded,
)
from tieout.flows.home import Home
from tieout.flows.invoices import InvoiceDamaged, show_invoice
from tieout.flows.open_dispute import kept_pack
from tieout.flows.trace_line import trace
from tieout.invoice.stored_document import read_document
from tieout.kernel.errors import IntegrityViolation, Refusal, TieoutError
from tieout.kernel.ids import LineId
from tieout.kernel.instant import Instant
from tieout.notice.notice import Notice

ISOLATED_KIND: Final = "dispute.isolated"
FINDING_LENGTH_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found before anything is recorded; no findings: the evidence gives the amount again."""

    pack: PackRef | None
    lines: tuple[TracedAmount, ...]
    findings: tuple[str, ...]

    @property
    def reproduced(self) -> bool:
        return not self.findings


def examine_dispute(home: Home, id: str, *, person: str) -> Dispute:
    """The dispute after it: reproduced, or isolated. Raises `NoSuchDispute`, `NoSuchMove`, `WrongRole`."""
    by = named(person)
    check_role(home, by, Act.REPRODUCED, "examine the evidence of a dispute")
    before = find_dispute(home, id)
    moved(before.state, Act.REPRODUCED)  # refused before the work is done
    looked = look_at(home, before)

    def make(dispute: Dispute, _known: Known, at: Instant) -> Examined:
        isolation = None
        if looked.findings:
            isolation = isolation_of(home, dispute, f"records conflict: {looked.findings[0]}", at)
        kept = looked.findings[:FINDINGS_MAX]
        return Examined(looked.pack, looked.lines, kept, len(looked.findings), isolation)

    return recorded(home, before.id, by, make, tell=lambda *step: isolated_notices(home, *step))


def look_at(home: Home, dispute: Dispute) -> Looked:
    """Verifies and traces; records nothing."""
    findings: list[str] = []
    pack = _verified(home, dispute, findings)
    lines = []
    for line in _lines(home, dispute, findings):
        try:
            found = trace(home, line, page_size=1)
        except TieoutError as error:
            findings.append(_cut(f"line {line}: {error}"))
            continue
        reproduced = found.reproduced
        amount = None if reproduced.amount is None else reproduced.amount.decimal_text
        lines.append(TracedAmount(line, amount, reproduced.matches))
        findings += [_cut(f"line {line}: {each}") for each in reproduced.differences]
        if not reproduced.matches and not reproduced.differences:
            findings.append(f"line {line}: the evidence gives no amount")
    return Looked(pack, tuple(lines), tuple(findings))


def pack_findings(home: Home, pack: PackRef) -> list[str]:
    """What the verifier says of the kept file, with the key of this installation; empty: it checks."""
    content = home.kept_packs.read(pack.sha256)
    if content is None:
        return [f"the pack is gone: {home.kept_packs.place(pack.sha256)}"]
    digest = sha256(content).hexdigest()
    if digest != pack.sha256:
        return [f"the pack has SHA-256 {digest}, and {pack.sha256} is on record"]
    try:
        key = public_key_text(home.installation_key.public_key()).encode()
    except Refusal as error:  # gone, or readable by others
        return [_cut(f"the pack cannot be verified: {error}")]
    report = verify_pack(content, key)
    return [
        _cut(f"pack, {each.file}: {each.what}: expected {each.expected}, found {each.found}")
        for each in report.breaks
    ]


def isolation_of(home: Home, dispute: Dispute, reason: str, at: Instant) -> Isolation:
    """Engineering for the defect, ops for the customer: whoever has it already, else the first named."""
    owners = owners_in_force(home)
    engineering = dispute.owners.get(Role.ENGINEERING) or owners.persons[Role.ENGINEERING][0]
    ops = dispute.owners.get(Role.OPS) or owners.persons[Role.OPS][0]
    return Isolation(_cut(reason), engineering, ops, next_update(at, dispute.zone_name))


def isolated_notices(home: Home, dispute: Dispute, event: DisputeEvent) -> Sequence[Notice]:
    hold = dispute.hold
    if hold is None:
        return ()
    return (
        dispute_notice(
            home,
            event,
            ISOLATED_KIND,
            severity=Severity.WARNING,
            title=f"Dispute {dispute.id}: records conflict, a hold stands",
            text=f"{hold.reason}\n{hold.engineering} (engineering) answers for the defect, {hold.ops} (ops) "
            "keeps the customer informed.",
            to=[Role.ENGINEERING, Role.OPS],
        ),
    )


def _verified(home: Home, dispute: Dispute, findings: list[str]) -> PackRef | None:
    """The pack on record; where none could be built, another try."""
    pack = dispute.pack
    if pack is None:
        try:
            pack = kept_pack(home, dispute.claim.line or dispute.invoice)
        except IntegrityViolation as error:
            findings.append(_cut(str(error)))
            return None
    findings += pack_findings(home, pack)
    return pack


def _lines(home: Home, dispute: Dispute, findings: list[str]) -> list[LineId]:
    """Those that are disputed; of a whole invoice all."""
    if dispute.claim.line is not None:
        return [dispute.claim.line]
    try:
        invoice = show_invoice(home, dispute.invoice)
    except InvoiceDamaged as error:
        findings.append(_cut(str(error)))
        return []
    return [each.id for each in read_document(invoice.number, invoice.document).lines]


def _cut(text: str) -> str:
    return text if len(text) <= FINDING_LENGTH_MAX else f"{text[: FINDING_LENGTH_MAX - 3]}..."
