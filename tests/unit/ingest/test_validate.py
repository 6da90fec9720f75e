"""A value keeps the type and the constraints of its field, or is refused for one exact reason."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.sample import CALL, EXAMPLES, accepted, refused, with_data
from tieout.contract.event_contract import Field, FieldType, Use
from tieout.ingest.event import Value
from tieout.ingest.reason import Reason
from tieout.ingest.validate import typed_value
from tieout.kernel.canonical import JsonNumber
from tieout.kernel.instant import parse_instant
from tieout.kernel.limits import STRING_LENGTH_MAX
from tieout.kernel.quantity import Quantity

DECIMAL = Field("amount", FieldType.DECIMAL, Use.BILLING)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ('"cost": -5.5', Quantity.parse("-5.5")),
        ('"cost": 999999999999999999.999999999999', Quantity.parse("999999999999999999.999999999999")),
        ('"cost": "0.000000000001"', Quantity.from_atoms(1)),
        ('"tokens": 1000000', 1_000_000),
        ('"tokens": "7.0"', 7),
        ('"cached": false', False),
        ('"cached": "true"', True),
        ('"model": "large"', "large"),
        ('"note": ""', ""),
        ('"note": "12345678901234567890"', "12345678901234567890"),
        ('"text": "%s"' % ("x" * STRING_LENGTH_MAX), "x" * STRING_LENGTH_MAX),
        ('"started": "2026-01-15T12:30:00.1234567+01:00"', parse_instant("2026-01-15T11:30:00.123456Z")),
    ],
)
def test_values_are_typed_by_their_field(member: str, value: Value) -> None:
    name = member.split('"')[1]
    data = "{%s}" % (member if name == "tokens" else f'"tokens": 1, {member}')
    found = accepted(with_data(data)).fields[name]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ('"tokens": null', Reason.FIELD_MISSING),
        ('"other": 1', Reason.FIELD_MISSING),
        ('"tokens": true', Reason.FIELD_TYPE),
        ('"tokens": [1]', Reason.FIELD_TYPE),
        ('"tokens": {"n": 1}', Reason.FIELD_TYPE),
        ('"tokens": 1.5', Reason.NOT_AN_INTEGER),
        ('"tokens": "1.5"', Reason.NOT_AN_INTEGER),
        ('"tokens": -1', Reason.OUT_OF_RANGE),
        ('"tokens": 1000001', Reason.OUT_OF_RANGE),
        ('"tokens": 1e3', Reason.NUMBER_MALFORMED),
        ('"tokens": ""', Reason.NUMBER_MALFORMED),
        ('"tokens": 1000000000000000000', Reason.NUMBER_DIGITS),
        ('"tokens": 1, "cost": "-5.500000000001"', Reason.OUT_OF_RANGE),
        ('"tokens": 1, "cost": "0.0000000000001"', Reason.NUMBER_DIGITS),
        ('"tokens": 1, "cached": 1', Reason.FIELD_TYPE),
        ('"tokens": 1, "cached": "True"', Reason.FIELD_TYPE),
        ('"tokens": 1, "model": "medium"', Reason.NOT_IN_ENUM),
        ('"tokens": 1, "model": 1', Reason.FIELD_TYPE),
        ('"tokens": 1, "note": 1', Reason.FIELD_TYPE),
        ('"tokens": 1, "note": "ääääääääääx"', Reason.TEXT_TOO_LONG),
        ('"tokens": 1, "text": "%s"' % ("x" * (STRING_LENGTH_MAX + 1)), Reason.TEXT_TOO_LONG),
        ('"tokens": 1, "started": 1768476600', Reason.FIELD_TYPE),
        ('"tokens": 1, "started": "2026-01-15T11:30:00"', Reason.TIME_NAIVE),
        ('"tokens": 1, "started": "2026-02-29T11:30:00Z"', Reason.TIME_IMPOSSIBLE),
        ('"tokens": 1, "started": "yesterday"', Reason.TIME_MALFORMED),
    ],
)
def test_a_broken_promise_is_refused_by_name(member: str, reason: Reason) -> None:
    outcome = refused(with_data("{" + member + "}"))
    assert outcome.reason is reason
    assert outcome.field is not None and outcome.field.startswith("data.")
    assert (outcome.source, outcome.id) == ("gateway", "e1")


@EXAMPLES
@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**17), max_value=10**17))
def test_a_number_and_its_text_give_the_same_exact_quantity(number: Decimal) -> None:
    text = format(number, "f")
    quantity = typed_value(DECIMAL, text)
    assert quantity == typed_value(DECIMAL, JsonNumber(text))
    assert isinstance(quantity, Quantity) and Decimal(str(quantity)) == number


def test_every_field_of_the_contract_is_seen() -> None:
    assert {field.type for field in CALL.fields} == set(FieldType), "the sample has a field of each type"
