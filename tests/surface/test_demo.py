"""The demo at reduced size: the equation holds, the months are closed, the trace comes out the same."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.surface.conftest import DemoHome, tieout
from tieout.cli.demo.broken_lines import broken_lines
from tieout.cli.demo.customers import customers_toml, demo_customers
from tieout.cli.demo.run_real import DATA_SETS
from tieout.cli.demo.traffic import Kind, write_traffic

REAL_DATA = Path(os.environ.get("TIEOUT_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))


def test_every_received_item_has_one_verdict(demo_home: DemoHome) -> None:
    summary = demo_home.summary
    verdicts = ("accepted", "duplicate", "conflict", "quarantined")
    assert summary["received"] == sum(summary[verdict] for verdict in verdicts)
    assert summary["accepted"] == 5_000
    assert all(summary[verdict] > 0 for verdict in verdicts)


def test_a_second_reading_adds_nothing(demo_home: DemoHome) -> None:
    assert demo_home.summary["read_again_accepted"] == 0


def test_25_customers_get_three_invoices_each(demo_home: DemoHome) -> None:
    assert demo_home.summary["invoices"] == 75


def test_a_traced_line_is_reproduced(demo_home: DemoHome) -> None:
    assert demo_home.summary["traced"]["matches"] is True


def test_the_demo_removes_only_a_home_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep me")
    ran = tieout("demo", "--events", "5000", "--home", str(tmp_path))
    assert ran.code == 2
    assert (tmp_path / "precious.txt").read_text() == "keep me"
    assert "not made by the demo" in ran.err


def test_a_folder_without_the_data_sets_is_refused_before_anything_is_removed(tmp_path: Path) -> None:
    ran = tieout("demo", "--data", str(tmp_path), "--home", str(tmp_path / "home"))
    assert ran.code == 3
    assert all(data_set.file in ran.err for data_set in DATA_SETS)
    assert not (tmp_path / "home").exists()


def test_equal_seeds_write_equal_traffic(tmp_path: Path) -> None:
    one = write_traffic(tmp_path / "one", events_count=3_000, seed=1)
    two = write_traffic(tmp_path / "two", events_count=3_000, seed=1)
    other = write_traffic(tmp_path / "other", events_count=3_000, seed=2)
    assert [file.path.read_bytes() for file in one] == [file.path.read_bytes() for file in two]
    assert [file.path.read_bytes() for file in one] != [file.path.read_bytes() for file in other]


def test_the_generator_sends_what_it_says(tmp_path: Path) -> None:
    """Counted again from the lines: the first of an identity is accepted, then it depends on the content."""
    found: Counter[Kind] = Counter()
    first: dict[tuple[str, str], str] = {}
    broken = set(broken_lines())
    files = write_traffic(tmp_path, events_count=3_000, seed=3)
    for file in files:
        for line in file.path.read_text().splitlines():
            if line in broken or not line.endswith("}"):
                found[Kind.QUARANTINED] += 1
                continue
            event = json.loads(line)
            known = first.setdefault((event["source"], event["id"]), line)
            if known is line:
                found[Kind.ACCEPTED] += 1
            else:
                found[Kind.DUPLICATE if known == line else Kind.CONFLICT] += 1
    assert found == sum((Counter(file.expected) for file in files), Counter())
    assert found[Kind.ACCEPTED] == 3_000


def test_the_roster_is_in_the_catalog() -> None:
    text = customers_toml()
    assert len(demo_customers()) == 25
    assert all(f'key = "{customer.key}"' in text for customer in demo_customers())


@pytest.mark.skipif(
    not all((REAL_DATA / data_set.file).is_file() for data_set in DATA_SETS),
    reason=f"the real data sets are not in {REAL_DATA}; TIEOUT_REAL_DATA names another folder",
)
def test_real_usage_bills_exactly_what_the_files_hold(tmp_path: Path) -> None:
    home = tmp_path / "demo-home"
    ran = tieout("demo", "--json", "--home", str(home), "--data", str(REAL_DATA))
    assert ran.code == 0, ran.err
    summary = ran.json
    assert summary["received"] == summary["accepted"] == 10_000 + 10_000 + 8_819
    assert summary["read_again_accepted"] == 0
    assert summary["traced"]["matches"] is True
    assert summary["invoices"] == 1_753 + 2 * 3 + 1
    rows = tieout("invoice", "list", "--customer", "azure-code", "--home", str(home), "--json").json
    shown = tieout("invoice", "show", rows[0]["id"], "--home", str(home), "--json").json
    # 5 x 3.00 + 10 x 2.50 + 3.059974 x 2.00 = 46.119948; 0.1 x 15.00 + 0.145896 x 12.00 = 3.250752
    assert {line["meter"]: (line["quantity"], line["amount"]) for line in shown["lines"]} == {
        "context-tokens": ("18059974", "46.12"),
        "generated-tokens": ("245896", "3.25"),
    }
    assert rows[0]["total"] == shown["total"] == "49.37"
