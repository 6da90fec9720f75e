"""A small home on its way to its launch: one account changes its plan within January, another one's late
event is on its February invoice, and product, finance and ops say beforehand what both come to.

By hand, in USD. acme, January: 15 of 31 days at 10.00 (4.84) and 16 of 31 at 20.00 (10.32); 2 calls of 1,000
tokens before the change (0.03 and 4.00) and 1 after it (0.02 and 2.00): 21.21. birch, February: the fee
(10.00), 1 call (0.02 and 2.00), and the late call of January: calls 0.03 less 0.02, tokens 4.00 less 2.00:
14.03.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.small_home import (
    CATALOG,
    CUSTOMER,
    FEBRUARY_3,
    MARCH_3,
    POLICY,
    SIGNED_AT,
    ZONES,
    call,
    ingest,
    sign_policy,
)
from tieout.contract.policy import EngineeringRole, PolicyRole, SignerRole
from tieout.contract.signature import Signature
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.policy import register_key
from tieout.flows.readiness import Review, review, standing_of
from tieout.flows.readiness_signing import (
    SampleSaid,
    record_sample,
    sign_off_now,
    submit,
    write_readiness_request,
)
from tieout.gateways.clock import SteppedClock
from tieout.gateways.signing import generate_key
from tieout.gateways.signing_desk import sign_request
from tieout.kernel.instant import Instant, parse_instant
from tieout.readiness.documents import ReadinessDocument
from tieout.readiness.item import ItemKey
from tieout.readiness.items import item_named
from tieout.readiness.standing import Standing
from tieout.wiring import Home, create_home

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
JANUARY_21 = parse_instant("2026-01-21T00:00:00Z")
FEBRUARY_10 = parse_instant("2026-02-10T00:00:00Z")
PEOPLE: dict[SignerRole, str] = {
    PolicyRole.PRODUCT: "Ada",
    PolicyRole.FINANCE: "Bram",
    PolicyRole.OPS: "Chi",
    EngineeringRole.ENGINEERING: "Eve",
}
EXAMPLES = """
[[event.example]]
valid = true
event = '''{"specversion": "1.0", "source": "s", "id": "1", "type": "api.call", "subject": "k",
 "time": "2025-01-02T00:00:00Z", "data": {"tokens": 5}}'''
[[event.example]]
valid = false
reason = "out-of-range"
event = '''{"specversion": "1.0", "source": "s", "id": "2", "type": "api.call", "subject": "k",
 "time": "2025-01-02T00:00:00Z", "data": {"tokens": -5}}'''
"""
PLUS = """
[[price]]
key = "plus-fee-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
currency = "USD"
description = "Monthly fee, plus"
shape = "flat"
amount = "20.00"

[[plan]]
key = "plus"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Plus"
currency = "USD"
prices = ["plus-fee-usd", "calls-usd", "tokens-usd"]
"""
CHANGE = """until = "2026-01-16T00:00:00Z"
[[subscription.phase]]
plan = "plus"
from = "2026-01-16T00:00:00Z"

[[subject]]"""
LATE = 'late_approval = "policy"\n'


@dataclass(frozen=True)
class Ready:
    """The home, its clock, and the folder with everybody's keys."""

    home: Home
    clock: SteppedClock
    papers: Path

    def signs(self, document: ReadinessDocument, role: SignerRole, person: str | None = None) -> Signature:
        asked, made = self.papers / "asked.json", self.papers / "made.json"
        write_readiness_request(self.home, document.digest, asked)
        sign_request(
            asked,
            private_key=self.papers / f"{role.value}.key",
            role=role,
            person=person or PEOPLE[role],
            out=made,
        )
        return submit(self.home, made)[1]

    def expects(
        self,
        account: str,
        start: date,
        end: date,
        amount: str,
        on: date,
        roles: tuple[PolicyRole, ...] = tuple(PolicyRole),
    ) -> None:
        for role in roles:
            said = SampleSaid(account, start, end, role, PEOPLE[role], amount, on)
            self.signs(record_sample(self.home, said), role)

    def sign_off(self, *items: ItemKey) -> None:
        for item in items:
            document = self.home.books.readiness.add(sign_off_now(self.home, item.value))
            for role in item_named(item).roles:
                self.signs(document, role)

    def standing(self, item: ItemKey) -> Standing:
        return standing_of(self.home, item)

    def close_at(self, now: Instant) -> None:
        self.clock.set_to(now)
        close(self.home, as_of=now)

    def february_arrives(self) -> None:
        self.clock.set_to(FEBRUARY_10)
        events = [
            call(5, "birch", "2026-02-05T12:00:00Z", tokens=1000),
            call(6, "birch", "2026-01-20T12:00:00Z", tokens=1000),
        ]
        ingest(self.home, events, "february.ndjson")

    def run(self) -> None:
        """Everything as it should be: expected, closed, late, expected and closed."""
        self.expects("acme", JANUARY, FEBRUARY, "21.21", date(2026, 2, 3))
        self.close_at(FEBRUARY_3)
        self.february_arrives()
        self.expects("birch", FEBRUARY, MARCH, "14.03", date(2026, 3, 2))
        self.close_at(MARCH_3)

    @property
    def review(self) -> Review:
        return review(self.home)


def make_ready_home(folder: Path, *, policy: str = LATE, examples: str = EXAMPLES) -> Ready:
    """Usage of January is in; nothing is closed, and it is 21 January."""
    clock = SteppedClock(SIGNED_AT)
    home = create_home(folder, clock=clock)
    papers = folder / "papers"
    papers.mkdir()
    (papers / "catalog.toml").write_text(_catalog(examples))
    apply_catalog(home, papers / "catalog.toml")
    sign_policy(home, papers, POLICY + policy)
    generate_key(papers / "engineering.key", papers / "engineering.pub")
    register_key(home, EngineeringRole.ENGINEERING, "Eve", papers / "engineering.pub")
    clock.set_to(JANUARY_21)
    events = [
        call(1, "acme", "2026-01-05T12:00:00Z", tokens=1000),
        call(2, "acme", "2026-01-06T12:00:00Z", tokens=1000),
        call(3, "acme", "2026-01-20T12:00:00Z", tokens=1000),
        call(4, "birch", "2026-01-10T12:00:00Z", tokens=1000),
    ]
    ingest(home, events)
    return Ready(home, clock, papers)


def _catalog(examples: str) -> str:
    acme, birch = (
        CUSTOMER.format(key=key, zone=ZONES[key][0], start=ZONES[key][1]) for key in ("acme", "birch")
    )
    acme = acme.replace("\n[[subject]]", CHANGE, 1)
    return CATALOG.replace("\n[[meter]]", examples + "\n[[meter]]", 1) + PLUS + acme + birch
