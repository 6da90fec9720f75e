"""What people decide, twice in a row, for a clock to step back between: each story says what is decided first
and what then, in a home where both can be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.clock_homes import ACME, LATER, OF_FEBRUARY, grant
from tests.faults.decider import latest
from tests.faults.test_corrections_killed import CHEAPER
from tests.small_home import POLICY, ingest
from tieout.contract.policy import PolicyRole, SignerRole, signer_role
from tieout.flows import correct, drafts
from tieout.flows.api_keys import create_api_key, list_api_keys, revoke_api_key
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.control_totals import control_total, state_control_total
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.flows.ledger import decide_entry, lock_month, propose_entry
from tieout.flows.manual_lines import LineOrder, add_line, decide_line, list_lines
from tieout.flows.payments import record_payment
from tieout.flows.pipeline_alerts import close_alert, list_alerts
from tieout.flows.policy import add_signature, policies, propose, register_key, write_signing_request
from tieout.flows.policy import revoke_key as revoke
from tieout.flows.retract_event import Decision, retract_event
from tieout.flows.signing_keys import rotate_key
from tieout.flows.triggers import list_holds, place_hold, release_hold
from tieout.flows.void_invoice import void_invoice
from tieout.flows.waivers import add_waiver_signature, propose_waiver, write_waiver_request
from tieout.flows.wallet import void_grant
from tieout.gateways.signing import generate_key
from tieout.gateways.signing_desk import sign_request
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant
from tieout.rate.manual_line import LineDecision

Does = Callable[[Home], object]


@dataclass(frozen=True)
class Story:
    """`first` is done, the clock steps back, `then` is done."""

    first: Does
    then: Does
    home: str = "sealed"


def close_until(home: Home, day: str) -> None:
    close(home, as_of=min(parse_instant(f"{day}T00:00:00Z"), home.clock.now()))


def close_alerts(home: Home) -> None:
    for alert in list_alerts(home):
        close_alert(home, alert.id, by="Chi", reason="a test client of ours")


def nothing(home: Home) -> None:
    """Only the close follows."""


def january_of(home: Home, customer: str = "acme") -> str:
    """Its first invoice of January."""
    rows = [each for each in list_invoices(home, CustomerId(customer)) if each.kind == "final"]
    number = rows[0].number
    assert number is not None
    return number


def credit(home: Home, line: str, amount: str) -> None:
    credit_invoice(
        home,
        january_of(home),
        line=line,
        amount=amount,
        kind="goodwill",
        person="Ann",
        reason="an outage",
        approved_by="Bob",
    )


def void(home: Home, customer: str = "acme") -> None:
    number = january_of(home, customer)
    void_invoice(home, number, person="Ann", reason="the wrong address", approved_by="Bob")


def void_february(home: Home) -> None:
    rows = [each for each in list_invoices(home, ACME) if each.kind == "final"]
    void_invoice(home, rows[-1].number or "", person="Ann", reason="the wrong address", approved_by="Bob")


def pay(home: Home, amount: str) -> None:
    record_payment(
        home, january_of(home), amount=amount, reference=f"wire-{amount}", person="Ann", received_at=None
    )


def corrected(home: Home, *, cheaper: bool = False, more: bool = False) -> None:
    """Previewed and approved, as things stand."""
    if more:
        ingest(home, LATER, "more.ndjson")
    folder = None
    if cheaper:
        folder = home.folder / "cheaper"
        folder.mkdir(exist_ok=True)
        (folder / "price.toml").write_text(CHEAPER)
    report = correct.preview(home, person="Ann", reason="looked at", catalog_folder=folder)
    assert report.digest is not None
    correct.approve(home, report.digest, person="Bob", reason="seen")


def say_line(home: Home, amount: str, decision: LineDecision = LineDecision.APPROVED) -> None:
    order = LineOrder("acme", parse_instant("2026-02-05T00:00:00Z"), None, amount, f"Of {amount}", None)
    line = add_line(home, order, person="Dana", reason="agreed")
    decide_line(home, line.id, decision, person="Erin", reason="seen")


def propose_line(home: Home) -> None:
    order = LineOrder("acme", parse_instant("2026-02-05T00:00:00Z"), None, "-3.00", "An outage", None)
    add_line(home, order, person="Dana", reason="agreed")


def approve_line(home: Home) -> None:
    (row,) = list_lines(home)
    decide_line(home, row.line.id, LineDecision.APPROVED, person="Erin", reason="seen")


def enter(home: Home, name: str) -> None:
    """Of January."""
    propose_entry(
        home,
        customer="acme",
        currency_code=None,
        debits=["bad-debt=1.00"],
        credits_=["receivable=1.00"],
        effective_at=parse_instant("2026-01-20T00:00:00Z"),
        manual_id=name,
        person="Fay",
        reason="lost",
    )


def entered(home: Home, name: str) -> None:
    decide_entry(home, name, approved=True, person="Bob", reason="seen")


def lock(home: Home) -> None:
    lock_month(home, "2026-01", person="Fay", reason="reported")


def papers_of(home: Home) -> Path:
    return home.folder / "papers"


def next_policy(home: Home) -> None:
    """Proposed: from April on drafts wait for a day."""
    (policy,) = [each.policy for each in policies(home)]
    later = POLICY.replace("version = 1", "version = 2").replace("2025-12-01", "2026-03-31")
    papers = papers_of(home)
    (papers / "next.toml").write_text(f'{later}predecessor_digest = "{policy.digest}"\n')
    proposed = propose(home, papers / "next.toml")
    write_signing_request(home, proposed.digest, papers / "request.json")


def sign_next(home: Home, *roles: str, suffix: str = "") -> None:
    papers = papers_of(home)
    for role, person in (("product", "Ada"), ("finance", "Bram"), ("ops", "Chi")):
        if role in roles:
            sign(papers / "request.json", papers, signer_role(role), person, key=f"{role}{suffix}")
            add_signature(home, papers / f"{role}.signature")


def sign(request: Path, papers: Path, role: SignerRole, person: str, *, key: str) -> None:
    out = papers / f"{role}.signature"
    out.unlink(missing_ok=True)
    sign_request(request, private_key=papers / f"{key}.key", role=role, person=person, out=out)


def new_key(home: Home, name: str) -> Path:
    papers = papers_of(home)
    if not (papers / f"{name}.pub").exists():
        generate_key(papers / f"{name}.key", papers / f"{name}.pub")
    return papers / f"{name}.pub"


def revoke_finance(home: Home) -> None:
    """That of Bram, who signed."""
    for key in home.books.signatures.signing_keys():
        if key.role is PolicyRole.FINANCE and key.person == "Bram" and key.revoked_at is None:
            revoke(home, key.key_id)
            return


def rotate_finance(home: Home, name: str) -> None:
    old = next(
        each
        for each in home.books.signatures.signing_keys()
        if each.role is PolicyRole.FINANCE and each.revoked_at is None
    )
    rotate_key(home, old.key_id, new_key(home, name))


def next_and_rotated(home: Home) -> None:
    next_policy(home)
    rotate_finance(home, "finance-2")


def next_and_signed(home: Home, *roles: str) -> None:
    next_policy(home)
    sign_next(home, *roles)


def state(home: Home, name: str, events: int) -> None:
    stated = control_total(
        source="gateway",
        id=name,
        type="api.call",
        start="2026-02-01T00:00:00Z",
        end="2026-03-01T00:00:00Z",
        events=str(events),
        field=None,
        total=None,
    )
    state_control_total(home, stated, by="gateway")


def propose_to_waive(home: Home) -> None:
    register_key(home, signer_role("engineering"), "Eve", new_key(home, "engineering"))
    state(home, "feb", len(OF_FEBRUARY) + 7)
    waiver = propose_waiver(home, "gateway", "feb", by="Dana", reason="lost for good")
    write_waiver_request(home, waiver.proposed.digest, papers_of(home) / "waiver.json")


def sign_waiver(home: Home, *roles: str) -> None:
    papers = papers_of(home)
    for role, person in (("engineering", "Eve"), ("finance", "Bram"), ("ops", "Chi")):
        if role in roles:
            sign(papers / "waiver.json", papers, signer_role(role), person, key=role)
            add_waiver_signature(home, papers / f"{role}.signature")


def waive(home: Home) -> None:
    propose_to_waive(home)
    sign_waiver(home, "finance", "ops")


def apply(home: Home, version: int, fee: str) -> None:
    """A version of the fee, from March on."""
    document = f"""
