"""Does what people decide of sealed papers in a process of its own, to be killed or run at once with others:
`python -m tests.faults.decider HOME MICROSECONDS VERB NAME [LINE]`, where VERB is one of `VERBS`: `credit`
(whose name is an invoice's number), `void`, `approve` (a report's digest), `pay` and so on. `CRASH_AT` in the
environment kills it there. Exits with 3 where it is refused because of what another did.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from tieout.close.review import StoredDraft
from tieout.contract.policy import PolicyRole
from tieout.dispute.decision import DecisionOrder
from tieout.dispute.opening import DisputeOrder
from tieout.dispute.role import Role
from tieout.dispute.state import Act
from tieout.dispute.type import DisputeType
from tieout.flows import correct, dispute_owners, drafts, ledger, manual_lines, say_dispute
from tieout.flows import open_dispute as disputes_opened
from tieout.flows.api_keys import create_api_key
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.decide_dispute import decide_dispute
from tieout.flows.disputes import list_disputes
from tieout.flows.drafts import list_drafts, note_draft, object_to_draft
from tieout.flows.home import Home
from tieout.flows.ledger import lock_month
from tieout.flows.manual_lines import LineOrder, list_lines
from tieout.flows.payments import record_payment
from tieout.flows.policy import propose, register_key
from tieout.flows.readiness import set_level
from tieout.flows.readiness_signing import SampleSaid, propose_override, record_sample
from tieout.flows.void_invoice import void_invoice
from tieout.flows.waivers import add_waiver_signature, propose_waiver
from tieout.flows.wallet import GrantOrder, grant_credit
from tieout.gateways.clock import SteppedClock
from tieout.kernel.errors import Refusal
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, parse_instant
from tieout.rate.manual_line import LineDecision
from tieout.readiness.level import Level
from tieout.wiring import open_home

ROOT = Path(__file__).parents[2]
REFUSED = 3


def credit(home: Home, number: str, line: str) -> None:
    credit_invoice(
        home,
        number,
        line=line,
        amount=None,
        kind="goodwill",
        person="Ann",
        reason="an outage",
        approved_by="Bob",
    )


def void(home: Home, number: str) -> None:
    void_invoice(home, number, person="Ann", reason="the wrong customer", approved_by="Bob")


def pay(home: Home, number: str, amount: str) -> None:
    record_payment(home, number, amount=amount, reference="wire-1", person="Ann", received_at=None)


def preview(home: Home) -> None:
    correct.preview(home, person="Ann", reason="looked for")


def approve(home: Home, digest: str) -> None:
    correct.approve(home, digest, person="Bob", reason="looked at")


def grant(home: Home) -> None:
    order = GrantOrder("acme", "5.00", None, "promotional", 100, None, None, (), ())
    grant_credit(home, order, grant_id=None, person="Fay", reason="agreed")


def lock(home: Home, month: str) -> None:
    lock_month(home, month, person="Fay", reason="reported")


def propose_entry(home: Home, manual: str) -> None:
    ledger.propose_entry(
        home,
        customer="acme",
        currency_code=None,
        debits=["bad-debt=1.00"],
        credits_=["receivable=1.00"],
        effective_at=None,
        manual_id=manual,
        person="Fay",
        reason="lost",
    )


def decide_entry(home: Home, manual: str) -> None:
    ledger.decide_entry(home, manual, approved=True, person="Bob", reason="seen")


def add_line(home: Home, day: str, amount: str) -> None:
    order = LineOrder("acme", parse_instant(day), None, amount, "For the outage", None)
    manual_lines.add_line(home, order, person="Dana", reason="agreed")


def decide_line(home: Home) -> None:
    (row,) = list_lines(home)
    manual_lines.decide_line(home, row.line.id, LineDecision.APPROVED, person="Erin", reason="on record")


def note(home: Home) -> None:
    note_draft(home, latest(home).invoice, person="Erin", text="seen")


def object_to(home: Home) -> None:
    object_to_draft(home, latest(home).invoice, person="Erin", reason="odd")


def approve_draft(home: Home) -> None:
    found = latest(home)
    drafts.approve_draft(home, found.invoice, sha256=found.sha256, person="Erin", reason="fine")


def redraft(home: Home) -> None:
    drafts.redraft(home, latest(home).invoice, person="Erin", reason="late events")


def approve_delta(home: Home) -> None:
    found = latest(home)
    drafts.approve_delta(home, found.invoice, digest=found.delta or "", person="Bob", reason="seen")


def waive(home: Home, source: str, total: str) -> None:
    propose_waiver(home, source, total, by="Dana", reason="lost for good")


def sign_waiver(home: Home, file: str) -> None:
    add_waiver_signature(home, Path(file))


def register(home: Home, file: str) -> None:
    register_key(home, PolicyRole.FINANCE, "Gus", Path(file))


def propose_policy(home: Home, file: str) -> None:
    propose(home, Path(file))


def apply(home: Home, file: str) -> None:
    apply_catalog(home, Path(file))


def make_api_key(home: Home) -> None:
    create_api_key(home, name="gateway", role="product", sources=())


def name_owners(home: Home) -> None:
    persons = {Role.OPS: ["Nina"], Role.ENGINEERING: ["Eva"], Role.FINANCE: ["Finn"]}
    dispute_owners.name_owners(home, persons, {}, person="Ada", reason="Olga left")


def open_dispute(home: Home, number: str, person: str = "Zoe") -> None:
    order = DisputeOrder(number, "1", DisputeType.DATA, "5.00", "they count less")
    disputes_opened.open_dispute(home, order, person=person)


def isolate(home: Home) -> None:
    say_dispute.isolate_dispute(home, open_one(home), person="Olga", reason="their log says else")


def uphold(home: Home) -> None:
    """Examined, where it was not, and decided with its credit note."""
    order = DecisionOrder(Act.UPHELD)
    decide_dispute(home, open_one(home), order, person="Olga", reason="they are right", approved_by="Finn")


def narrow(home: Home) -> None:
    set_level(home, Level.NARROW, ("acme",), person="Dana", reason="launch")


def expect(home: Home) -> None:
    days = date(2026, 2, 1), date(2026, 3, 1), date(2026, 3, 2)
    record_sample(home, SampleSaid("acme", days[0], days[1], PolicyRole.OPS, "Chi", "10.00", days[2]))


def override(home: Home) -> None:
    until = Instant(home.clock.now() + 24 * HOUR_MICROSECONDS)
    propose_override(home, "event", person="Dana", reason="examples come tomorrow", until=until)


def open_one(home: Home) -> str:
    return next(each.id for each in list_disputes(home) if each.opened_by == "Olga")


def latest(home: Home) -> StoredDraft:
    (row,) = list_drafts(home, "acme")
    return row.draft


VERBS: Final[dict[str, Callable[..., None]]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        *(
            credit,
            void,
            pay,
            preview,
            approve,
            grant,
            lock,
            propose_entry,
            decide_entry,
            add_line,
            decide_line,
        ),
        *(note, object_to, approve_draft, redraft, approve_delta, waive, sign_waiver),
        *(register, propose_policy, apply, make_api_key),
        *(name_owners, open_dispute, isolate, uphold, narrow, expect, override),
    )
}


def decide(home: Home, verb: str, *words: str) -> None:
    VERBS[verb](home, *words)


def start(folder: Path, now: Instant, *words: str, crash_at: str | None = None) -> subprocess.Popen[bytes]:
    """The process that decides this."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    if crash_at is not None:
        environment["CRASH_AT"] = crash_at
    command = [sys.executable, "-m", "tests.faults.decider", str(folder), str(int(now)), *words]
    return subprocess.Popen(command, env=environment, cwd=ROOT)


def main(arguments: Sequence[str]) -> int:
    folder, now, *words = arguments
    try:
        with open_home(Path(folder), clock=SteppedClock(Instant(int(now)))) as home:
            decide(home, *words)
    except Refusal as error:
        print(error, file=sys.stderr)
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
