"""What a policy may say, what it means where it is silent, and every problem at once, with line and field."""

from __future__ import annotations

import pytest

from tests.unit.contract.sample import documents_of, texts
from tieout.contract.check import check
from tieout.contract.document import parse_documents
from tieout.contract.policy import Anchoring, HoldOn, LateApproval, LatePath, OffCycle, Policy, Requirement
from tieout.contract.problem import Problem
from tieout.kernel.rational import Exact

OLD = """
[[policy]]
key = "default"
version = 1
effective_from = 2026-01-01T00:00:00Z
cadence = "monthly"
grace_hours = 24
proposer = "Maya Lindqvist"
"""
FULL = (
    OLD
    + """anchor = "calendar"
anchor_day = 31
review_hours = 48
late_path = "note"
late_approval = "policy"
requires = ["approved_draft", "control_totals", "verified_log", "decided_quarantine", "signed_prices"]
hold_on = ["unpriced", "unmatched"]

[policy.off_cycle]
customers = ["acme"]
plans = ["team"]
prices = ["seats-usd"]
exposure_over = { USD = "500.00", JPY = "60000" }
commitment_used_percent = "80"
contract_end = true
"""
)


def checked(text: str) -> tuple[list[Policy], list[Problem]]:
    documents, problems = parse_documents("policy.toml", text)
    base, _ = documents_of({name: found for name, found in texts().items() if "[[policy]]" not in found})
    catalog, found = check([*base, *documents])
    return ([] if catalog is None else list(catalog.policies)), [*problems, *found]


def problems_of(text: str) -> list[str]:
    return [str(problem) for problem in checked(text)[1]]


def test_a_policy_of_before_keeps_its_meaning() -> None:
    ((policy,), problems) = checked(OLD)
    assert problems == []
    assert (policy.review_hours, policy.requires, policy.off_cycle) == (0, frozenset(), None)
    assert (policy.late_path, policy.late_approval) == (LatePath.NEXT_INVOICE, LateApproval.DELTA_REPORT)
    assert policy.hold_on == frozenset()
    assert (policy.anchoring, policy.anchor_day) == (Anchoring.CALENDAR, 1)


def test_every_member_is_read() -> None:
    ((policy,), problems) = checked(FULL)
    assert problems == []
    assert (policy.review_hours, policy.requires) == (48, frozenset(Requirement))
    assert (policy.late_path, policy.late_approval) == (LatePath.NOTE, LateApproval.POLICY)
    assert (policy.anchoring, policy.anchor_day) == (Anchoring.CALENDAR, 31)
    assert policy.hold_on == frozenset(HoldOn)
    assert policy.off_cycle == OffCycle(
        customers=("acme",),
        plans=("team",),
        prices=("seats-usd",),
        exposure_over=(("JPY", Exact(60000)), ("USD", Exact(500))),
        commitment_used_percent=Exact(80),
        contract_end=True,
    )


@pytest.mark.parametrize(
    ("given", "instead", "problem"),
    [
        ("review_hours = 48", "review_hours = 0", "review_hours: must be above 0: without a review"),
        ("review_hours = 48", "review_hours = 9999", "review_hours: 9999 is outside 0 to 2208"),
        ('late_path = "note"', 'late_path = "later"', "late_path: 'later' is not one of next_invoice, note"),
        ('late_approval = "policy"', "late_approval = 1", "late_approval: the number '1' is not one of"),
        ('"verified_log"', '"verified_logs"', "requires[2]: 'verified_logs' is not one of approved_draft"),
        ('"verified_log"', '"control_totals"', "requires: 'control_totals' is listed more than once"),
        ('"unpriced"', '"unpaid"', "hold_on[0]: 'unpaid' is not one of unpriced, unmatched"),
        ('"unpriced"', '"unmatched"', "hold_on: 'unmatched' is listed more than once"),
        ('["unpriced", "unmatched"]', '"unpriced"', "hold_on: must be a list of texts"),
        ('["unpriced", "unmatched"]', "[true]", "hold_on[0]: must be text, not"),
        ('"unpriced"', '" "', "hold_on[0]: is empty"),
        ('"calendar"', '"anniversary"', "anchor_day: has no use: an anniversary is counted"),
        ('"monthly"', '"weekly"', "anchor_day: has no use: it is a day of the month, and periods are weekly"),
        ("anchor_day = 31", "anchor_day = 32", "anchor_day: 32 is outside 1 to 31"),
        (
            '["acme"]',
            '["acmee"]',
            "off_cycle.customers[0]: there is no customer 'acmee'; did you mean 'acme'?",
        ),
        ('["team"]', '["gone"]', "off_cycle.plans[0]: there is no plan 'gone'"),
        ('["seats-usd"]', '["gone"]', "off_cycle.prices[0]: there is no price 'gone'"),
        ('USD = "500.00"', 'USD = "500.001"', "off_cycle.exposure_over.USD: 500.001 USD does not exist"),
        ('USD = "500.00"', "USD = 500", 'off_cycle.exposure_over.USD: write the decimal as a string: "500"'),
        ('USD = "500.00"', 'USD = "0"', "off_cycle.exposure_over.USD: must be above zero"),
        ('USD = "500.00"', 'USX = "500"', "off_cycle.exposure_over.USX: 'USX'"),
        ('"80"', '"0"', "off_cycle.commitment_used_percent: must be above zero"),
        ('"80"', '"-1"', "off_cycle.commitment_used_percent: -1 is negative"),
        ("contract_end = true", 'contract_end = "yes"', "off_cycle.contract_end: must be true or false"),
        ("contract_end = true", "contract_ends = true", "off_cycle.contract_ends: unknown key; did you mean"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_field(given: str, instead: str, problem: str) -> None:
    text = FULL.replace(given, instead)
    assert text != FULL
    name = problem.split(":", 1)[0]
    member = name.rsplit(".", 1)[-1].split("[")[0]
    (found,) = problems_of(text)
    path, line, rest = found.split(":", 2)
    assert (path, rest.strip().startswith(f"policy default v1: {problem}")) == ("policy.toml", True), found
    assert member in text.splitlines()[int(line) - 1], found


def test_all_mistakes_are_told_at_once() -> None:
    wrong = FULL.replace('"note"', '"later"').replace('["acme"]', "[]").replace('"80"', '"0"')
    assert len(problems_of(wrong)) == 2
    wrong = OLD + "[policy.off_cycle]\n"
    assert [text.split("off_cycle: ")[1] for text in problems_of(wrong)] == [
        "names nobody: give at least one of customers, plans, prices",
        "names no condition: give at least one of exposure_over, commitment_used_percent, contract_end",
    ]
