"""Another system's export and the map of its names: read whole, or every problem with line and field."""

from __future__ import annotations

from datetime import date

from tieout.kernel.instant import parse_instant
from tieout.kernel.rational import exact
from tieout.replay.parallel_map import MAP_FORMAT, Corrections, ItemMap, PeriodEnd, Tolerance, parse_map
from tieout.replay.parallel_theirs import TheirRow, parse_theirs

HEADER = "customer,period_start,period_end,item,quantity,unit,currency,amount,tax,invoice\n"


def test_a_row_is_read_in_their_words() -> None:
    text = HEADER + 'ACME,2026-01-01,2026-01-31,"API, calls",3,calls,USD,0.05,,I-1\n'
    found, problems = parse_theirs("old.csv", text, {})
    assert not problems and found is not None
    (row,) = found.rows
    assert row == TheirRow(
        *(2, "ACME", date(2026, 1, 1), date(2026, 1, 31), "API, calls", "USD", exact("0.05")),
        quantity=exact(3),
        unit="calls",
        invoice="I-1",
    )


def test_columns_may_have_other_names_and_others_are_told() -> None:
    columns = {"customer": "Account", "item": "Product"}
    text = (
        "\ufeffAccount,Product,period_start,period_end,currency,amount,Region\n"
        "A,x,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,JPY,5,eu\n"
    )
    found, problems = parse_theirs("old.csv", text, columns)
    assert not problems and found is not None
    assert found.unread == ("Region",)
    assert found.rows[0].start == parse_instant("2026-01-01T00:00:00Z")


def test_every_problem_of_every_row_is_told_with_line_and_field() -> None:
    text = (
        HEADER
        + ",2026-01-01,2026-02-01,x,1,u,USD,1,,\n"
        + 'a,2026-13-01,2026-W05-1,x,"1,000",u,usd,1e3,zero,\n'
        + "a,2026-01-01,2026-02-01T00:00:00Z,,1,u,USD,,,\n"
        + "a,2026-01-01\n"
    )
    found, problems = parse_theirs("old.csv", text, {})
    assert found is None
    assert [(each.line, each.field) for each in problems] == [
        (2, "customer"),
        *((3, name) for name in ("period_start", "period_end", "currency", "amount", "quantity", "tax")),
        *((4, name) for name in ("item", "amount", "period_end")),
        (5, ""),
    ]
    assert all(str(each).startswith("old.csv:") for each in problems)


def test_a_file_without_the_columns_or_rows_is_refused() -> None:
    _, problems = parse_theirs("old.csv", "customer,item,item,amount\n", {"amount": "net"})
    assert {each.field for each in problems} == {"period_start", "period_end", "currency", "net", "item"}
    assert "for amount" in str(next(each for each in problems if each.field == "net"))
    _, problems = parse_theirs("old.csv", HEADER, {})
    assert "no rows" in str(problems[0])
    _, problems = parse_theirs("old.csv", HEADER + '"a,1\n', {})
    assert "is not CSV" in str(problems[0])


MAP = f"""
format = "{MAP_FORMAT}"
source = "Old system"
period_end = "inclusive"
corrections = "in-their-period"
[columns]
item = "Product"
[customers]
"ACC-1" = "acme"
[units]
calls = "call"
[[item]]
name = "API usage"
prices = ["calls-usd"]
[[item]]
name = "Support"
ignore = "billed by hand until April"
[[tolerance]]
name = "rounds each event"
amount = "0.05"
items = ["API usage"]
"""


def test_a_map_is_read_whole() -> None:
    found, problems = parse_map("map.toml", MAP)
    assert not problems and found is not None
    assert found.items["API usage"] == ItemMap("API usage", prices=("calls-usd",))
    assert found.items["Support"].ignore == "billed by hand until April"
    assert found.tolerances == (Tolerance("rounds each event", exact("0.05"), ("API usage",)),)
    assert (found.period_end, found.corrections) == (PeriodEnd.INCLUSIVE, Corrections.PERIOD)
    assert (found.columns, found.customers, found.units) == (
        {"item": "Product"},
        {"ACC-1": "acme"},
        {"calls": "call"},
    )


def test_every_problem_of_a_map_is_told_with_its_line() -> None:
    text = (
        MAP.replace('item = "Product"', 'product = "Product"')
        .replace('prices = ["calls-usd"]', 'prices = ["calls-usd"]\nmeters = ["calls"]')
        .replace('name = "Support"', 'name = "API usage"')
        .replace('"0.05"', "0.05")
        .replace('"inclusive"', '"open"')
        + 'colour = "red"\n'
    )
    found, problems = parse_map("map.toml", text)
    assert found is None
    told = {(each.line, each.field) for each in problems}
    assert {(4, "period_end"), (7, "columns.product"), (12, "item[0]"), (17, "item[1].name")} <= told
    assert (23, "tolerance[0].colour") in told
    assert any(each.field == "tolerance[0].amount" for each in problems)


def test_a_map_of_another_format_or_none_is_refused() -> None:
    for text, words in (
        ("", "is missing"),
        ('format = "tieout/parallel-map/2"', "is not"),
        ("format = ", "is not TOML"),
        (f'format = "{MAP_FORMAT}"\n[[tolerance]]\nname = "x"\namount = "0"\n', "above zero"),
    ):
        found, problems = parse_map("map.toml", text)
        assert found is None and words in str(problems[0])
