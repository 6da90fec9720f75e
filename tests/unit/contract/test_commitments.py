"""What is wrong with a commitment, a top-up or the timing of a fee is named with its document and field,
all of it in one run."""

from __future__ import annotations

import pytest

from tests.balances import COMMITMENT, balances_catalog
from tieout.contract.check import check
from tieout.contract.document import parse_documents

OTHER = COMMITMENT.replace('"monthly"', '"more"')
MAXIMUM = """
[[subscription.commitment]]
key = "cap"
kind = "maximum"
amount = "100.00"
from = 2026-01-01T00:00:00Z
until = 2026-07-01T00:00:00Z
"""
SECOND_VERSION = """
[[subscription]]
key = "acme-main"
version = 2
effective_from = 2026-02-01T00:00:00Z
customer = "acme"
[[subscription.phase]]
plan = "basic"
from = 2026-01-01T00:00:00Z
"""


def problems(text: str) -> list[tuple[str, str, str]]:
    documents, found = parse_documents("catalog.toml", text)
    found += check(documents)[1]
    return [(problem.key, problem.field, problem.message) for problem in found]


def of_document(name: str, text: str) -> list[tuple[str, str]]:
    return [(field, message) for key, field, message in problems(text) if key == name]


def test_the_catalog_as_it_is_has_no_problem() -> None:
    assert problems(balances_catalog()) == []


COMMITMENTS = [
    ('amount = "40.00"', 'amount = "40.005"', "commitment[0].amount", "40.005 USD does not exist"),
    ('amount = "40.00"', 'amount = "0"', "commitment[0].amount", "is not above zero"),
    ('amount = "40.00"', "amount = 40", "commitment[0].amount", "write the decimal as a string"),
    ('billing = "each_period"', "", "commitment[0].billing", "is missing"),
    ('billing = "each_period"', 'billing = "yearly"', "commitment[0].billing", "is not one of"),
    ('billing = "each_period"', 'billing = "upfront"', "commitment[0].rollover", "needs billing"),
    ("rollover = true", 'rollover_cap = "1.00"', "commitment[0].rollover_cap", "needs rollover"),
    ("rollover = true", 'overage_rate = "-1"', "commitment[0].overage_rate", "negative"),
    ("rollover = true", "roll_over = true", "commitment[0].roll_over", "did you mean 'rollover'"),
    ("until = 2026-07-01", "until = 2026-01-01", "commitment[0].until", "is not after from"),
    ('kind = "minimum"', 'kind = "maximum"', "commitment[0].billing", "means nothing for a maximum"),
    (COMMITMENT, COMMITMENT * 2, "commitment[1].key", "is taken"),
    (COMMITMENT, COMMITMENT + OTHER, "commitment[1].from", "overlaps 'monthly', which is a minimum too"),
    (
        "rollover = true\n",
        f'overage_rate = "1.5"\n{MAXIMUM}',
        "commitment[1].from",
        "an overage rate and a maximum do not go together",
    ),
    (
        "from = 2026-01-01T00:00:00Z\nuntil = 2026-07-01",
        "from = 2025-01-01T00:00:00Z\nuntil = 2025-07-01",
        "commitment[0].from",
        "no phase of the subscription lies in the term",
    ),
]


@pytest.mark.parametrize(("old", "new", "field", "message"), COMMITMENTS)
def test_a_commitment_that_makes_no_sense_is_refused(old: str, new: str, field: str, message: str) -> None:
    text = balances_catalog()
    assert old in text
    head, _, rest = text.partition(COMMITMENT)
    found = of_document("subscription acme-main v1", head + COMMITMENT.replace(old, new) + rest)
    assert any(where == field and message in said for where, said in found), found


def test_a_minimum_and_a_maximum_go_together() -> None:
    head, _, rest = balances_catalog().partition(COMMITMENT)
    assert problems(head + COMMITMENT + MAXIMUM + rest) == []


@pytest.mark.parametrize("change", ["", COMMITMENT.replace('"40.00"', '"30.00"')])
def test_a_commitment_that_has_begun_stays_as_it_is(change: str) -> None:
    found = of_document("subscription acme-main v2", balances_catalog() + SECOND_VERSION + change)
    assert [field for field, _ in found] == ["commitment"]
    assert "'monthly' differs from v1" in found[0][1]
    assert problems(balances_catalog() + SECOND_VERSION + COMMITMENT) == []


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('threshold = "20.00"', 'threshold = "20.001"', "top_up.threshold"),
        ('amount = "50.00" }', 'amount = "0" }', "top_up.amount"),
        ('amount = "50.00" }', 'amount = "5", by = "x" }', "top_up.by"),
    ],
)
def test_a_top_up_that_makes_no_sense_is_refused(old: str, new: str, field: str) -> None:
    found = of_document("customer acme v1", balances_catalog().replace(old, new))
    assert [where for where, _ in found] == [field]


def test_a_fee_is_due_in_advance_or_in_arrears() -> None:
    found = of_document("price fee-usd v1", balances_catalog().replace('"advance"', '"before"'))
    assert found == [("timing", "'before' is not one of arrears, advance")]
