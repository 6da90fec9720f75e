"""A scratch home with a test clock, whose one customer subscribes on a 31st."""

from __future__ import annotations

from pathlib import Path

from tests.small_home import CATALOG, CUSTOMER, POLICY, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.kernel.instant import parse_instant
from tieout.wiring import Home, create_home

JANUARY_31 = parse_instant("2024-01-31T00:00:00Z")
ANNIVERSARY = (
    POLICY.replace("2025-12-01", "2024-01-01")
    .replace('cadence = "monthly"', 'cadence = "monthly"\nanchor = "anniversary"')
    .replace("grace_hours = 24", "grace_hours = 0")
)


def scratch(folder: Path, policy: str = ANNIVERSARY) -> Home:
    """Acme subscribes from 31 January 2024; its periods end on 29 February, 31 March and 30 April."""
    home = create_home(folder, test_clock=JANUARY_31)
    papers = folder / "papers"
    papers.mkdir()
    acme = CUSTOMER.format(key="acme", zone="UTC", start="2024-01-31T00:00:00Z")
    text = (CATALOG + acme).replace("2025-01-01", "2024-01-01").replace("2025-12-31", "2024-01-31")
    (papers / "catalog.toml").write_text(text)
    apply_catalog(home, papers / "catalog.toml")
    sign_policy(home, papers, policy)
    return home
