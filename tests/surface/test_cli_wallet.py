"""`tieout wallet` and `tieout commitment` at the command line: what is granted, shown, taken back and
refused."""

from __future__ import annotations

import pytest

from tests.balances import make_balances_home, two_months
from tests.small_home import MARCH_3
from tests.surface.conftest import Ran, in_process
from tieout.flows.close_periods import close


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    made, _ = make_balances_home(tmp_path_factory.mktemp("wallet") / "home", now=MARCH_3)
    with made:
        two_months(made)
        close(made, as_of=MARCH_3)
    return str(made.folder)


def grant(home: str, customer: str, amount: str, *more: str) -> Ran:
    said = ("--by", "Fay", "--reason", "sold")
    return in_process("wallet", "grant", customer, amount, "--home", home, *said, *more)


def test_a_grant_is_made_once_however_often_it_is_sent(home: str) -> None:
    first = grant(home, "cedar", "50", "--id", "order-7", "--expires", "2099-01-01T00:00:00Z", "--json")
    assert (first.code, first.json["new"], first.json["amount"]) == (0, True, "50.00")
    again = grant(home, "cedar", "50.00", "--id", "order-7", "--expires", "2099-01-01T00:00:00Z", "--json")
    assert again.json == {**first.json, "new": False}
    other = grant(home, "cedar", "60", "--id", "order-7", "--expires", "2099-01-01T00:00:00Z")
    assert other.code == 4 and "another amount" in other.err and other.err.count("\n") == 1
    shown = in_process("wallet", "show", "cedar", "--home", home, "--json").json
    assert [each["id"] for each in shown["grants"]] == ["order-7"]
    assert shown["balances"] == [{"currency": "USD", "amount": "50.00"}]


def test_what_is_left_can_be_taken_back_once(home: str) -> None:
    assert grant(home, "cedar", "8.00", "--id", "wrong", "--kind", "promotional").out == "wrong\n"
    void = ("wallet", "void", "wrong", "--home", home, "--by", "Fay", "--reason", "a mistake")
    assert in_process(*void, "--json").json["taken"] == "8.00"
    again = in_process(*void)
    assert again.code == 4 and "used up or void" in again.err
    missing = in_process("wallet", "void", "none", *void[3:])
    assert missing.code == 3 and "There is no grant 'none'" in missing.err


def test_a_wallet_shows_grants_in_order_movements_and_any_earlier_instant(home: str) -> None:
    now = in_process("wallet", "show", "acme", "--home", home, "--json").json
    assert [(each["id"], each["left"]) for each in now["grants"]] == [("gift", "0.00"), ("bought", "0.00")]
    used = [each for each in now["movements"] if each["kind"] == "used"]
    assert sorted(each["amount"] for each in used) == ["-25.00", "-30.00"]
    assert all(each["invoice"] in each["id"] for each in used)
    then = in_process("wallet", "show", "acme", "--home", home, "--at", "2026-01-20T00:00:00Z", "--json").json
    assert then["balances"] == [{"currency": "USD", "amount": "55.00"}]
    words = in_process("wallet", "show", "acme", "--home", home).out
    assert "acme holds 0.00 USD" in words and "top-up-requested" in words and "expires" in words


def test_a_top_up_is_granted_under_the_id_of_its_request_and_so_only_once(home: str) -> None:
    shown = in_process("wallet", "show", "acme", "--home", home, "--json").json
    requests = [each["id"] for each in shown["movements"] if each["kind"] == "top-up-requested"]
    assert len(requests) == 1
    paid = [grant(home, "acme", "50.00", "--id", requests[0], "--json").json["new"] for _ in range(2)]
    assert paid == [True, False]
    assert in_process(
        "wallet", "void", requests[0], "--home", home, "--by", "Fay", "--reason", "undone", "--json"
    ).json["taken"] == "50.00"  # fmt: skip


def test_an_expiry_counts_at_once_and_says_that_no_close_has_recorded_it(home: str) -> None:
    made = grant(
        home, "birch", "3", "--id", "gone", "--effective", "2026-01-01T00:00:00Z",
        "--expires", "2026-03-02T00:00:00Z",
    )  # fmt: skip
    assert made.code == 0
    shown = in_process("wallet", "show", "birch", "--home", home, "--json").json
    expiry = next(each for each in shown["movements"] if each["kind"] == "expired")
    assert (expiry["amount"], expiry["recorded_at"]) == ("-3.00", None)
    assert "by the next close" in in_process("wallet", "show", "birch", "--home", home).out


@pytest.mark.parametrize(
    ("customer", "amount", "options", "code", "words"),
    [
        ("nobody", "5", [], 3, "no customer 'nobody'"),
        ("acme", "5.001", [], 2, "no whole minor unit"),
        ("acme", "0", [], 2, "above zero"),
        ("acme", "-5", [], 2, ""),
        ("acme", "1e3", [], 2, "not a plain decimal"),
        ("acme", "5", ["--kind", "gift"], 2, "'gift' is not one of paid, promotional"),
        ("acme", "5", ["--priority", "-1"], 2, "outside 0 to 1000"),
        ("acme", "5", ["--expires", "2020-01-01T00:00:00Z"], 2, "is not after it takes effect"),
        ("acme", "5", ["--expires", "tomorrow"], 2, "is not an RFC 3339 time"),
        ("acme", "5", ["--currency", "usd"], 2, "not an active ISO 4217"),
        ("acme", "5", ["--price", "none", "--plan", "none"], 2, "no price 'none'; there is no plan 'none'"),
        ("acme", "5", ["--id", "a b"], 2, "is not a key"),
        ("acme", "5", ["--reason", " "], 2, "whoever decides"),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused_in_one_line(
    home: str, customer: str, amount: str, options: list[str], code: int, words: str
) -> None:
    before = in_process("wallet", "show", "acme", "--home", home).out
    said = grant(home, customer, amount, *options)
    assert said.code == code and words in said.err
    assert not words or said.err.count("\n") == 1
    assert in_process("wallet", "show", "acme", "--home", home).out.split("at ")[0] == before.split("at ")[0]


def test_commitments_stand_as_sealed_invoices_left_them(home: str) -> None:
    listed = in_process("commitment", "list", "--home", home, "--json").json
    assert [(each["subscription"], each["key"]) for each in listed] == [("acme-main", "monthly")]
    shown = in_process("commitment", "show", "acme-main", "--home", home, "--json").json[0]
    assert {name: shown[name] for name in ("committed", "usage", "drawn", "left")} == {
        "committed": "80.00",
        "usage": "0.65",
        "drawn": "0.65",
        "left": "40.00",
    }
    assert {each["kind"] for each in shown["movements"]} == {"committed", "drawn", "lapsed", "metered"}
    assert "each_period" in in_process("commitment", "show", "acme-main", "--home", home).out
    missing = in_process("commitment", "show", "none", "--home", home)
    assert missing.code == 3 and missing.err.count("\n") == 1


def test_an_invoice_shows_credits_and_what_is_due(home: str) -> None:
    rows = in_process("invoice", "list", "--home", home, "--json").json
    first = next(row["id"] for row in rows if row["customer"] == "acme")
    words = in_process("invoice", "show", first, "--home", home).out
    assert "Promotional credit gift" in words and "-30.00" in words and "Due USD" in words
    assert "Commitment monthly: true-up" in words and "Monthly fee (2026-02-01 until 2026-03-01)" in words
