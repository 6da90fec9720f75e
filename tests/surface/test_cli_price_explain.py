"""`tieout price explain` as a person uses it: a quantity in, a working and an amount out, nothing billed."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.surface.conftest import DemoHome, Ran, in_process
from tests.surface.conftest import tieout as in_a_process
from tieout.contract.catalog import Catalog
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.candidate_catalog import candidate_catalog
from tieout.flows.explain_price import explain
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.kernel.instant import parse_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.rate.charge import steps_json
from tieout.rate.hypothetical import HypotheticalUsage
from tieout.wiring import open_home

CATALOG = """
[[event]]
type = "payment"
version = 1
effective_from = 2026-01-01T00:00:00Z
description = "A payment."
[event.fields.amount]
type = "decimal"
use = "billing"
[event.fields.tip]
type = "decimal"
use = "billing"
[event.fields.country]
type = "string"
use = "billing"

[[meter]]
key = "volume"
version = 1
effective_from = 2026-01-01T00:00:00Z
definition = "What was paid."
owner = "finance"
event = "payment"
aggregation = "sum"
field = "amount"
unit = "EUR"
dimensions = ["country"]

[[meter]]
key = "payments"
version = 1
effective_from = 2026-01-01T00:00:00Z
definition = "Payments."
owner = "finance"
event = "payment"
aggregation = "count"
unit = "payments"

[[price]]
key = "share"
version = 1
effective_from = 2026-01-01T00:00:00Z
meter = "volume"
currency = "EUR"
description = "Share of payments"
shape = "matrix"
dimensions = ["country"]
otherwise = { shape = "percentage", percent = "2.9", fixed = "0.30" }
[[price.cell]]
when = { country = "FR" }
shape = "percentage"
percent = "1.4"
fixed = "0.25"

[[price]]
key = "share"
version = 2
effective_from = 2027-01-01T00:00:00Z
meter = "volume"
currency = "EUR"
description = "Share of payments"
shape = "percentage"
percent = "3"

[[price]]
key = "bounded"
version = 1
effective_from = 2026-01-01T00:00:00Z
meter = "volume"
currency = "EUR"
description = "Bounded share"
shape = "percentage"
percent = "1"
event_minimum = "0.50"
round_at = "event"

[[price]]
key = "per-payment"
version = 1
effective_from = 2026-01-01T00:00:00Z
meter = "payments"
currency = "EUR"
description = "Payments"
shape = "graduated"
tiers = [{ up_to = "10", unit_amount = "0.05" }, { unit_amount = "0.025" }]

[[price]]
key = "going-on"
version = 1
effective_from = 2026-01-01T00:00:00Z
meter = "payments"
currency = "EUR"
description = "Payments, tiers of the whole month"
shape = "graduated"
tier_split = "continue"
tiers = [{ up_to = "10", unit_amount = "0.05" }, { unit_amount = "0.025" }]

[[price]]
key = "tips"
version = 1
effective_from = 2026-01-01T00:00:00Z
meter = "payments"
currency = "EUR"
description = "Tips as stated"
shape = "dynamic"
amount_field = "tip"

[[price]]
key = "fee"
version = 1
effective_from = 2026-01-01T00:00:00Z
currency = "EUR"
description = "Fee"
shape = "flat"
amount = "31.00"