[[price]]
key = "fee-usd"
version = {version}
effective_from = 2026-03-{version:02d}T00:00:00Z
currency = "USD"
description = "Monthly fee"
shape = "flat"
amount = "{fee}"
"""
    path = home.folder / f"fee-{version}.toml"
    path.write_text(document)
    apply_catalog(home, path)


def take_back(home: Home, id: str) -> None:
    retract_event(
        home,
        source="gateway",
        event_id=id,
        decision=Decision("a test call", "Dana"),
    )


def hold(home: Home) -> None:
    place_hold(home, "acme", person="Chi", reason="odd usage")


def let_go(home: Home) -> None:
    for each in list_holds(home, "acme"):
        release_hold(home, each.id, person="Chi", reason="explained")


def make_key(home: Home) -> None:
    create_api_key(home, name="gateway", role="product", sources=())


def revoke_api_keys(home: Home) -> None:
    for each in list_api_keys(home):
        revoke_api_key(home, each.key_id)


def note(home: Home) -> None:
    drafts.note_draft(home, latest(home).invoice, person="Erin", text="seen")


def object_to(home: Home) -> None:
    drafts.object_to_draft(home, latest(home).invoice, person="Erin", reason="odd")


def approve_draft(home: Home) -> None:
    found = latest(home)
    drafts.approve_draft(home, found.invoice, sha256=found.sha256, person="Erin", reason="fine")


def redraft(home: Home) -> None:
    drafts.redraft(home, latest(home).invoice, person="Erin", reason="late events")


def approve_delta(home: Home) -> None:
    found = latest(home)
    drafts.approve_delta(home, found.invoice, digest=found.delta or "", person="Bob", reason="seen")


def redraft_and_confirm(home: Home) -> None:
    redraft(home)
    approve_delta(home)


STORIES: Final[dict[str, Story]] = {
    "credit, then again": Story(lambda h: credit(h, "1", "2.00"), lambda h: credit(h, "1", "3.00")),
    "credit, then another line": Story(lambda h: credit(h, "1", "2.00"), lambda h: credit(h, "2", "0.05")),
    "void, then another": Story(void, lambda h: void(h, "birch")),
    "void": Story(void, nothing),
    "pay, then again": Story(lambda h: pay(h, "3.00"), lambda h: pay(h, "5.00")),
    "credit, then pay": Story(lambda h: credit(h, "1", "2.00"), lambda h: pay(h, "5.00")),
    "pay, then credit": Story(lambda h: pay(h, "5.00"), lambda h: credit(h, "1", "2.00")),
    "correct": Story(corrected, nothing),
    "correct, then again": Story(corrected, lambda h: corrected(h, more=True)),
    "correct, then cheaper": Story(corrected, lambda h: corrected(h, cheaper=True)),
    "cheaper, then correct": Story(lambda h: corrected(h, cheaper=True), lambda h: corrected(h, more=True)),
    "correct, then credit": Story(corrected, lambda h: credit(h, "1", "1.00")),
    "credit, then correct": Story(lambda h: credit(h, "1", "1.00"), corrected),
    "grant": Story(lambda h: grant(h, "one", "5.00"), nothing),
    "grant, then another": Story(lambda h: grant(h, "one", "5.00"), lambda h: grant(h, "two", "6.00")),
    "grant, then void it": Story(
        lambda h: grant(h, "one", "5.00"), lambda h: void_grant(h, "one", person="Fay", reason="a mistake")
    ),
    "correct, then grant": Story(corrected, lambda h: grant(h, "two", "6.00")),
    "grant, then void an invoice": Story(lambda h: grant(h, "one", "5.00"), void),
    "line": Story(lambda h: say_line(h, "-6.00"), nothing),
    "line, then another": Story(lambda h: say_line(h, "-6.00"), lambda h: say_line(h, "4.00")),
    "line proposed, then approved": Story(propose_line, approve_line),
    "entry proposed, then approved": Story(lambda h: enter(h, "one"), lambda h: entered(h, "one")),
    "lock, then entry": Story(lock, lambda h: (enter(h, "one"), entered(h, "one"))),
    "entry, then lock": Story(lambda h: (enter(h, "one"), entered(h, "one")), lock),
    "lock, then credit": Story(lock, lambda h: credit(h, "1", "2.00")),
    "policy signed, then its key revoked": Story(
        lambda h: next_and_signed(h, "product", "finance", "ops"), revoke_finance
    ),
    "policy signed, then its key rotated": Story(
        lambda h: next_and_signed(h, "product", "finance", "ops"), lambda h: rotate_finance(h, "finance-2")
    ),
    "policy signed by two, then by the third": Story(
        lambda h: next_and_signed(h, "product", "finance"), lambda h: sign_next(h, "ops")
    ),
    "key rotated, then it signs": Story(
        next_and_rotated,
        lambda h: (sign_next(h, "finance", suffix="-2"), sign_next(h, "product", "ops")),
    ),
    "waiver signed by two, then by the third": Story(waive, lambda h: sign_waiver(h, "engineering")),
    "waiver proposed, then signed": Story(
        propose_to_waive, lambda h: sign_waiver(h, "engineering", "finance", "ops")
    ),
    "documents": Story(lambda h: apply(h, 2, "11.00"), lambda h: apply(h, 3, "12.00")),
    "event taken back, then another": Story(lambda h: take_back(h, "e20"), lambda h: take_back(h, "e21")),
    "January billed, then February": Story(
        lambda h: close_until(h, "2026-02-03"), lambda h: close_until(h, "2026-03-03"), home="balanced"
    ),
    "both billed, then the last voided": Story(
        lambda h: close_until(h, "2026-03-03"), void_february, home="balanced"
    ),
    "alert closed, then total stated": Story(close_alerts, lambda h: state(h, "feb", 0), home="alerted"),
    "hold, then release": Story(hold, let_go),
    "hold, release, then hold": Story(lambda h: (hold(h), let_go(h)), hold),
    "API key, then revoked": Story(make_key, revoke_api_keys),
    "draft objected to, then approved": Story(object_to, approve_draft, home="reviewed"),
    "draft approved, then objected to": Story(approve_draft, object_to, home="reviewed"),
    "draft noted, then made anew": Story(note, redraft, home="reviewed"),
    "draft made anew, then confirmed": Story(redraft, approve_delta, home="reviewed"),
    "draft confirmed, then approved": Story(redraft_and_confirm, approve_draft, home="reviewed"),
    "draft approved, then made anew": Story(approve_draft, redraft_and_confirm, home="reviewed"),
}
