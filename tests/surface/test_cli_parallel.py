"""Another system's invoices beside a home's, as a person and a machine are told; and bad files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_home import CUSTOMER, FEBRUARY_3, ingest, january, make_home
from tests.surface.conftest import Ran, in_process
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.kernel.rational import exact

MAP = """
format = "tieout/parallel-map/1"
source = "Old system"
period_end = "inclusive"
[columns]
customer = "Account"
[customers]
"ACC-1" = "acme"
[[item]]
name = "API calls"
meters = ["calls"]
[[tolerance]]
name = "rounds each event"
amount = "0.20"
items = ["API calls"]
"""
# small_home.january(): 20 calls each; tokens 100 + 37n for n below 20: 2,000 + 37 x 190 = 9,030, of which
# 5,000 at 2 and 4,030 at 1.5 a thousand: 16.045; the last size said is 19.125 GB, at 0.25: 4.78125
LINES = (
    ("Monthly fee", "1", "10.00"),
    ("API calls", "20", "0.30"),
    ("tokens-usd", "9030", "16.05"),
    ("stored", "19.125", "4.78"),
)
HEADER = "Account,period_start,period_end,item,quantity,currency,amount,invoice\n"


def export(folder: Path, *, changed: dict[str, str] | None = None, customers: tuple[str, ...] = ()) -> Path:
    """Their file: the lines above for each customer, some with another amount; an empty one is left out."""
    file = folder / "old.csv"
    rows = [
        f"{name},2026-01-01,2026-01-31,{item},{quantity},USD,{(changed or {}).get(item, amount)},A-{name}\n"
        for name in customers or ("ACC-1", "birch", "cedar")
        for item, quantity, amount in LINES
        if (changed or {}).get(item, amount)
    ]
    file.write_text(HEADER + "".join(rows))
    (folder / "map.toml").write_text(MAP)
    return file


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """January of three customers in three time zones, closed."""
    folder = tmp_path_factory.mktemp("parallel") / "home"
    made, _ = make_home(folder, now=FEBRUARY_3)
    with made:
        ingest(made, january())
        close(made, as_of=FEBRUARY_3)
    return folder


def run(home: Path, file: Path, *options: str) -> Ran:
    mapping = ("--map", str(file.parent / "map.toml"))
    return in_process("replay", "parallel", str(file), *mapping, *options, "--home", str(home))


def test_the_same_bills_match_in_three_time_zones(home: Path, tmp_path: Path) -> None:
    ran = run(home, export(tmp_path))
    assert ran.code == 0, ran.out + ran.err
    assert "3 bills compared. Lines: 12 matched." in ran.out
    assert "Old system" in ran.out and "Taxes were not compared" in ran.err
    told = run(home, tmp_path / "old.csv", "--json").json
    assert (told["differences"], told["lines"]["matched"]) == (0, 12)
    assert [bill["invoices_there"] for bill in told["bills"]] == [["A-ACC-1"], ["A-birch"], ["A-cedar"]]
    assert told["bills"][1]["period"]["start"] == "2026-01-01T05:00:00Z"


def test_a_difference_is_named_with_its_row_and_both_sides(home: Path, tmp_path: Path) -> None:
    ran = run(home, export(tmp_path, changed={"tokens-usd": "16.04"}), "--json")
    assert ran.code == 1
    wrong = [line for bill in ran.json["bills"] for line in bill["lines"] if line["status"] == "differs"]
    assert [(line["rows"], line["there"]["amount"], line["here"]["amount"]) for line in wrong] == [
        ([4], "16.04", "16.05"),
        ([8], "16.04", "16.05"),
        ([12], "16.04", "16.05"),
    ]
    assert sum(exact(line["difference"]) for line in wrong) == exact("0.03")
    shown = run(home, tmp_path / "old.csv")
    assert "the amounts differ" in shown.out and "(row 8)" in shown.out


def test_a_tolerance_is_shown_with_what_it_let_pass(home: Path, tmp_path: Path) -> None:
    ran = run(home, export(tmp_path, changed={"API calls": "0.40"}))
    assert ran.code == 0
    assert "Tolerance 'rounds each event', 0.2 a line for API calls" in ran.out
    assert "used on 3 lines, 0.3 in all" in ran.out


def test_what_one_side_lacks_is_a_difference_on_that_side(home: Path, tmp_path: Path) -> None:
    ran = run(
        home, export(tmp_path, changed={"stored": ""}, customers=("ACC-1", "birch", "nobody")), "--json"
    )
    assert ran.code == 1
    assert ran.json["customers_unknown_here"] == ["nobody"]
    found = {
        (bill["customer"], line["status"]): len(bill["lines"])
        for bill in ran.json["bills"]
        for line in bill["lines"]
    }
    assert found[("cedar", "missing there")] == 4
    assert found[("nobody", "missing here")] == 3
    assert ("acme", "missing there") in found


def test_who_is_chosen_leaves_out_nobody_who_may_be_meant(home: Path, tmp_path: Path) -> None:
    """Rows of a name that is none here may be of the one who was chosen: they fail as they do without."""
    file = export(tmp_path, customers=("ACC-1", "birch", "nobody"))
    only = run(home, file, "--customer", "birch")
    assert only.code == 1 and "nobody" in only.out and "4 missing here" in only.out
    assert "Not customers here: nobody (4 rows)" in only.err
    assert "4 rows of other customers: left out" in only.err
    told = run(home, file, "--customer", "birch", "--json").json
    assert [bill["customer"] for bill in told["bills"]] == ["birch", "nobody"]
    assert (told["rows_unknown_here"], told["rows_not_chosen"], told["differences"]) == (4, 4, 4)
    everybody = run(home, file, "--json").json
    assert (everybody["rows_unknown_here"], everybody["rows_not_chosen"]) == (4, 0)
    good = run(home, export(tmp_path), "--customer", "birch")
    assert good.code == 0 and "1 bills compared. Lines: 4 matched." in good.out
    assert "8 rows of other customers: left out" in good.err


def test_one_who_is_chosen_and_has_no_row_is_a_difference(home: Path, tmp_path: Path) -> None:
    """The file covers January, in which this home billed her."""
    ran = run(home, export(tmp_path, customers=("birch",)), "--customer", "cedar")
    assert ran.code == 1 and "4 missing there" in ran.out


def test_days_are_those_of_a_period_whatever_zone_its_customer_moved_to(tmp_path: Path) -> None:
    """Moved inside January, whose paper has the days of the new zone; theirs has those of before."""
    made, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with made:
        moved = CUSTOMER.format(key="acme", zone="America/New_York", start="")
        table = moved[: moved.index("[[subscription]]")].replace("version = 1", "version = 2")
        (tmp_path / "moved.toml").write_text(table.replace("2025-01-01T", "2026-01-20T"))
        apply_catalog(made, tmp_path / "moved.toml")
        ingest(made, january())
        close(made, as_of=FEBRUARY_3)
    file = export(tmp_path, customers=("ACC-1",))
    for start, end in (("2026-01-01", "2026-01-31"), ("2025-12-31", "2026-01-30")):
        file.write_text(file.read_text().replace("2026-01-01", start).replace("2026-01-31", end))
        told = run(tmp_path / "home", file, "--customer", "acme", "--json").json
        bills = [each for each in told["bills"] if each["invoices_there"]]
        assert [line["status"] for each in bills for line in each["lines"]] == ["matched"] * 4
        assert bills[0]["period"]["start"] == "2026-01-01T00:00:00Z"


def test_all_that_is_wrong_with_the_files_is_told_at_once(home: Path, tmp_path: Path) -> None:
    file = export(tmp_path, changed={"stored": "4 78", "tokens-usd": "1e1"})
    ran = run(home, file)
    assert ran.code == 2 and "6 problems; nothing was compared" in ran.err
    assert f"{file}:4: amount" in ran.err and f"{file}:13: amount" in ran.err
    (tmp_path / "map.toml").write_text(MAP.replace('"acme"', '"acne"').replace('["calls"]', '["cals"]'))
    ran = run(home, file)
    assert ran.code == 2
    assert "map.toml:8: customers.ACC-1" in ran.err and "map.toml:11: item[0].meters" in ran.err
    good = export(tmp_path)
    assert run(home, tmp_path / "none.csv").code == 3
    assert run(home, good, "--customer", "nobody").code == 3


def test_a_period_that_ends_before_it_starts_is_refused(home: Path, tmp_path: Path) -> None:
    file = export(tmp_path)
    file.write_text(HEADER + "acme,2026-02-01,2026-01-01,x,1,USD,1,\n")
    ran = run(home, file)
    assert ran.code == 2 and "old.csv:2: period_end: is not after period_start" in ran.err
