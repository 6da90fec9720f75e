"""Files of expectations: exact values under a key, and every problem at once."""

from __future__ import annotations

from fractions import Fraction

from tieout.replay.face import What
from tieout.replay.stated import parse_stated


def test_values_are_exact_and_instants_are_brought_to_utc() -> None:
    text = "customer,period_start,currency,meter,quantity,amount\r\n"
    text += "acme,2026-01-01T00:00:00-05:00,USD,calls,0.10,\r\n"
    stated, problems = parse_stated("expected/lines.csv", text, What.LINES)
    assert problems == []
    assert stated is not None
    (row,) = stated.rows
    assert dict(row.key)["period_start"] == "2026-01-01T05:00:00Z"
    assert row.values == {"quantity": Fraction(1, 10)}
    assert stated.columns == ("customer", "period_start", "currency", "meter")


def test_every_problem_of_a_file_is_told_with_its_line() -> None:
    header = "customer,period_start,currency,quantity"
    text = f"{header}\nacme,2026-01-01T00:00:00Z,USD,1e5\nacme,yesterday,USD,1\nacme,x\n"
    text += "birch,2026-01-01T00:00:00Z,USD,1\nbirch,2026-01-01T01:00:00+01:00,USD,2\n"
    text += "cedar,2026-01-01T00:00:00Z,USD,\n"
    stated, problems = parse_stated("expected/lines.csv", text, What.LINES)
    assert stated is None
    assert [(each.line, each.field) for each in problems] == [
        (2, "quantity"),
        (3, "period_start"),
        (4, ""),
        (6, ""),
        (7, ""),
    ]
    assert "states the same again as line 5" in str(problems[3])


def test_columns_are_known_needed_and_named_once() -> None:
    _, problems = parse_stated("f.csv", "customer,customer,price_amount\n", What.LINES)
    assert [(each.field, each.message.split(";")[0]) for each in problems] == [
        ("price_amount", "is no column of lines"),
        ("period_start", "is needed as a column"),
        ("currency", "is needed as a column"),
        ("customer", "is named twice"),
        ("", "has none of the columns events, quantity, amount"),
    ]


def test_a_file_that_states_nothing_is_a_problem() -> None:
    _, problems = parse_stated("f.csv", "accepted\n", What.COUNTS)
    assert [str(each) for each in problems] == ["f.csv: states nothing"]
