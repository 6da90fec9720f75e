"""What a meter may count, over which field, in which unit it is billed: every mistake is named at once."""

from __future__ import annotations

import pytest

from tests.unit.contract.sample import problems_of, with_changes
from tieout.contract.reading.conversion import read_conversion
from tieout.contract.reading.table import Findings, TableReader
from tieout.kernel.canonical import JsonNumber, JsonValue

GOOD: dict[str, JsonValue] = {
    "divide_by": "1000000000",
    "unit": "GB",
    "places": JsonNumber("3"),
    "rounding": "up",
}


def problems(**changes: JsonValue) -> list[tuple[str, str]]:
    findings = Findings()
    members = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    read_conversion(TableReader({"conversion": members}, findings))
    return findings.items


def test_a_conversion_is_read_exactly() -> None:
    findings = Findings()
    found = read_conversion(TableReader({"conversion": {**GOOD, "divide_by": "0.001"}}, findings))
    assert findings.items == []
    assert found is not None
    assert (str(found.divide_by), found.unit, found.places) == ("1/1000", "GB", 3)
    assert read_conversion(TableReader({}, findings)) is None


@pytest.mark.parametrize(
    ("changes", "name", "message"),
    [
        ({"divide_by": "0"}, "divide_by", "above zero"),
        ({"divide_by": "-1"}, "divide_by", "above zero"),
        ({"divide_by": JsonNumber("1000")}, "divide_by", 'as a string: "1000"'),
        ({"divide_by": "1e9"}, "divide_by", "not a plain decimal"),
        ({"divide_by": None}, "divide_by", "is missing"),
        ({"unit": None}, "unit", "is missing"),
        ({"places": None}, "places", "is missing"),
        ({"places": JsonNumber("13")}, "places", "outside 0 to 12"),
        ({"places": JsonNumber("-1")}, "places", "outside 0 to 12"),
        ({"rounding": None}, "rounding", "is missing"),
        ({"rounding": "upwards"}, "rounding", "'upwards' is not one of"),
        ({"multiply_by": "2"}, "multiply_by", "unknown key"),
    ],
)
def test_each_member_of_a_conversion_is_checked(
    changes: dict[str, JsonValue], name: str, message: str
) -> None:
    (found,) = problems(**changes)
    assert found[0] == f"conversion.{name}"
    assert message in found[1]


def test_all_mistakes_of_a_conversion_are_named_at_once() -> None:
    found = problems(divide_by="0", unit=None, places=JsonNumber("99"), rounding="off")
    assert [name for name, _ in found] == [
        "conversion.divide_by",
        "conversion.unit",
        "conversion.places",
        "conversion.rounding",
    ]


AGGREGATED = 'aggregation = "sum"'


@pytest.mark.parametrize("aggregation", ["max", "min", "average", "time_weighted", "last", "sum"])
def test_only_unique_takes_a_field_that_is_no_number(aggregation: str) -> None:
    assert textual(aggregation) == [
        f"{aggregation} needs a number, but model is of type string in llm.completion v1"
    ]
    assert textual("unique") == []


def textual(aggregation: str) -> list[str]:
    """The messages about the field of a meter over the model, a text."""
    extra = f"""
[[meter]]
key = "models"
version = 1
effective_from = 2026-01-01T00:00:00Z
definition = "The models."
owner = "models"
event = "llm.completion"
aggregation = "{aggregation}"
field = "model"
unit = "model"
"""
    found = problems_of(with_changes(("meters.toml", "", extra)))
    return [each.message for each in found if "meter models" in str(each) and "on v1" in each.message]


@pytest.mark.parametrize("aggregation", ["max", "min", "average", "time_weighted", "unique"])
def test_all_but_count_need_a_field(aggregation: str) -> None:
    found = problems_of(
        with_changes(("meters.toml", AGGREGATED + '\nfield = "', f'aggregation = "{aggregation}"\nf = "'))
    )
    assert any(f"{aggregation} needs the field" in problem.message for problem in found)
