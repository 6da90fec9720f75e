"""A catalog with one price of each shape, whole or with some of its text replaced."""

from __future__ import annotations

from tieout.contract.check import check, warnings
from tieout.contract.document import parse_documents
from tieout.contract.price import Price
from tieout.contract.problem import Problem

SINCE = "version = 1\neffective_from = 2026-01-01T00:00:00Z\n"
CATALOG = f"""
[[event]]
type = "call"
{SINCE}description = "One call."

[event.fields.units]
type = "decimal"
use = "billing"

[event.fields.cost]
type = "decimal"
use = "billing"

[event.fields.tip]
type = "decimal"
use = "context"

[event.fields.model]
type = "enum"
use = "billing"
values = ["large", "small"]

[event.fields.region]
type = "string"
use = "context"

[[meter]]
key = "units"
{SINCE}definition = "Units."
owner = "api"
event = "call"
aggregation = "sum"
field = "units"
unit = "unit"
dimensions = ["model", "region"]

[[meter]]
key = "calls"
{SINCE}definition = "Calls."
owner = "api"
event = "call"
aggregation = "count"
unit = "call"

[[meter]]
key = "seats"
{SINCE}definition = "Seats."
owner = "api"
event = "call"
aggregation = "last"
field = "units"
unit = "seat"
dimensions = ["model"]

[[price]]
key = "volume"
{SINCE}meter = "units"
currency = "USD"
description = "Volume"
shape = "volume"
tiers = [
  {{ up_to = "100", unit_amount = "0.10" }},
  {{ unit_amount = "0.10" }},
]

[[price]]
key = "package"
{SINCE}meter = "units"
currency = "USD"
description = "Packages"
shape = "package"
amount = "5"
size = "1000"

[[price]]
key = "graduated-percentage"
{SINCE}meter = "units"
currency = "USD"
description = "Share"
shape = "graduated_percentage"
tiers = [
  {{ up_to = "1000", percent = "2" }},
  {{ percent = "1.5" }},
]

[[price]]
key = "percentage"
{SINCE}meter = "units"
currency = "USD"
description = "Fee"
shape = "percentage"
percent = "2.9"
fixed = "0.30"
event_minimum = "0.50"
event_maximum = "5.00"

[[price]]
key = "dynamic"
{SINCE}meter = "calls"
currency = "USD"
description = "At cost"
shape = "dynamic"
amount_field = "cost"

[[price]]
key = "matrix"
{SINCE}meter = "units"
currency = "USD"
description = "Matrix"
shape = "matrix"
dimensions = ["model", "region"]
otherwise = {{ shape = "per_unit", unit_amount = "1" }}

[[price.cell]]
when = {{ model = "large", region = "eu" }}
shape = "per_unit"
unit_amount = "3"

[[price.cell]]
when = {{ model = "large" }}
shape = "volume"
tiers = [{{ up_to = "10", unit_amount = "2" }}, {{ unit_amount = "2" }}]

[[price]]
key = "per-unit"
{SINCE}meter = "units"
currency = "USD"
description = "Units"
shape = "per_unit"
unit_amount = "1"
allowance = "1000"
minimum = "10.00"
maximum = "50.00"
prorate = false

[[price.discount]]
name = "launch"
percent = "10"
until = 2026-03-01T00:00:00Z

[[price.discount]]
name = "welcome"
amount = "5.00"

[[price]]
key = "seats"
{SINCE}meter = "seats"
currency = "USD"
description = "Seats"
shape = "per_unit"
unit_amount = "9"

[[price]]
key = "fee"
{SINCE}currency = "USD"
description = "Fee"
shape = "flat"
amount = "49.00"
"""


def changed(*changes: tuple[str, str]) -> str:
    """(old, new) each: the first `old` of the catalog becomes `new`."""
    text = CATALOG
    for old, new in changes:
        assert old in text, f"there is no {old!r}"
        text = text.replace(old, new, 1)
    return text


def problems_of(text: str) -> list[Problem]:
    documents, problems = parse_documents("prices.toml", text)
    _, more = check(documents)
    return problems + more


def warnings_of(text: str) -> list[Problem]:
    documents, problems = parse_documents("prices.toml", text)
    catalog, more = check(documents)
    assert catalog is not None, [*problems, *more]
    return warnings(catalog, documents)


def price_of(key: str) -> Price:
    documents, _ = parse_documents("prices.toml", CATALOG)
    catalog, problems = check(documents)
    assert catalog is not None, [str(problem) for problem in problems]
    (found,) = catalog.prices.versions(key)
    return found
