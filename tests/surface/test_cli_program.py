"""`tieout program list|show|add`, and what the shipped programs charge, to the cent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.surface.conftest import Ran, in_process
from tieout.contract.check import check
from tieout.contract.document import DocumentKind, parse_documents
from tieout.flows.shipped_programs import SHIPPED, find_program, list_programs
from tieout.ingest.example import run_example

NAMES = ("stripe-connect", "stripe-managed-payments", "stripe-standard")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    assert in_process("init", "--home", str(folder)).code == 0
    return folder


def add(home: Path, name: str, *arguments: str) -> Ran:
    return in_process("program", "add", name, "--home", str(home), "--json", *arguments)


def documents(home: Path) -> set[tuple[str, str]]:
    shown = in_process("catalog", "show", "--home", str(home), "--json").json
    return {(document["kind"], document["key"]) for document in shown}


def test_each_program_is_listed_with_its_source_and_its_day() -> None:
    listed = in_process("program", "list", "--json").json
    assert [(each["key"], each["source"], each["as_of"][:7]) for each in listed] == [
        ("stripe-connect", "https://stripe.com/connect/pricing", "2026-11"),
        ("stripe-managed-payments", "https://stripe.com/managed-payments", "2026-11"),
        ("stripe-standard", "https://stripe.com/pricing", "2026-11"),
    ]
    assert all(each["version"] == 1 and each["digest"] for each in listed)
    page = in_process("program", "list").out
    assert all(name in page for name in NAMES)


def test_what_is_shipped_holds_together_with_its_examples() -> None:
    found = []
    for file in SHIPPED.iterdir():
        read, problems = parse_documents(file.name, file.read_text(encoding="utf-8"))
        assert problems == []
        found += read
    catalog, problems = check(found, run_example)
    assert catalog is not None, problems


SHIPPED_ONCE = {
    "event stripe.payout.sent v1": "6f6f3faf0db328fc",
    "event stripe.payment.succeeded v1": "b06b8ebad3746c79",
    "meter stripe/active-accounts v1": "0ca9b0f705a22db4",
    "meter stripe/payout-volume v1": "2df4743a479c1bd0",
    "meter stripe/payment-volume v1": "5531116f79723498",
    "meter stripe/manual-card-volume v1": "be189ad163621385",
    "meter stripe/international-card-volume v1": "ecda595e9cf28621",
    "meter stripe/converted-volume v1": "a2446b1d31de040a",
    "meter stripe/managed-volume v1": "1eb13f391e338c7a",
    "price stripe-connect/active-account v1": "4c2c1ce395769b95",
    "price stripe-connect/payout v1": "78a30b0b73309cea",
    "program stripe-connect v1": "88ddbb5dfeaacff1",
    "price stripe-standard/payment v1": "64940fdb78e96991",
    "price stripe-standard/manual-entry v1": "9e3dae2f7834cd23",
    "price stripe-standard/international v1": "1567be77437f0c72",
    "price stripe-standard/conversion v1": "6c949bfa9dbf5f56",
    "program stripe-standard v1": "091b7ddaea44b124",
    "price stripe-managed-payments/transaction v1": "263c4f8a05290353",
    "program stripe-managed-payments v1": "7cc027c6a9fc0b0c",
}
"""What homes have applied. A document that changes is a new version with a line of its own here."""


def test_a_version_that_was_shipped_never_changes() -> None:
    found = {each.name: each.digest[:16] for shipped in list_programs() for each in shipped.documents}
    assert found == SHIPPED_ONCE


def test_the_terms_are_those_of_the_sources() -> None:
    """Facts of the pages named as sources, as of November 2026."""
    terms = {
        key: each
        for name in NAMES
        for key, each in in_process("program", "show", name, "--json").json["terms"].items()
    }
    assert terms == {
        "stripe-connect/active-account": ["2.00 USD each"],
        "stripe-connect/payout": ["0.25 % + 0.25 USD for each event"],
        "stripe-standard/payment": [
            "country US, method ach_debit: 0.8 %, at most 5.00 USD an event",
            "otherwise: 2.9 % + 0.30 USD for each event",
        ],
        "stripe-standard/manual-entry": ["0.5 %"],
        "stripe-standard/international": ["1.5 %"],
        "stripe-standard/conversion": ["1 %"],
        "stripe-managed-payments/transaction": ["3.5 %"],
    }


def test_show_says_who_pays_and_what_to_compare_it_with() -> None:
    page = in_process("program", "show", "stripe-connect").out
    assert "charged to the platform, at the end of the month" in page
    assert "Fees as of 2026-11-01; compare them with https://stripe.com/connect/pricing before use." in page
    assert "each counted" in page and "2.00 USD each" in page


def test_toml_and_json_at_once_are_refused() -> None:
    """Who asks for JSON must never read something else from stdout."""
    refused = in_process("program", "show", "stripe-connect", "--toml", "--json")
    assert (refused.code, refused.out) == (2, "")
    assert "--toml: stands beside --json; give one of the two" in refused.err


@pytest.mark.parametrize("name", NAMES)
def test_the_toml_is_a_catalog_of_exactly_its_documents(name: str, tmp_path: Path) -> None:
    text = in_process("program", "show", name, "--toml").out
    read, problems = parse_documents("program.toml", text)
    assert problems == []
    assert [(each.name, each.digest) for each in read] == [
        (each.name, each.digest) for each in find_program(name).documents
    ]
    (tmp_path / "program.toml").write_text(text)
    assert in_process("catalog", "check", str(tmp_path)).code == 0


@pytest.mark.parametrize("name", NAMES)
def test_no_program_brings_a_price_of_another(name: str) -> None:
    prices = {each.key for each in find_program(name).documents if each.kind is DocumentKind.PRICE}
    assert prices == set(find_program(name).program.prices)
    others = {price for each in list_programs() if each.program.key != name for price in each.program.prices}
    assert not prices & others


def test_add_applies_the_program_and_what_it_rests_on_once(home: Path) -> None:
    added = add(home, "stripe-connect")
    assert added.code == 0, added.err
    assert documents(home) == {
        ("event", "stripe.payout.sent"),
        ("meter", "stripe/active-accounts"),
        ("meter", "stripe/payout-volume"),
        ("price", "stripe-connect/active-account"),
        ("price", "stripe-connect/payout"),
        ("program", "stripe-connect"),
    }
    assert len(added.json["added"]) == 6
    again = add(home, "stripe-connect").json
    assert (again["added"], again["unchanged"]) == ([], 6)


def test_two_programs_share_their_event_and_meters_but_nothing_that_costs(home: Path) -> None:
    add(home, "stripe-standard", "--from", "2019-03-01T00:00:00-05:00")
    managed = add(home, "stripe-managed-payments").json
    assert [(each["kind"], each["key"]) for each in managed["added"]] == [
        ("meter", "stripe/managed-volume"),
        ("price", "stripe-managed-payments/transaction"),
        ("program", "stripe-managed-payments"),
    ]
    assert managed["unchanged"] == 1


def test_from_says_since_when_the_program_holds_here(home: Path) -> None:
    assert add(home, "stripe-connect", "--from", "2019-03-01T00:00:00-05:00").code == 0
    shown = in_process("catalog", "show", "program", "--home", str(home), "--json").json
    assert [each["effective_from"] for each in shown] == ["2019-03-01T05:00:00Z"]
    assert add(home, "stripe-connect").json["added"] == []


def test_a_home_with_another_price_of_that_name_refuses_the_whole_program(home: Path, tmp_path: Path) -> None:
    own = find_program("stripe-managed-payments").text.replace('percent = "3.5"', 'percent = "9"')
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.toml").write_text(own)
    assert in_process("catalog", "apply", str(tmp_path / "own"), "--home", str(home)).code == 0
    before = documents(home)
    refused = add(home, "stripe-managed-payments")
    assert refused.code == 2
    assert "was applied with other content" in refused.err
    assert documents(home) == before


@pytest.mark.parametrize(
    ("code", "words", "arguments"),
    [
        (3, "did you mean stripe-connect?", ("show", "stripe-conect")),
        (3, "there are stripe-connect, stripe-managed-payments, stripe-standard", ("show", "paypal")),
    ],
)
def test_an_unknown_program_is_one_line_and_3(code: int, words: str, arguments: tuple[str, ...]) -> None:
    shown = in_process("program", *arguments)
    assert (shown.code, shown.out, words in shown.err) == (code, "", True)


def test_a_malformed_instant_is_2_and_adds_nothing(home: Path) -> None:
    shown = add(home, "stripe-connect", "--from", "yesterday")
    assert (shown.code, documents(home)) == (2, set())


def explained(price: str, *arguments: str) -> str:
    shown = in_process("price", "explain", price, "--catalog", str(SHIPPED), *arguments, "--json")
    assert shown.code == 0, shown.err
    return str(shown.json["amount"])


def test_three_payouts_to_two_accounts_cost_what_they_must() -> None:
    accounts = explained("stripe-connect/active-account", "--quantity", "2", "--events", "3")
    payouts = explained("stripe-connect/payout", "--amount", "303", "--events", "3")
    assert (accounts, payouts) == ("4.00", "1.51")


def test_one_payment_of_a_hundred_dollars_costs_what_it_must() -> None:
    card = ("--dimension", "country=FR", "--dimension", "method=card")
    assert explained("stripe-standard/payment", "--amount", "100", *card) == "3.20"
    assert explained("stripe-standard/manual-entry", "--amount", "100") == "0.50"
    assert explained("stripe-standard/international", "--amount", "100") == "1.50"
    assert explained("stripe-standard/conversion", "--amount", "100") == "1.00"
    assert explained("stripe-managed-payments/transaction", "--amount", "100") == "3.50"


@pytest.mark.parametrize(
    ("country", "method", "amount", "cost"),
    [
        ("US", "ach_debit", "100", "0.80"),
        ("US", "ach_debit", "625", "5.00"),
        ("US", "ach_debit", "1000", "5.00"),
        ("FR", "ach_debit", "100", "3.20"),
        ("US", "card", "1000", "29.30"),
    ],
)
def test_the_row_of_a_country_and_a_method_rules_before_the_general_rate(
    country: str, method: str, amount: str, cost: str
) -> None:
    where = ("--dimension", f"country={country}", "--dimension", f"method={method}")
    assert explained("stripe-standard/payment", "--amount", amount, *where) == cost
