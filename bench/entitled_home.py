"""What the bench of entitlements adds to the home that the close is measured with: features on its plan, two
with limits, and one that is a flag."""

from __future__ import annotations

from pathlib import Path

from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.home import Home

FEATURES = """
[[plan]]
key = "bench"
version = 2
effective_from = 2026-02-01T00:00:00Z
name = "Bench"
currency = "USD"
prices = ["requests-usd", "tokens-usd", "longest-usd"]
[[plan.feature]]
key = "requests"
meter = "requests"
limit = "1000000"
kind = "hard"
[[plan.feature]]
key = "tokens"
meter = "tokens"
limit = "5000000"
kind = "soft"
[[plan.feature]]
key = "export"
"""


def with_features(home: Home, papers: Path) -> None:
    """Applied once."""
    file = papers / "features.toml"
    if not file.exists():
        file.write_text(FEATURES)
        apply_catalog(home, file)
