"""Mistakes in coupons and taxes, and where they are attached: named with file, line, document and field."""

from __future__ import annotations

import pytest

from tests.unit.contract.sample import problems_of, with_changes

A, C, B, P = "amounts.toml", "parties.toml", "subscriptions.toml", "prices.toml"
HOSHI, SELLER = "customer hoshi v1", "seller northwind v1"
IN_HOSHI = 'zone = "Asia/Tokyo"'
IN_SELLER = 'number_series = "NW"'

COUPONS = [
    ('percent = "20"', 'percent = "120"', "coupon launch v1", "percent", "more than 100 %"),
    ('percent = "20"', 'percent = "0"', "coupon launch v1", "percent", "takes nothing off"),
    ('percent = "20"', 'percent = "-5"', "coupon launch v1", "percent", "is negative"),
    ('percent = "20"', "", "coupon launch v1", "percent", "either percent, or amount"),
    ('percent = "20"', 'percent = "20"\namount = "1"\ncurrency = "USD"', "coupon launch v1", "",
     "either percent, or amount"),
    ('percent = "20"', 'percent = "20"\ncurrency = "USD"', "coupon launch v1", "currency",
     "without an amount"),
    ("periods = 3", "", "coupon launch v1", "", "says nowhere how long it holds: write one of periods"),
    ("periods = 3", "forever = false", "coupon launch v1", "", "says nowhere how long it holds"),
    ("periods = 3", "periods = 3\nforever = true", "coupon launch v1", "forever", "different ends"),
    ("periods = 3", "periods = 0", "coupon launch v1", "periods", "outside 1 to"),
    ('{ plans = ["team"] }', '{ plans = ["taem"] }', "coupon launch v1", "applies_to.plans[0]",
     "there is no plan 'taem'; did you mean 'team'?"),
    ('{ plans = ["team"] }', '{ prices = ["seats-usd", "seat-usd"] }', "coupon launch v1",
     "applies_to.prices[1]", "there is no price 'seat-usd'"),
    ('{ plans = ["team"] }', '{ programs = ["no-such"] }', "coupon launch v1", "applies_to.programs[0]",
     "there is no program 'no-such'"),
    ('{ plans = ["team"] }', "{}", "coupon launch v1", "applies_to", "names nothing"),
    ('{ plans = ["team"] }', '{ plan = ["team"] }', "coupon launch v1", "applies_to.plan", "unknown key"),
    ('amount = "25.00"', 'amount = "25.005"', "coupon goodwill v1", "amount", "25.005 USD does not exist"),
    ('amount = "25.00"', 'amount = "0"', "coupon goodwill v1", "amount", "takes nothing off"),
    ('currency = "USD"\n', "", "coupon goodwill v1", "currency", "is missing"),
    ('currency = "USD"\n', 'currency = "USD"\napplies_to = { plans = ["edge"] }\n', "coupon goodwill v1",
     "applies_to.plans[0]", "plan edge is in JPY, the coupon in USD"),
]  # fmt: skip
TAXES = [
    ('percent = "4"', 'percent = "101"', "tax ny-sales v1", "percent", "more than 100 %"),
    ('percent = "4"', 'percent = "-4"', "tax ny-sales v1", "percent", "is negative"),
    ('percent = "4"', "percent = 4", "tax ny-sales v1", "percent", 'as a string: "4"'),
    ('jurisdiction = "New York"\n', "", "tax ny-sales v1", "jurisdiction", "is missing"),
    ('rounding = "down"', 'rounding = "floored"', "tax jp-consumption v1", "rounding", "is not one of"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "document", "field", "message"), [*COUPONS, *TAXES])
def test_a_mistake_in_a_document_is_named(
    old: str, new: str, document: str, field: str, message: str
) -> None:
    found = problems_of(with_changes((A, old, new)))
    assert [(problem.path, problem.key, problem.field) for problem in found] == [(A, document, field)]
    assert message in found[0].message
    assert found[0].line is not None


