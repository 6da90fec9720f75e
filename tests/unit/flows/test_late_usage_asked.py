"""Late usage is read for every period that it belongs to, whatever calendars a customer has."""

from __future__ import annotations

from pathlib import Path

from tests.ruled_home import ALERT, apply_rules, ruled_home, send
from tests.small_home import CUSTOMER, call
from tieout.flows.look_at_rules import look_to_head
from tieout.kernel.instant import format_instant

TWO_CALENDARS = """
[[plan]]
key = "yearly"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Yearly"
currency = "USD"
prices = ["fee-usd"]
cadence = "yearly"

[[subscription]]
key = "delta-year"
version = 1
effective_from = 2024-12-31T00:00:00Z
customer = "delta"
[[subscription.phase]]
plan = "yearly"
from = "2025-01-01T00:00:00Z"
"""


def test_a_year_that_is_over_hides_no_month_of_another_subscription(tmp_path: Path) -> None:
    start = "2025-10-01T00:00:00Z"
    delta = CUSTOMER.format(key="delta", zone="UTC", start=start).replace("2025-12-31", "2025-01-01")
    rule = ALERT.format(version=1, rearm="below", more="").replace("2026-01-01", "2025-01-01")
    home, clock = ruled_home(tmp_path / "home", delta + TWO_CALENDARS)
    with home:
        apply_rules(home, rule)
        look_to_head(home)
        late = [f"2025-{month}-10T12:00:00Z" for month in ("10", "11", "12")]
        send(home, clock, *(call(number, "delta", time, tokens=350) for number, time in enumerate(late)))
        (report,) = look_to_head(home)
        found = sorted(
            (*(format_instant(each)[:7] for each in period), str(change.threshold))
            for change in report.changes
            for period in [(change.scope.period.start, change.scope.period.end)]
        )
        assert found == [
            ("2025-01", "2026-01", "300"),
            ("2025-01", "2026-01", "500"),
            ("2025-10", "2025-11", "300"),
            ("2025-11", "2025-12", "300"),
            ("2025-12", "2026-01", "300"),
        ]
        assert not report.unread
