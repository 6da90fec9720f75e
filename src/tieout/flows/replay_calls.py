"""Drives the calls of a set, each at its time, through the flows that the command line and the API call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar, get_args

from tieout.close.review import StoredDraft
from tieout.correction.credit import CreditKind, Rest
from tieout.flows.apply_catalog import apply_documents, load_catalog
from tieout.flows.close_periods import close
from tieout.flows.compact_log import compact_log
from tieout.flows.control_totals import control_total, state_control_total
from tieout.flows.correct import approve as approve_correction
from tieout.flows.correct import preview
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.drafts import approve_delta, approve_draft, object_to_draft, redraft
from tieout.flows.home import Home
from tieout.flows.late_events import late_rows
from tieout.flows.ledger import lock_month
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.manual_lines import LineOrder, add_line, decide_line
from tieout.flows.payments import record_payment
from tieout.flows.pipeline_alerts import close_alert
from tieout.flows.policy import propose, revoke_key
from tieout.flows.read_log import read_log
from tieout.flows.read_replay_set import ReplaySet
from tieout.flows.replay_candidate import Applied
from tieout.flows.replay_ingest import ingested
from tieout.flows.replay_signing import Signers
from tieout.flows.required_evidence import record_verification
from tieout.flows.retract_event import Decision, retract_event
from tieout.flows.verify_books import verify_books
from tieout.flows.verify_log import verify_log
from tieout.flows.void_invoice import void_invoice
from tieout.flows.wallet import GrantOrder, grant_credit
from tieout.kernel.errors import NotFound, Refusal, shown
from tieout.kernel.ids import CustomerId, KeyId
from tieout.kernel.instant import Instant, parse_instant
from tieout.ports.world import SettableClock
from tieout.rate.manual_line import LineDecision
from tieout.replay.call import VERDICTS, Call, CallKind
from tieout.replay.ran import RefusedCall
from tieout.trigger.crossing import ChangeKind

DEFAULT_PRIORITY: Final = "100"
WHOLE_DIGITS_MAX: Final = 18
KINDS: Final[tuple[CreditKind, ...]] = get_args(CreditKind)
RESTS: Final[tuple[Rest, ...]] = get_args(Rest)
Word = TypeVar("Word", bound=str)


class NoDraftOpen(NotFound):
    """Nobody waits for an approval there."""

    code = "no-draft-open"

    def __init__(self, customer: str, start: str) -> None:
        super().__init__(f"There is no open draft of {customer} for the period that starts at {start}.")


class MalformedWhole(Refusal):
    """A member is no whole number."""

    code = "malformed-whole"

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {shown(text)} is no whole number of at most {WHOLE_DIGITS_MAX} digits.")


class UnknownWord(Refusal):
    """A member is none of the words that it may be."""

    code = "unknown-word"

    def __init__(self, name: str, text: str, words: Sequence[str]) -> None:
        super().__init__(f"{name}: {shown(text)} is none of {', '.join(words)}.")


@dataclass(slots=True)
class Played:
    """What the calls came to. `counts` are of all ingests, by verdict; `misjudged` says where an ingest
    counted otherwise than when it was recorded."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERDICTS, 0))
    by_call: list[tuple[int, Mapping[str, int]]] = field(default_factory=list)
    misjudged: list[str] = field(default_factory=list)
    refused: list[RefusedCall] = field(default_factory=list)
    receipts_again: int = 0
    late: int = 0
    crossings: int = 0


@dataclass(slots=True)
class Player:
    """A scratch home on its clock, and the set that is played in it."""

    home: Home
    clock: SettableClock
    found: ReplaySet
    applied: Applied
    signers: Signers
    workers: int
    played: Played = field(default_factory=Played)

    def play(self, call: Call) -> None:
        """A refusal is kept, and the calls go on; what is broken is raised."""
        self.clock.set_to(call.at)
        try:
            DRIVERS[call.kind](self, call)
        except Refusal as error:
            self.played.refused.append(RefusedCall(call.line, call.kind, str(error)))

    def note_late(self) -> None:
        """Late events wait to be seen until something bills them."""
        catalog = load_catalog(self.home)
        rows = read_log(self.home, lambda manifest: late_rows(self.home, catalog, manifest, None))
        late: dict[tuple[str, int], int] = {}
        for row in rows:  # an event counts for many meters
            place = (row.customer, row.period.start)
            late[place] = max(late.get(place, 0), row.event_count)
        self.played.late = max(self.played.late, sum(late.values()))