[[program]]
key = "acquiring"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Acquiring"
provider = "A bank"
source = "https://example.com/acquiring"
as_of = 2026-01-01
charged_to = "the shop"
currency = "EUR"
prices = ["share"]
"""
JUNE = "2026-06-01T00:00:00Z/2026-07-01T00:00:00Z"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("catalog")
    (made / "all.toml").write_text(CATALOG)
    return made


def ran(folder: Path, *arguments: str) -> Ran:
    return in_process("price", "explain", *arguments, "--catalog", str(folder), "--period", JUNE)


def test_a_share_is_explained_in_sentences_and_rounded_in_words(folder: Path) -> None:
    shown = ran(folder, "share", "--amount", "101.55", "--events", "2", "--dimension", "country=DE")
    assert shown.code == 0
    # by hand: 101.55 x 2.9 % = 2.94495, and 2 x 0.30
    assert "2.9 % of 101.55 EUR = 2.94495 EUR" in shown.out
    assert "0.30 EUR for each of 2 events = 0.60 EUR" in shown.out
    assert "3.54495 EUR rounded half away from zero to 3.54 EUR" in shown.out
    assert "Total 3.54 EUR, not under a signed policy" in shown.out
    assert "of program Acquiring (acquiring v1)" in shown.out
    assert "not under a signed policy" in shown.err


def test_the_same_as_json_has_every_step_and_no_float(folder: Path) -> None:
    shown = ran(folder, "share", "--amount", "10", "--dimension", "country=FR", "--json").json
    assert shown["standing"] == "not under a signed policy"
    assert (shown["amount"], shown["exact_amount"], shown["settlement"]) == ("0.39", "0.39", None)
    assert sum(Fraction(step["amount"]) for step in shown["steps"]) == Fraction("0.39")
    assert [step["rule"] for step in shown["steps"]] == ["percentage", "percentage-fixed"]
    assert shown["program"] == {"key": "acquiring", "version": 1}
    assert shown["usage"] == {
        "quantity": "10",
        "unit": "EUR",
        "events": 1,
        "amount": "10",
        "dimensions": {"country": "FR"},
        "prior": None,
    }
    assert shown["price"]["terms"] == [
        "country FR: 1.4 % + 0.25 EUR for each event",
        "otherwise: 2.9 % + 0.30 EUR for each event",
    ]


def test_events_are_rounded_one_by_one_where_the_price_says_so(folder: Path) -> None:
    # by hand: 3 events of 33.35; 1 % is 0.3335, less than the minimum of 0.50 each
    assert ran(folder, "bounded", "--amount", "100.05", "--events", "3", "--json").json["amount"] == "1.50"
    # 3 events of 101.51: 1.0151 each, rounded to 1.02 each
    assert ran(folder, "bounded", "--amount", "304.53", "--events", "3", "--json").json["amount"] == "3.06"


def test_tiers_counts_stated_amounts_and_fees(folder: Path) -> None:
    assert ran(folder, "per-payment", "--quantity", "12", "--json").json["amount"] == "0.55"
    assert ran(folder, "per-payment", "--quantity", "0", "--json").json["amount"] == "0.00"
    tips = ran(folder, "tips", "--quantity", "3", "--amount", "4.20", "--json").json
    assert (tips["amount"], tips["usage"]["events"]) == ("4.20", 3)
    half = "2026-06-01T00:00:00Z/2026-06-16T00:00:00Z"
    assert ran(folder, "fee", "--segment", half, "--json").json["amount"] == "15.50"
    assert ran(folder, "fee", "--json").json["amount"] == "31.00"


def test_a_fee_for_several_and_tiers_that_go_on_from_an_earlier_part(folder: Path) -> None:
    seats = ran(folder, "fee", "--quantity", "5", "--json").json
    assert (seats["amount"], seats["usage"]["quantity"]) == ("155.00", "5")
    later = "2026-06-16T00:00:00Z/2026-07-01T00:00:00Z"
    # by hand: 8 units came before, so 2 are left at 0.05 and 4 are at 0.025
    went_on = ran(folder, "going-on", "--quantity", "6", "--prior", "8", "--segment", later, "--json").json
    assert went_on["amount"] == "0.20"
    assert sum(Fraction(step["amount"]) for step in went_on["steps"]) == Fraction("0.20")


def test_the_version_in_force_then_or_the_one_that_is_named(folder: Path) -> None:
    assert ran(folder, "share", "--amount", "100", "--json").json["price"]["version"] == 1
    named = ran(folder, "share", "--amount", "100", "--version", "2", "--json").json
    assert (named["price"]["version"], named["amount"]) == (2, "3.00")


@pytest.mark.parametrize(
    ("code", "words", "arguments"),
    [
        (3, "did you mean share?", ("shar", "--amount", "1")),
        (3, "there are 1 (from 2026-01-01T00:00:00Z), 2", ("share", "--amount", "1", "--version", "7")),
        (2, "--quantity: '1e3' is not a plain decimal", ("per-payment", "--quantity", "1e3")),
        (2, "--amount: 'NaN' is not a plain decimal", ("share", "--amount", "NaN")),
        (2, "give --amount", ("share", "--quantity", "100")),
        (2, "give --amount", ("tips", "--quantity", "3")),
        (2, "give --quantity", ("per-payment",)),
        (2, "give --quantity", ("per-payment", "--amount", "3")),
        (2, "counts events", ("per-payment", "--quantity", "1.5")),
        (2, "counts events", ("per-payment", "--quantity", "5", "--events", "4")),
        (2, "counts events", ("per-payment", "--quantity", "-5")),
        (2, "has no dimension 'land'; it has country", ("share", "--amount", "1", "--dimension", "land=FR")),
        (2, "it has none", ("per-payment", "--quantity", "1", "--dimension", "country=FR")),
        (2, "'country' is not NAME=VALUE", ("share", "--amount", "1", "--dimension", "country")),
        (2, "cannot be spread evenly over 3", ("bounded", "--amount", "1", "--events", "3")),
        (2, "without an event", ("share", "--amount", "1", "--events", "0")),
        (2, "does not depend on usage", ("fee", "--events", "1")),
        (2, "cannot be due -1 times", ("fee", "--quantity", "-1")),
        (2, "leave --prior out", ("per-payment", "--quantity", "1", "--prior", "3")),
        (2, "is not FROM/UNTIL", ("fee", "--segment", "June")),
        (2, "does not lie in", ("fee", "--segment", "2026-05-01T00:00:00Z/2026-05-02T00:00:00Z")),
    ],
)
def test_what_does_not_fit_is_one_line_and_a_code(
    folder: Path, code: int, words: str, arguments: tuple[str, ...]
) -> None:
    shown = ran(folder, *arguments)
    assert (shown.code, shown.out) == (code, "")
    assert words in shown.err
    assert shown.err.count("\n") == 1


def test_without_home_and_catalog_there_is_nothing_to_explain() -> None:
    shown = in_a_process("price", "explain", "share", "--amount", "1")
    assert (shown.code, "--home: name a data folder" in shown.err) == (2, True)


def test_a_catalog_with_problems_is_refused_with_all_of_them(tmp_path: Path) -> None:
    broken = CATALOG.replace('meter = "payments"', 'meter = "payment"').replace('"2.9"', '"x"')
    (tmp_path / "all.toml").write_text(broken)
    shown = ran(tmp_path, "share", "--amount", "1")
    assert shown.code == 2
    assert "4 problems" in shown.err and "otherwise.percent" in shown.err


@cache
def the_catalog() -> Catalog:
    with TemporaryDirectory() as made:
        (Path(made) / "all.toml").write_text(CATALOG)
        return candidate_catalog(Path(made))


def test_what_is_explained_is_what_was_billed(demo_home: DemoHome) -> None:
    """A line for a whole period comes out the same from its quantity and events alone."""
    with open_home(demo_home.folder) as home:
        catalog = load_catalog(home)
        documents = [json.loads(show_invoice(home, row.id).document) for row in list_invoices(home)]
    explained = 0
    for document in documents:
        whole = {name: document["period"][name] for name in ("start", "end")}
        for line in document["lines"]:
            if line["segment"] != whole:
                continue
            snapshot = line["snapshot"]
            usage = HypotheticalUsage(
                quantity=None if snapshot is None else Quantity.parse(snapshot["quantity"]),
                events=None if snapshot is None else snapshot["event_count"],
                amount=None,
                dimensions={},
            )
            period = Period(parse_instant(whole["start"]), parse_instant(whole["end"]))
            found = explain(
                catalog,
                line["price"],
                usage,
                version=line["price_version"],
                period=period,
                segment=None,
                now=period.start,
            )
            assert (found.amount.decimal_text, steps_json(found.charge.steps)) == (
                line["amount"],
                line["steps"],
            )
            explained += 1
    assert explained > 300


cents = st.integers(min_value=-(10**9), max_value=10**9)


@given(minor=cents, events=st.integers(min_value=1, max_value=10**6), french=st.booleans())
def test_an_explained_amount_is_that_of_plain_fractions(minor: int, events: int, french: bool) -> None:
    amount = Fraction(minor, 100)
    percent, fixed = (Fraction("1.4"), Fraction("0.25")) if french else (Fraction("2.9"), Fraction("0.30"))
    exact = amount * percent / 100 + fixed * events
    usage = HypotheticalUsage(
        quantity=None,
        events=events,
        amount=Quantity.parse(str(Decimal(minor) / 100)),
        dimensions={"country": "FR" if french else "BE"},
    )
    found = explain(
        the_catalog(),
        "share",
        usage,
        version=1,
        period=None,
        segment=None,
        now=parse_instant("2026-06-05T00:00:00Z"),
    )
    assert found.charge.amount == exact
    in_decimals = (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(
        Decimal("0.01"), rounding=ROUND_HALF_UP
    )
    assert Decimal(found.amount.decimal_text) == in_decimals