def attached(coupon: str, since: str = "2026-02-01T00:00:00Z", kind: str = "customer") -> str:
    return f'\n[[{kind}.coupon]]\ncoupon = "{coupon}"\nfrom = {since}\n'


def with_member(place: str, member: str) -> tuple[str, str, str]:
    return (C, place, f"{member}\n{place}")


def another_tax(members: str) -> tuple[str, str, str]:
    head = 'key = "city"\nversion = 1\neffective_from = 2026-01-01T00:00:00Z\nname = "City"'
    return (A, "", f'[[tax]]\n{head}\njurisdiction = "City"\npercent = "1"\n{members}\n')


ACROSS = [
    ([with_member(IN_HOSHI, 'taxes = ["ny-sales", "city"]'),
      another_tax('compound = true\ncategories = ["standard", "books"]')], HOSHI, "taxes[1]",
     "city is compound: it and ny-sales must be for the same categories, or share none"),
    ([with_member(IN_HOSHI, 'taxes = ["jp-consumption", "city"]'),
      another_tax('inclusive = true\ncategories = ["books"]')], HOSHI, "taxes[1]",
     "city is inclusive: it and jp-consumption must be for the same categories, or share none"),
    ([with_member(IN_HOSHI, 'taxes = ["jp-consumption", "jp-city"]')], HOSHI, "taxes[1]",
     "there is no tax 'jp-city'"),
    ([with_member(IN_SELLER, 'taxes = ["ny-sale"]')], SELLER, "taxes[0]", "did you mean 'ny-sales'?"),
    ([with_member(IN_HOSHI, 'taxes = ["jp-consumption", "ny-sales"]')], HOSHI, "taxes[1]",
     "jp-consumption is contained in the prices, ny-sales added to them"),
    ([with_member(IN_HOSHI, 'taxes = ["ny-sales"]'), (A, 'percent = "4"', 'percent = "4"\ncompound = true')],
     HOSHI, "taxes[0]", "compound, and no tax stands before it"),
    ([with_member(IN_HOSHI, "reverse_charge = true")], HOSHI, "reverse_charge",
     "needs the customer's tax_id"),
    ([with_member(IN_HOSHI, 'reverse_charge = true\ntax_id = "T1"\ntax_exempt = "charity"')], HOSHI,
     "reverse_charge", "leave out one of the two"),
    ([with_member(IN_HOSHI, f"taxes = {[f't{n}' for n in range(21)]}")], HOSHI, "taxes",
     "names 21 taxes; at most 20 are allowed"),
    ([with_member(IN_HOSHI, 'tax_exempt = ""')], HOSHI, "tax_exempt", "is empty"),
    ([(P, 'description = "Seats"', 'description = "Seats"\ntax_category = "reduced"')], "price seats-usd v1",
     "tax_category", "no tax names the category 'reduced'"),
]  # fmt: skip


def test_taxes_that_are_added_side_by_side_may_overlap() -> None:
    listed = with_member(IN_HOSHI, 'taxes = ["ny-sales", "city"]')
    assert problems_of(with_changes(listed, another_tax('categories = ["books"]'))) == []
    assert problems_of(with_changes(listed, another_tax("compound = true"))) == []


@pytest.mark.parametrize(("changes", "document", "field", "message"), ACROSS)
def test_a_mistake_between_documents_is_named(
    changes: list[tuple[str, str, str]], document: str, field: str, message: str
) -> None:
    found = problems_of(with_changes(*changes))
    assert [(problem.key, problem.field) for problem in found] == [(document, field)]
    assert message in found[0].message
    assert found[0].line is not None


def customer(*coupons: str, key: str = "extra", code: str = "USD", more: str = "") -> str:
    return f"""
[[customer]]
key = "{key}"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Extra"
zone = "UTC"
currency = "{code}"
seller = "northwind"
address = ["1 Road"]
{more}{"".join(coupons)}"""


