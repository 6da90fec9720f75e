"""A small home with sealed invoices, a key for packs, and named owners: for tests of disputes."""

from __future__ import annotations

from pathlib import Path

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tieout.dispute.decision import DecisionOrder
from tieout.dispute.dispute import Dispute
from tieout.dispute.opening import DisputeOrder
from tieout.dispute.role import Role
from tieout.dispute.state import Act
from tieout.dispute.type import DisputeType
from tieout.flows.close_periods import close
from tieout.flows.collectable import collectables
from tieout.flows.decide_dispute import DecidedDispute, decide_dispute
from tieout.flows.dispute_owners import name_owners
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.flows.keep_head import make_key
from tieout.flows.open_dispute import open_dispute
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId

ACME = CustomerId("acme")
OPS, ENGINEERING, FINANCE = "Olga", "Eva", "Finn"


def disputed_home(folder: Path, *, per_customer: int = 20) -> tuple[Home, SteppedClock]:
    """January is sealed; acme owes 31.13 (fee 10.00, calls 0.30, tokens 16.08, storage 4.75)."""
    home, clock = make_home(folder, now=FEBRUARY_3)
    ingest(home, january(per_customer))
    close(home, as_of=clock.now())
    make_key(home)
    name_three(home)
    return home, clock


def name_three(home: Home) -> None:
    persons = {Role.OPS: [OPS, "Omar"], Role.ENGINEERING: [ENGINEERING, "Emil"], Role.FINANCE: [FINANCE]}
    name_owners(home, persons, {}, person="Ada", reason="the team of 2026")


def number_of(home: Home, customer: CustomerId = ACME) -> str:
    return next(each.number for each in home.books.invoices.sealed(customer) if each.kind == "final")


def opened(
    home: Home,
    *,
    line: str | None = "3",
    type: DisputeType = DisputeType.EVIDENCE,
    amount: str | None = "10.00",
    reason: str = "we count less",
    customer: CustomerId = ACME,
    person: str = OPS,
) -> Dispute:
    order = DisputeOrder(number_of(home, customer), line, type, amount, reason)
    return open_dispute(home, order, person=person).dispute


def owed(home: Home) -> tuple[str, ...]:
    row = next(each for each in list_invoices(home, ACME) if each.kind == "final")
    (waits,) = [each for each in collectables(home, ACME) if each.invoice == row.id] or [None]
    amounts = [row.open, row.disputed, row.collectable]
    if waits is not None:
        assert [waits.open, waits.disputed, waits.collectable] == amounts
    return tuple("-" if each is None else each.decimal_text for each in amounts)


def uphold(home: Home, dispute: Dispute, **named: object) -> DecidedDispute:
    given: dict[str, object] = {"person": OPS, "reason": "they are right", "approved_by": FINANCE, **named}
    return decide_dispute(home, dispute.id, DecisionOrder(Act.UPHELD), **given)  # type: ignore[arg-type]
