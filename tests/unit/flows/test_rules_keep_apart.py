"""L16 when it comes to it: what each type of rule leaves in the books, and what it leaves alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.ruled_home import ALERT, NOW, ruled_home, send
from tests.small_home import POLICY, call, make_home
from tieout.flows.answer_interims import answer_interims
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.close_periods import close
from tieout.flows.invoices import list_invoices
from tieout.flows.look_at_rules import look_to_head
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports.triggers import Look
from tieout.trigger.alert.telling import telling_of
from tieout.trigger.invoice.request import CloseAsked
from tieout.wiring import Home

CONTROL = """
[[charge_control]]
key = "limit"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Limit"
customers = ["acme"]
{members}
"""
USAGE = 'watch = "usage"\nmeter = "tokens"\nat = ["400"]\n'
MAY_BILL = """
[policy.off_cycle]
customers = ["acme"]
exposure_over = { USD = "5.00" }
"""


def left(home: Home) -> dict[str, int]:
    """What is in the books that a rule may have put there."""
    triggers = home.books.triggers
    found = Counter(each.notice.kind for each in home.books.notices.unrouted(1_000))
    found["holds"] = len(triggers.holds())
    found["reviews"] = len(triggers.reviews())
    found["requests"] = len(triggers.interim_requests(open_only=False))
    found["invoices"] = len(list_invoices(home))
    return {name: count for name, count in found.items() if count}


@pytest.mark.parametrize(
    ("rules", "leaves"),
    [
        (ALERT.format(version=1, rearm="period", more=""), {"alert.crossed": 2}),
        (
            CONTROL.format(members=USAGE + 'action = "hold"\nends = "person"'),
            {"charge.hold.placed": 1, "holds": 1},
        ),
        (CONTROL.format(members=USAGE + 'action = "review"'), {"charge.review.asked": 1, "reviews": 1}),
        (CONTROL.format(members=USAGE + 'action = "interim"'), {"charge.interim.asked": 1, "requests": 1}),
    ],
    ids=["an alert tells", "a hold holds", "a review asks", "what no policy allows is not billed"],
)
def test_a_rule_does_what_its_type_does_and_nothing_else(
    tmp_path: Path, rules: str, leaves: dict[str, int]
) -> None:
    home, clock = ruled_home(tmp_path / "home", rules)
    with home:
        look_to_head(home)
        send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=600))
        look_to_head(home)
        answer_interims(home)
        assert left(home) == leaves


def test_an_invoice_rule_bills_and_neither_holds_nor_tells(tmp_path: Path) -> None:
    home, clock = make_home(tmp_path / "home", now=NOW, policy=POLICY + MAY_BILL)
    with home:
        send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=600_000))
        close(home, as_of=clock.now())
        look_to_head(home)
        assert left(home) == {"invoices": 1}


def test_the_books_take_no_effect_that_is_none(tmp_path: Path) -> None:
    """Whoever gets past the types with what an alert or an invoice rule makes is stopped here."""
    home, clock = ruled_home(tmp_path / "home", ALERT.format(version=1, rearm="period", more=""))
    with home:
        look_to_head(home)
        send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=350))
        (report,) = look_to_head(home)
        (change,) = report.changes
        (alert,) = load_catalog(home).alerts
        period = Period(NOW, Instant(NOW + 1))
        for stray in (telling_of(alert, change), CloseAsked("x", CustomerId("acme"), period)):
            head = home.log.head()
            look = Look(head, Watermark(head + 1), (), [(stray, "because")], ())  # type: ignore[list-item]
            with pytest.raises(AssertionError):
                home.books.triggers.record(look, at=NOW)
            assert home.books.triggers.looked() == head
        assert left(home) == {"alert.crossed": 1}