def _catalog(player: Player, call: Call) -> None:
    documents = player.applied.by_line[call.line]
    apply_documents(player.home, documents)
    theirs = player.applied.changed_keys & {(each.kind, each.key, each.version) for each in documents}
    if theirs:
        player.signers.rehearse(theirs)


def _propose(player: Player, call: Call) -> None:
    propose(player.home, player.found.file(call.texts["policy"]))


def _key(player: Player, call: Call) -> None:
    file = player.found.file(call.texts["public_key"])
    player.signers.register(call.texts["role"], call.texts["person"], file)


def _revoke_key(player: Player, call: Call) -> None:
    revoke_key(player.home, KeyId(call.texts["key_id"]))


def _signature(player: Player, call: Call) -> None:
    """One over a document that the candidate changed signs nothing here; the candidate's is rehearsed."""
    file = player.found.file(call.texts["file"])
    try:
        told = call.texts.get("version")
        version = None if told is None else _whole("version", told)
        player.signers.submit(call.texts["of"], file, meter=call.texts.get("meter"), version=version)
    except Refusal:
        if not player.applied.changed or call.texts["of"] == "policy":
            raise
        player.signers.rehearse(player.applied.changed_keys)


def _rehearse(player: Player, _call: Call) -> None:
    player.signers.rehearse()


def _ingest(player: Player, call: Call) -> None:
    played = player.played
    counts, again = ingested(player.home, call, player.found.file(call.texts["file"]), workers=player.workers)
    played.receipts_again += again
    played.by_call.append((call.line, counts))
    for verdict, count in counts.items():
        played.counts[verdict] += count
    if call.recorded is not None and counts != call.recorded:
        told = ", ".join(
            f"{counts[name]} {name} ({call.recorded[name]} recorded)"
            for name in VERDICTS
            if counts[name] != call.recorded[name]
        )
        played.misjudged.append(f"calls.jsonl:{call.line}: {told}")


def _retract(player: Player, call: Call) -> None:
    texts = call.texts
    decision = Decision(texts["reason"], texts["by"], texts.get("approved_by"))
    retract_event(player.home, source=texts["source"], event_id=texts["id"], decision=decision)


def _look(player: Player, _call: Call) -> None:
    for report in look_to_head(player.home):
        player.played.crossings += sum(change.kind is ChangeKind.CROSSED for change in report.changes)


def _close(player: Player, call: Call) -> None:
    compact_log(player.home, rows_min=1)
    player.note_late()
    accounts = call.lists.get("accounts")
    chosen = None if accounts is None else tuple(CustomerId(key) for key in accounts)
    as_of = parse_instant(call.texts["as_of"])
    close(player.home, as_of=as_of, customers=chosen, workers=player.workers)


def _grant(player: Player, call: Call) -> None:
    texts, lists = call.texts, call.lists
    order = GrantOrder(
        customer=texts["customer"],
        amount=texts["amount"],
        currency=texts.get("currency"),
        kind=texts["kind"],
        priority=_whole("priority", texts.get("priority", DEFAULT_PRIORITY)),
        effective_at=_instant(texts.get("effective_at")),
        expires_at=_instant(texts.get("expires_at")),
        prices=lists.get("prices", ()),
        plans=lists.get("plans", ()),
    )
    grant_credit(player.home, order, grant_id=texts["id"], person=texts["by"], reason=texts["reason"])


def _payment(player: Player, call: Call) -> None:
    texts = call.texts
    record_payment(
        player.home,
        texts["invoice"],
        amount=texts["amount"],
        reference=texts["reference"],
        person=texts["by"],
        received_at=_instant(texts.get("received_at")),
    )


def _manual_line(player: Player, call: Call) -> None:
    texts = call.texts
    order = LineOrder(
        customer=texts["customer"],
        within=parse_instant(texts["within"]),
        until=None,
        amount=texts["amount"],
        description=texts["description"],
        tax_category=texts["tax_category"],
    )
    line = add_line(player.home, order, person=texts["by"], reason=texts["reason"])
    decision = LineDecision.APPROVED
    decide_line(player.home, line.id, decision, person=texts["approved_by"], reason=texts["reason"])


def _correction(player: Player, call: Call) -> None:
    player.note_late()
    accounts = call.lists.get("accounts")
    folder = call.texts.get("catalog")
    found = preview(
        player.home,
        person=call.texts["by"],
        reason=call.texts["reason"],
        customers=None if accounts is None else tuple(CustomerId(key) for key in accounts),
        catalog_folder=None if folder is None else player.found.file(folder),
    )
    if found.digest is not None:
        person, reason = call.texts["approved_by"], call.texts["reason"]
        approve_correction(player.home, found.digest, person=person, reason=reason)


