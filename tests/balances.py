"""A home for tests of what crosses periods: wallets, a commitment and a fee in advance, through two
months."""

from __future__ import annotations

from pathlib import Path

from tests.small_home import SIGNED_AT, call, catalog_text, ingest, sign_policy
from tieout.balance.movement import Movement
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.wallet import GrantOrder, grant_credit
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, parse_instant
from tieout.wiring import Home, create_home

ACME = CustomerId("acme")

COMMITMENT = """
[[subscription.commitment]]
key = "monthly"
kind = "minimum"
amount = "40.00"
from = 2026-01-01T00:00:00Z
until = 2026-07-01T00:00:00Z
billing = "each_period"
rollover = true
"""


TOP_UP = 'top_up = { threshold = "20.00", amount = "50.00" }'


def balances_catalog() -> str:
    """The small home's, with acme's commitment, a fee in advance, and a top-up."""
    text = catalog_text().replace('amount = "10.00"', 'amount = "10.00"\ntiming = "advance"')
    head, _, rest = text.partition('[[subject]]\nsubject = "key-acme"')
    text = f'{head}{COMMITMENT}\n[[subject]]\nsubject = "key-acme"{rest}'
    head, _, rest = text.partition('seller = "us"\naddress = ["2 Street"]')
    return f'{head}seller = "us"\n{TOP_UP}\naddress = ["2 Street"]{rest}'


def make_balances_home(folder: Path, *, now: Instant) -> tuple[Home, SteppedClock]:
    """Acme has a promotional grant that expires with January, and a paid one; birch has a paid one."""
    clock = SteppedClock(SIGNED_AT)
    home = create_home(folder, clock=clock)
    papers = folder / "papers"
    papers.mkdir()
    (papers / "catalog.toml").write_text(balances_catalog())
    apply_catalog(home, papers / "catalog.toml")
    sign_policy(home, papers)
    give(home, "acme", "30.00", "gift", kind="promotional", expires_at=parse_instant("2026-02-01T00:00:00Z"))
    give(home, "acme", "25.00", "bought")
    give(home, "birch", "5.00", "small")
    clock.set_to(now)
    return home, clock


def give(home: Home, customer: str, amount: str, grant: str, **more: object) -> None:
    asked = {
        "currency": None,
        "kind": "paid",
        "priority": 100,
        "effective_at": None,
        "expires_at": None,
        "prices": (),
        "plans": (),
        **more,
    }
    order = GrantOrder(customer=customer, amount=amount, **asked)  # type: ignore[arg-type]
    grant_credit(home, order, grant_id=grant, person="Fay", reason="agreed")


def two_months(home: Home) -> None:
    """January: 2 calls of acme and 1 of birch; February: 1 of acme. A call of 100 tokens costs 0.015 +
    0.20."""
    ingest(
        home,
        [
            call(1, "acme", "2026-01-05T00:00:00Z"),
            call(2, "acme", "2026-01-06T00:00:00Z"),
            call(3, "birch", "2026-01-07T00:00:00Z"),
            call(4, "acme", "2026-02-08T00:00:00Z"),
        ],
    )


def movements(home: Home, customer: str = "acme") -> tuple[Movement, ...]:
    return home.books.movements.of([CustomerId(customer)]).get(CustomerId(customer), ())


def plainly(found: tuple[Movement, ...]) -> list[tuple[str, str, str]]:
    """What was recorded, without when."""
    return [(each.id, each.account, str(each.amount)) for each in found]