ATTACHED = [
    (customer(attached("lanch")), "coupon[0].coupon", "there is no coupon 'lanch'; did you mean 'launch'?"),
    (customer(attached("launch", "2025-12-01T00:00:00Z")), "coupon[0].coupon", "in force only from"),
    (customer(attached("goodwill"), code="EUR"), "coupon[0].coupon",
     "coupon goodwill v1 is in USD, customer extra v1 in EUR"),
    (customer(attached("launch"), attached("launch", "2026-03-01T00:00:00Z")), "coupon[1]",
     "is attached already, from 2026-02-01T00:00:00Z on"),
    (customer(attached("goodwill") + "until = 2026-02-02T00:00:00Z\n",
              attached("goodwill", "2026-03-01T00:00:00Z")), "coupon[1].coupon",
     "goodwill is attached 2 times to extra and its subscriptions; it may be once at most"),
    (customer(attached("launch") + "until = 2026-02-01T00:00:00Z\n"), "coupon[0].until", "is not after from"),
    (customer(*(attached(f"c{place}") for place in range(101))), "coupon",
     "attaches 101 coupons; at most 100 are allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "field", "message"), ATTACHED)
def test_a_coupon_that_cannot_be_attached_is_named(text: str, field: str, message: str) -> None:
    found = problems_of(with_changes((C, "", text)))
    assert [(problem.key, problem.field) for problem in found] == [("customer extra v1", field)]
    assert message in found[0].message
    assert found[0].line is not None


SUBSCRIPTION = """
[[subscription]]
key = "extra"
version = {version}
effective_from = 2026-{month}-15T00:00:00Z
customer = "extra"
[[subscription.phase]]
plan = "edge"
from = 2026-03-01T00:00:00Z
{coupons}"""


def test_a_subscription_keeps_what_was_attached_before_its_new_version() -> None:
    given, later = (
        attached("launch", since, "subscription")
        for since in ("2026-03-01T00:00:00Z", "2026-09-01T00:00:00Z")
    )
    ended = given + "until = 2026-07-01T00:00:00Z\n"

    def problems(second: str) -> list[tuple[str, str]]:
        first = SUBSCRIPTION.format(version=1, month="01", coupons=given)
        after = SUBSCRIPTION.format(version=2, month="06", coupons=second)
        found = problems_of(with_changes((C, "", customer(code="JPY")), (B, "", first + after)))
        return [(problem.key, problem.field) for problem in found]

    assert problems("") == problems(later) == [("subscription extra v2", "coupon")]
    assert problems(given) == problems(ended) == problems(ended + later) == []


def test_a_plan_in_another_currency_than_its_customers_is_refused_with_all_else_at_once() -> None:
    text = customer(attached("goodwill"), code="EUR", more='taxes = ["no-such"]\nreverse_charge = true\n')
    subscribed = """
[[subscription]]
key = "extra"
version = 1
effective_from = 2026-02-01T00:00:00Z
customer = "extra"
[[subscription.phase]]
plan = "edge"
from = 2026-02-01T00:00:00Z
"""
    found = problems_of(with_changes((C, "", text), (B, "", subscribed), (A, "periods = 3", "")))
    assert {(problem.key, problem.field) for problem in found} >= {
        ("customer extra v1", "reverse_charge"),
        ("coupon launch v1", ""),
    }, "what is wrong inside a document does not hide what is wrong in another"
    text = text.replace("reverse_charge = true\n", "")
    found = problems_of(with_changes((C, "", text), (B, "", subscribed), (A, "periods = 3", "")))
    assert {(problem.key, problem.field) for problem in found} == {
        ("customer extra v1", "coupon[0].coupon"),
        ("customer extra v1", "taxes[0]"),
        ("subscription extra v1", "phase[0].plan"),
        ("coupon launch v1", ""),
    }