def _credit(player: Player, call: Call) -> None:
    texts = call.texts
    kind, to = texts["kind"], texts.get("to", "balance")
    credit_invoice(
        player.home,
        texts["invoice"],
        line=texts["line"],
        amount=texts["amount"],
        kind=_one_of("kind", kind, KINDS),
        person=texts["by"],
        reason=texts["reason"],
        approved_by=texts["approved_by"],
        to=_one_of("to", to, RESTS),
    )


def _void(player: Player, call: Call) -> None:
    texts = call.texts
    person, reason = texts["by"], texts["reason"]
    void_invoice(
        player.home, texts["invoice"], person=person, reason=reason, approved_by=texts["approved_by"]
    )


def _control_total(player: Player, call: Call) -> None:
    texts = call.texts
    stated = control_total(
        source=texts["source"],
        id=texts["id"],
        type=texts["type"],
        start=texts["start"],
        end=texts["end"],
        events=texts["events"],
        field=texts.get("field"),
        total=texts.get("total"),
    )
    state_control_total(player.home, stated, by=texts["source"])


def _of_draft(player: Player, call: Call) -> None:
    """What is said about the draft that is open for a customer's period, as it stands now."""
    home, person, reason = player.home, call.texts["by"], call.texts["reason"]
    draft = _open_draft(player, call)
    match call.kind:
        case CallKind.APPROVE_DRAFT:
            approve_draft(home, draft.invoice, sha256=draft.sha256, person=person, reason=reason)
        case CallKind.APPROVE_DELTA:
            approve_delta(home, draft.invoice, digest=draft.delta or "", person=person, reason=reason)
        case CallKind.OBJECT_DRAFT:
            object_to_draft(home, draft.invoice, person=person, reason=reason)
        case _:
            redraft(home, draft.invoice, person=person, reason=reason)


def _open_draft(player: Player, call: Call) -> StoredDraft:
    customer, start = call.texts["customer"], call.texts["period_start"]
    for draft in player.home.books.drafts.open():
        if draft.customer == customer and draft.period.start == parse_instant(start):
            return draft
    raise NoDraftOpen(customer, start)


def _lock_month(player: Player, call: Call) -> None:
    lock_month(player.home, call.texts["month"], person=call.texts["by"], reason=call.texts["reason"])


def _verify_log(player: Player, call: Call) -> None:
    report, books = verify_log(player.home), verify_books(player.home)
    findings = len(report.findings) + len(books.findings)
    record_verification(player.home, report, person=call.texts["by"], findings=findings)


def _close_alert(player: Player, call: Call) -> None:
    close_alert(player.home, call.texts["id"], by=call.texts["by"], reason=call.texts["reason"])


def _instant(text: str | None) -> Instant | None:
    return None if text is None else parse_instant(text)


def _one_of(name: str, text: str, words: tuple[Word, ...]) -> Word:
    for word in words:
        if word == text:
            return word
    raise UnknownWord(name, text, words)


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= WHOLE_DIGITS_MAX):
        raise MalformedWhole(name, text)
    return int(text)


DRIVERS: Final[Mapping[CallKind, Callable[[Player, Call], None]]] = {
    CallKind.CATALOG: _catalog,
    CallKind.PROPOSE: _propose,
    CallKind.KEY: _key,
    CallKind.REVOKE_KEY: _revoke_key,
    CallKind.SIGNATURE: _signature,
    CallKind.REHEARSE: _rehearse,
    CallKind.INGEST: _ingest,
    CallKind.RETRACT: _retract,
    CallKind.LOOK: _look,
    CallKind.CLOSE: _close,
    CallKind.GRANT: _grant,
    CallKind.PAYMENT: _payment,
    CallKind.MANUAL_LINE: _manual_line,
    CallKind.CORRECTION: _correction,
    CallKind.CREDIT: _credit,
    CallKind.VOID: _void,
    CallKind.CONTROL_TOTAL: _control_total,
    CallKind.APPROVE_DRAFT: _of_draft,
    CallKind.OBJECT_DRAFT: _of_draft,
    CallKind.REDRAFT: _of_draft,
    CallKind.APPROVE_DELTA: _of_draft,
    CallKind.LOCK_MONTH: _lock_month,
    CallKind.VERIFY_LOG: _verify_log,
    CallKind.CLOSE_ALERT: _close_alert,
}
